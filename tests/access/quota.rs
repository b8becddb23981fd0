//! Rates and quotas, on a paused clock.

use std::sync::Arc;
use std::time::Duration;

use shadowcat::layer::quota::{Limit, Per, QuotaLayer, Quotas};
use shadowcat::policy::Decisions;
use shadowcat::reply::Upstream;
use shadowcat::rules::Text;
use shadowcat::session::Principal;
use shadowcat::{Context as Facts, Direction, JsonRpcMessage, Reply, ScanOptions};
use tower::{Layer, Service};

use crate::support::*;

const S: Duration = Duration::from_secs(1);

fn call_of(tool: &str, principal: &str, session: &str) -> JsonRpcMessage {
    let mut facts = Facts::new(Direction::ToUpstream).session(session);
    facts.shared_mut().insert(Principal::new(principal));
    let params = serde_json::json!({ "name": tool }).to_string();
    JsonRpcMessage::request(1, "tools/call", &params).unwrap().with_context(Arc::new(facts))
}

async fn ask(quotas: &Quotas, message: JsonRpcMessage) -> Reply {
    QuotaLayer::new(quotas).layer(leaf(echo)).call(message).await.unwrap()
}

async fn passes(quotas: &Quotas, tool: &str, principal: &str) -> bool {
    let session = format!("{principal}'s");
    ask(quotas, call_of(tool, principal, &session)).await.as_one().unwrap().result().is_some()
}

/// How long a refusal says to wait.
fn wait_of(reply: &Reply) -> Duration {
    let error: serde_json::Value = serde_json::from_slice(reply.as_one().unwrap().error().unwrap()).unwrap();
    assert_eq!(error["code"], 429);
    Duration::from_millis(error["data"]["retryAfterMs"].as_u64().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_rate_lets_so_many_pass_at_once_and_then_one_by_one() {
    let quotas = Quotas::new([Limit::rate("r", 10, S).burst(3)]);
    for n in 0..3 {
        assert!(passes(&quotas, "t", "a").await, "{n}");
    }
    for _ in 0..5 {
        let refused = ask(&quotas, call_of("t", "a", "s")).await;
        assert_eq!(wait_of(&refused), Duration::from_millis(100), "being refused costs nothing");
        tokio::time::sleep(Duration::from_millis(99)).await;
        assert!(!passes(&quotas, "t", "a").await);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(passes(&quotas, "t", "a").await);
    }
    tokio::time::sleep(60 * S).await;
    for n in 0..3 {
        assert!(passes(&quotas, "t", "a").await, "a pause saves no more than the burst: {n}");
    }
    assert!(!passes(&quotas, "t", "a").await);
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_a_total_in_a_window() {
    let quotas = Quotas::new([Limit::quota("day", 2, 100 * S).per(Per::new().principal())]);
    assert!(passes(&quotas, "t", "a").await);
    tokio::time::sleep(60 * S).await;
    assert!(passes(&quotas, "t", "a").await);
    let refused = ask(&quotas, call_of("t", "a", "s")).await;
    assert_eq!(wait_of(&refused), 40 * S, "until the window that began with the first is over");
    assert!(passes(&quotas, "t", "b").await, "others have their own");
    tokio::time::sleep(40 * S).await;
    assert!(passes(&quotas, "t", "a").await);
}

#[tokio::test(start_paused = true)]
async fn keys_are_what_is_named_together() {
    let quotas = Quotas::new([Limit::quota("q", 1, S).per(Per::new().principal().tool())]);
    for (tool, who, is_free) in [
        ("t", "a", true),
        ("u", "a", true),
        ("t", "b", true),
        ("t", "a", false),
        ("T", "a", false),
        ("t\u{200b}", "a", false),
    ] {
        assert_eq!(passes(&quotas, tool, who).await, is_free, "{tool:?} {who}");
    }
    let by_session = Quotas::new([Limit::quota("q", 1, S).per(Per::new().session())]);
    for (session, is_free) in [("1", true), ("2", true), ("1", false)] {
        let reply = ask(&by_session, call_of("t", "a", session)).await;
        assert_eq!(reply.as_one().unwrap().result().is_some(), is_free);
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_are_nobody_are_one() {
    let quotas = Quotas::new([Limit::quota("q", 1, S).per(Per::new().principal())]);
    assert!(ask(&quotas, call(1)).await.as_one().unwrap().result().is_some());
    assert!(ask(&quotas, call(2)).await.as_one().unwrap().error().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_one_limit_refuses_no_limit_counts() {
    let quotas = Quotas::new([
        Limit::quota("all", 2, 1000 * S),
        Limit::quota("writes", 1, 1000 * S).tool(Text::glob("write_*")),
    ]);
    assert!(passes(&quotas, "write_a", "a").await);
    for name in ["write_a", "WRITE_b", "write_c"] {
        assert!(!passes(&quotas, name, "a").await, "{name}");
    }
    assert!(passes(&quotas, "read", "a").await, "there is one left");
    assert!(!passes(&quotas, "read", "a").await);
}

#[tokio::test(start_paused = true)]
async fn nothing_but_requests_is_counted() {
    let quotas = Quotas::new([Limit::quota("none", 0, S)]);
    let mut stack = QuotaLayer::new(&quotas).layer(leaf(echo));
    for passing in [note("notifications/initialized"), cancelled(1), done(1)] {
        assert!(stack.call(msg(&passing)).await.unwrap().is_end());
    }
    let listen = JsonRpcMessage::request(1, "subscriptions/listen", "{}").unwrap();
    let own = Arc::new(Facts::new(Direction::ToUpstream).session_listen());
    assert!(!stack.call(listen.clone().with_context(own)).await.unwrap().is_end());
    assert!(
        stack.call(listen).await.unwrap().as_one().unwrap().error().is_some(),
        "a client's own is a request"
    );
    assert_eq!(stack.get_ref().seen.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_who_refused_and_when_to_come_back_on_http_too() {
    let quotas = Quotas::new([Limit::quota("none", 0, Duration::from_millis(1500))]);
    let refused = ask(&quotas, call_of("t", "a", "s")).await;
    assert_eq!(Decisions::of(&refused)[0].rule_id(), Some("none"));
    let said = refused.extensions().get::<Upstream>().unwrap();
    assert_eq!((said.status.as_u16(), &said.headers["retry-after"]), (429, &http::HeaderValue::from(2)));
    assert_eq!((quotas.stats().refused, quotas.stats().passed), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_full_table_resets_nobody() {
    let quotas = Quotas::new([Limit::quota("q", 1, 100 * S).per(Per::new().principal()).max_keys(4)]);
    assert!(passes(&quotas, "t", "victim").await);
    for n in 0..100 {
        let own = passes(&quotas, "t", &format!("flood-{n}")).await;
        assert_eq!(own, n < 4, "three have a count of their own, the rest one together: {n}");
        assert!(!passes(&quotas, "t", "victim").await);
    }
    assert_eq!(quotas.stats().keys, 4);
    assert!(quotas.stats().shared > 0);
    tokio::time::sleep(100 * S).await;
    assert!(passes(&quotas, "t", "late").await, "what is over makes room");
}

#[tokio::test(start_paused = true)]
async fn the_edges_of_limits_do_no_harm() {
    for limit in
        [Limit::rate("x", 0, S), Limit::rate("x", 5, S).burst(0), Limit::quota("x", 0, Duration::MAX)]
    {
        assert!(!passes(&Quotas::new([limit]), "t", "a").await);
    }
    for limit in [
        Limit::rate("x", u32::MAX, Duration::ZERO),
        Limit::quota("x", u64::MAX, Duration::MAX),
        Limit::rate("x", 1, Duration::MAX),
    ] {
        assert!(passes(&Quotas::new([limit]), "t", "a").await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_count_of_nothing_lets_nothing_pass_whatever_the_burst() {
    let thirty_years = 30 * 365 * 24 * 3600 * S;
    for time in [S, Duration::ZERO, Duration::MAX] {
        let quotas = Quotas::new([Limit::rate("x", 0, time).burst(5)]);
        for _ in 0..3 {
            let wait = wait_of(&ask(&quotas, call_of("t", "a", "s")).await);
            assert!(wait <= thirty_years, "{wait:?}");
            tokio::time::sleep(wait).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_one_in_all_eternity_is_one() {
    for (burst, time) in [(1, Duration::MAX), (3, Duration::MAX), (3, Duration::MAX / 2)] {
        let quotas = Quotas::new([Limit::rate("x", 1, time).burst(burst)]);
        for n in 0..burst {
            assert!(passes(&quotas, "t", "a").await, "{n}");
        }
        for _ in 0..5 {
            let wait = wait_of(&ask(&quotas, call_of("t", "a", "s")).await);
            assert!(wait > 365 * 24 * 3600 * S && wait < Duration::MAX / 1000, "{wait:?}");
        }
    }
    let quotas = Quotas::new([Limit::rate("x", 1, Duration::MAX).burst(u32::MAX)]);
    assert!(passes(&quotas, "t", "a").await, "what is owed is further off than most clocks go");
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_a_tool_counts_what_a_lax_server_takes_for_it() {
    for text in [Text::exact("deleteRepo"), Text::glob("delete*Repo")] {
        let quotas = Quotas::new([Limit::quota("q", 1, S).tool(text)]);
        assert!(passes(&quotas, "deleteRepo", "a").await);
        for tool in ["DELETEREPO", "deleterepo", "delete\u{200b}Repo", "deleteRepo "] {
            assert!(!passes(&quotas, tool, "a").await, "{tool:?}");
        }
        assert!(passes(&quotas, "deleteBranch", "a").await);
    }
}

#[tokio::test]
async fn what_cannot_be_judged_is_refused() {
    let quotas = Quotas::new([]);
    let odd = r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":1,"a":2}}"#;
    let odd = JsonRpcMessage::parse_with(odd, &ScanOptions::new().transparent()).unwrap();
    assert!(ask(&quotas, odd).await.as_one().unwrap().error().is_some());
}
