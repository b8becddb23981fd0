//! Policy files in YAML.

#![cfg(feature = "yaml")]

use shadowcat::wassette::policy::Policy;

#[test]
fn yaml_is_read_as_strictly() {
    let text = "# as Wassette keeps it\nversion: '1.0'\ndescription: null\npermissions:\n  network:\n    allow:\n    - host: a.example\n    deny: null\n  environment: null\n";
    let policy = Policy::from_yaml(text).unwrap();
    assert_eq!(policy.network.allow.len(), 1);
    assert_eq!(Policy::from_yaml(&policy.to_json()).unwrap(), policy, "JSON is YAML");
    assert_eq!(Policy::from_yaml("version: \"1.0\"\npermissions:\n").unwrap(), Policy::new());
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n";
    let bad = [
        "version: 1.0\npermissions: {}\n",
        "version: \"1.0\"\nversion: \"1.0\"\npermissions: {}\n",
        "- a\n",
        "",
        bomb,
        "version: \"1.0\"\npermissions: {}\n---\nversion: \"1.0\"\npermissions: {}\n",
        "$serde_json::private::RawValue: '{\"version\":\"1.0\",\"permissions\":{}}'\n",
        "x: &x {version: \"1.0\"}\n<<: *x\npermissions: {}\n",
    ];
    for text in bad {
        assert!(Policy::from_yaml(text).is_err(), "{text}");
    }
}

#[test]
fn a_key_with_a_private_meaning_is_refused_however_it_is_written() {
    let inner = r#"'{"version":"1.0","permissions":{"network":{"allow":[{"host":"*"}]}}}'"#;
    let runtime = "version: \"1.0\"\npermissions:\n  runtime:\n    wasm:\n";
    for key in [
        "$serde_json::private::RawValue",
        r#""\x24serde_json::private::RawValue""#,
        r#""$serde_json::\u0070rivate::Number""#,
    ] {
        for text in [format!("{key}: {inner}\n"), format!("{runtime}      {key}: {inner}\n")] {
            let error = Policy::from_yaml(&text).unwrap_err().to_string();
            assert!(error.contains("private meaning"), "{text}{error}");
        }
    }
    let text = "version: \"1.0\"\ndescription: no $serde_json::private::RawValue here\npermissions: {}\n";
    assert!(Policy::from_yaml(text).is_ok(), "it is a key that has the meaning");
}
