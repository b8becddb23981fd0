//! Any session: replayed to the same requests in the same order, under other ids and tokens, it says the same bytes but
//! for those.

use proptest::prelude::*;
use shadowcat::tape::Entry;

use crate::replayed::*;
use crate::support::{note, progress};

/// A call: what is asked, with how much progress it is answered, and what.
#[derive(Clone, Debug)]
struct Call {
    method: &'static str,
    argument: String,
    steps: u32,
    answer: String,
    is_error: bool,
}

impl Call {
    /// Everything that depends on the id.
    fn request(&self, id: &str) -> String {
        let (method, argument) = (self.method, &self.argument);
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"x":{argument},"_meta":{{"progressToken":{id}}}}}}}"#
        )
    }

    fn said(&self, id: &str) -> Vec<String> {
        let mut said: Vec<String> = (0..self.steps).map(|step| progress(id, step)).collect();
        said.push(note("notifications/message"));
        let member = if self.is_error { "error" } else { "result" };
        let answer = match self.is_error {
            true => format!(r#"{{"code":-32000,"message":"no","data":{}}}"#, self.answer),
            false => self.answer.clone(),
        };
        said.push(format!(r#"{{ "{member}" : {answer},"jsonrpc":"2.0",  "id" : {id}}}"#));
        said
    }
}

fn json() -> impl Strategy<Value = String> {
    prop::sample::select(
        &["1", "1.50", "-0", r#""\u00e9\n""#, "[]", r#"{"a":[1,{"b":null}]}"#, "true", "{\"\": 1E5 }"][..],
    )
    .prop_map(str::to_owned)
}

fn call() -> impl Strategy<Value = Call> {
    let method = prop::sample::select(&["ping", "tools/list", "vendor/x"][..]);
    (method, json(), 0..3_u32, json(), any::<bool>()).prop_map(
        |(method, argument, steps, answer, is_error)| Call { method, argument, steps, answer, is_error },
    )
}

fn id(prefix: &str, at: usize) -> String {
    if at.is_multiple_of(2) { format!(r#""{prefix}{at}""#) } else { (prefix.len() * 1000 + at).to_string() }
}

/// Calls one after the other, or two at a time, the second answered first.
fn tape(calls: &[Call], two_at_a_time: bool) -> Vec<Entry> {
    let mut entries = Vec::new();
    let size = if two_at_a_time { 2 } else { 1 };
    for (at, group) in calls.chunks(size).enumerate() {
        let number = |within: usize| at * size + within;
        for (within, call) in group.iter().enumerate() {
            entries.push(up(call.request(&id("r", number(within)))).call(number(within) as u64));
        }
        for (within, call) in group.iter().enumerate().rev() {
            let said = call.said(&id("r", number(within)));
            entries.extend(said.iter().map(|line| down(line).call(number(within) as u64)));
        }
    }
    entries
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_session_is_said_again(calls in prop::collection::vec(call(), 1..12), two_at_a_time in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut replay = replay(tape(&calls, two_at_a_time));
        runtime.block_on(async {
            for (at, call) in calls.iter().enumerate() {
                let id = id("other", at);
                assert_eq!(all(&mut replay, call.request(&id)).await, call.said(&id));
            }
        });
        prop_assert!(replay.unused().is_empty());
        prop_assert!(replay.mismatches().is_empty());
    }
}
