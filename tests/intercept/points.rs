//! Where messages stand in the life of a call, and typed changes that leave every other byte alone.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::layer::intercept::{Action, Chain, InterceptLayer, Interest, Point, on};
use shadowcat::{BoxError, Error, JsonRpcMessage, Reply};
use tower::{Layer, Service};

use crate::chain::*;
use crate::support::{msg, rest, text};

/// The points that a request, what is said during it, and its response stand at.
async fn points(request: Value, said: &[Value]) -> Vec<Point> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let kept = found.clone();
    let chain = Chain::new();
    let look = move |seen: &mut shadowcat::layer::intercept::Interception| {
        kept.lock().unwrap().push(seen.point());
        Action::Continue
    };
    chain.add("look", on(Interest::everything(), look)).unwrap();
    let said: Vec<_> = said.iter().map(|said| msg(said.to_string())).collect();
    let mut stack = InterceptLayer::new(chain).layer(tower::service_fn(move |_: JsonRpcMessage| {
        let said = said.clone();
        async { Ok::<_, Error>(Reply::stream(futures::stream::iter(said.into_iter().map(Ok)))) }
    }));
    rest(stack.call(msg(request.to_string())).await.unwrap()).await;
    found.lock().unwrap().clone()
}

fn request(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

#[tokio::test]
async fn each_message_stands_where_the_life_of_its_call_is() {
    let result = json!({"jsonrpc": "2.0", "id": 1, "result": {}});
    for (method, params, pre, post) in [
        ("tools/call", json!({"name": "load-component"}), Point::PreComponentLoad, Point::PostComponentLoad),
        ("tools/call", json!({"name": "grant-storage-permission"}), Point::PolicyCheck, Point::PostToolCall),
        ("tools/call", json!({"name": "fetch"}), Point::PreToolCall, Point::PostToolCall),
        ("tools/list", json!({}), Point::PreList, Point::PostList),
        ("resources/templates/list", json!({}), Point::PreList, Point::PostList),
        ("resources/read", json!({"uri": "a:"}), Point::PreRead, Point::PostRead),
        ("prompts/get", json!({"name": "p"}), Point::PrePrompt, Point::PostPrompt),
        ("ping", json!({}), Point::Other, Point::Other),
    ] {
        let found = points(request(method, params.clone()), std::slice::from_ref(&result)).await;
        assert_eq!(found, [pre, post], "{method} {params}");
    }
}

#[tokio::test]
async fn what_the_server_asks_stands_at_points_of_its_own() {
    let call = request("tools/call", json!({"name": "t"}));
    let sampling = json!({"jsonrpc": "2.0", "id": 7, "method": "sampling/createMessage", "params": {}});
    let elicitation = json!({"jsonrpc": "2.0", "id": 8, "method": "elicitation/create", "params": {}});
    let needs =
        json!({"jsonrpc": "2.0", "id": 1, "result": {"resultType": "input_required", "requestState": "x"}});
    let found = points(call, &[sampling, elicitation, needs]).await;
    assert_eq!(found, [Point::PreToolCall, Point::PreSampling, Point::PreElicitation, Point::InputRequired]);
    let again = request("tools/call", json!({"name": "t", "inputResponses": {}, "requestState": "x"}));
    assert_eq!(points(again, &[]).await, [Point::InputGiven]);
}

#[tokio::test]
async fn input_is_seen_by_its_keys() {
    let chain = deciding(Interest::everything(), |seen| {
        let keys =
            |entries: Vec<(String, &[u8])>| entries.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        match seen.point() {
            Point::InputRequired => assert_eq!(keys(seen.input_requests()), ["a", "b"]),
            _ => assert_eq!(seen.input_responses(), [("a".to_owned(), &br#"{"action":"accept"}"#[..])]),
        }
        Action::Continue
    });
    let again = CALL.replace(r#""name":"t""#, r#""name":"t","inputResponses":{"a":{"action":"accept"}}"#);
    let needs = r#"{"jsonrpc":"2.0","id":"a","result":{"resultType":"input_required","inputRequests":{"a":{},"b":{}}}}"#;
    through(&chain, &again, &[needs]).await;
    let stats = chain.stats("one").unwrap();
    assert_eq!((stats.seen, stats.panicked), (2, 0));
}

fn rewritten(before: &str, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Result<String, BoxError> {
    let outcome = Arc::new(Mutex::new(None));
    let kept = outcome.clone();
    let chain = deciding(Interest::everything(), move |seen| {
        let action = seen.rewrite(&"/params".parse().unwrap(), &change);
        *kept.lock().unwrap() = Some(action.map(|action| match action {
            Action::Modify(message) => text(&message),
            _ => text(seen.message()),
        }));
        Action::Drop
    });
    futures::executor::block_on(async {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(through(&chain, before, &[]));
    });
    outcome.lock().unwrap().take().unwrap()
}

#[test]
fn only_what_changed_is_written() {
    let before = r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{ "a":1.0 , "b" : [1, 2,3], "big":123456789012345678901234567890 }}"#;
    let after = rewritten(before, |params| {
        params["b"][1] = "x".into();
        params["b"].as_array_mut().unwrap().pop();
    });
    assert_eq!(after.unwrap(), before.replace("[1, 2,3]", "[1, \"x\"]"));
    assert_eq!(rewritten(before, |_| ()).unwrap(), before);
    rewritten(&before.replace("123456789012345678901234567890", "\"\\ud800\""), |_| ()).unwrap_err();
    rewritten(NOTE, |_| ()).unwrap_err();
}

/// JSON of some depth with few keys.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i32>().prop_map(Value::from),
        "[a\"/~]{0,3}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[ab/~]{0,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_change_of_the_tree_is_made_in_the_bytes(before in tree(), after in tree()) {
        let (before, after) = (json!({"x": before}), json!({"x": after}));
        let sent = json!({"jsonrpc": "2.0", "id": 1, "method": "m", "params": before}).to_string();
        let wanted = after.clone();
        let got = rewritten(&sent, move |params| *params = wanted.clone()).unwrap();
        let got: Value = serde_json::from_str(&got).unwrap();
        prop_assert_eq!(&got["params"], &after);
    }
}
