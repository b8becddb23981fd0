//! Keys of many providers, drawn by lot.

#![allow(dead_code, reason = "no test file uses all of it")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Characters drawn by lot, the same at each run.
pub(crate) fn drawn(alphabet: &str, length: usize, seed: u64) -> String {
    let mut random = fastrand::Rng::with_seed(seed);
    let alphabet = alphabet.as_bytes();
    // A digit in front: keys have one.
    let mut text = String::from(if alphabet.contains(&b'7') { "7" } else { "" });
    while text.len() < length {
        text.push(char::from(alphabet[random.usize(..alphabet.len())]));
    }
    text
}

pub(crate) const HEX: &str = "0123456789abcdef";
pub(crate) const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
pub(crate) const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub(crate) const DIGITS: &str = "0123456789";

/// A key of each provider, as its documentation describes it.
pub(crate) fn keys() -> Vec<(&'static str, String)> {
    let key = |kind, prefix: &str, alphabet, length| {
        (kind, format!("{prefix}{}", drawn(alphabet, length, length as u64)))
    };
    let mut keys = vec![
        key("age-key", "AGE-SECRET-KEY-1", UPPER, 58),
        key("anthropic-key", "sk-ant-api03-", ALNUM, 95),
        key("anthropic-key", "sk-ant-admin01-", ALNUM, 95),
        key("anthropic-key", "sk-ant-oat01-", ALNUM, 95),
        key("atlassian-token", "ATATT3", ALNUM, 186),
        key("aws-access-key-id", "AKIA", UPPER, 16),
        key("aws-access-key-id", "ASIA", UPPER, 16),
        key("cargo-token", "cio", ALNUM, 32),
        key("databricks-token", "dapi", HEX, 32),
        key("digitalocean-token", "dop_v1_", HEX, 64),
        key("docker-token", "dckr_pat_", ALNUM, 27),
        key("doppler-token", "dp.pt.", ALNUM, 43),
        key("easypost-key", "EZAK", ALNUM, 54),
        key("figma-token", "figd_", ALNUM, 40),
        key("fly-token", "fo1_", ALNUM, 43),
        key("github-token", "ghp_", ALNUM, 36),
        key("github-token", "gho_", ALNUM, 36),
        key("github-token", "ghu_", ALNUM, 36),
        key("github-token", "ghs_", ALNUM, 36),
        key("github-token", "ghr_", ALNUM, 36),
        key("github-fine-grained-token", "github_pat_", ALNUM, 82),
        key("gitlab-token", "glpat-", ALNUM, 20),
        key("gitlab-token", "glrt-", ALNUM, 20),
        key("google-api-key", "AIza", ALNUM, 35),
        key("google-client-secret", "GOCSPX-", ALNUM, 28),
        key("google-oauth-token", "ya29.", ALNUM, 150),
        key("grafana-token", "glsa_", ALNUM, 41),
        key("groq-key", "gsk_", ALNUM, 52),
        key("heroku-key", "HRKU-", ALNUM, 60),
        key("hugging-face-token", "hf_", ALNUM, 34),
        key("linear-key", "lin_api_", ALNUM, 40),
        key("mailgun-key", "key-", HEX, 32),
        key("netlify-token", "nfp_", ALNUM, 36),
        key("new-relic-key", "NRAK-", UPPER, 27),
        key("notion-token", "ntn_", ALNUM, 46),
        key("npm-token", "npm_", ALNUM, 36),
        key("openai-key", "sk-proj-", ALNUM, 156),
        key("secret-key", "sk-", ALNUM, 48),
        key("openshift-token", "sha256~", ALNUM, 43),
        key("perplexity-key", "pplx-", ALNUM, 48),
        key("planetscale-token", "pscale_tkn_", ALNUM, 43),
        key("pulumi-token", "pul-", HEX, 40),
        key("pypi-token", "pypi-AgEIcHlwaS5vcmc", ALNUM, 150),
        key("replicate-token", "r8_", ALNUM, 37),
        key("rubygems-key", "rubygems_", HEX, 48),
        key("sentry-token", "sntrys_", ALNUM, 120),
        key("shopify-token", "shpat_", HEX, 32),
        key("square-token", "sq0atp-", ALNUM, 22),
        key("stripe-key", "sk_live_", ALNUM, 24),
        key("stripe-key", "rk_test_", ALNUM, 99),
        key("stripe-key", "whsec_", ALNUM, 32),
        key("supabase-key", "sbp_", HEX, 40),
        key("tailscale-key", "tskey-auth-", ALNUM, 40),
        key("twilio-key", "SK", HEX, 32),
        key("vault-token", "hvs.", ALNUM, 95),
        key("xai-key", "xai-", ALNUM, 80),
        key("1password-token", "ops_eyJ", ALNUM, 400),
    ];
    let parts = |prefix: &str, separator: &str, parts: &[(&str, usize)]| {
        let parts: Vec<_> = parts.iter().map(|(set, length)| drawn(set, *length, *length as u64)).collect();
        format!("{prefix}{}", parts.join(separator))
    };
    keys.extend([
        ("airtable-key", parts("pat", ".", &[(ALNUM, 14), (HEX, 64)])),
        ("dynatrace-token", parts("dt0c01.", ".", &[(UPPER, 24), (UPPER, 64)])),
        ("postman-key", parts("PMAK-", "-", &[(HEX, 24), (HEX, 34)])),
        ("sendgrid-key", parts("SG.", ".", &[(ALNUM, 22), (ALNUM, 43)])),
        ("slack-token", parts("xoxb-", "-", &[(DIGITS, 12), (DIGITS, 13), (ALNUM, 24)])),
        ("slack-token", parts("xoxp-", "-", &[(DIGITS, 12), (DIGITS, 12), (DIGITS, 12), (HEX, 32)])),
        ("slack-app-token", parts("xapp-", "-", &[(DIGITS, 1), (UPPER, 11), (DIGITS, 13), (HEX, 64)])),
        ("slack-webhook", parts("hooks.slack.com/services/", "/", &[(UPPER, 9), (UPPER, 11), (ALNUM, 24)])),
        ("telegram-token", parts("", ":AA", &[(DIGITS, 10), (ALNUM, 33)])),
        ("terraform-token", parts("", ".atlasv1.", &[(ALNUM, 14), (ALNUM, 67)])),
        ("jwt", web_token()),
    ]);
    keys
}

pub(crate) fn web_token() -> String {
    let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let signature = drawn(ALNUM, 43, 1);
    format!(
        "{}.{}.{signature}",
        part(r#"{"alg":"RS256","typ":"JWT"}"#),
        part(r#"{"sub":"1","exp":1900000000}"#)
    )
}
