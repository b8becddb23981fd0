//! The cases on pipes.

use serde_json::Value;

use super::corpus::{Case, Outcome, Plan, Question};
use super::run::{Heard, Run};
use super::told::{
    expect_bytes, expect_denial, expect_failures, expect_left, expect_refusals, id, is_request, show,
};
use super::{PLAYED, PROBE};

pub(crate) fn run(case: &Case, plan: &Plan) -> Result<(), String> {
    if plan.from_client { from_client(case, plan) } else { from_server(case, plan) }
}

/// The client sends the bytes: the peer must receive what is forwarded and nothing else, and the client be
/// told of each refusal once; what the peer leaves unanswered fails once.
fn from_client(case: &Case, plan: &Plan) -> Result<(), String> {
    let questions: Vec<_> = case.server_pending.iter().map(Question::line).collect();
    let mut run = Run::start(&questions.concat(), 0, b"");
    for question in &questions {
        run.until(question)?;
    }
    run.proxy.send(&case.bytes());
    let Heard { before, after, received } = run.probe()?;

    let goes_on = |outcome: &Outcome| matches!(outcome, Outcome::Forward | Outcome::Strip);
    let passed: Vec<_> = plan.frames.iter().filter(|(_, outcome)| goes_on(outcome)).collect();
    let received: Vec<_> = received.split_inclusive(|byte| *byte == b'\n').collect();
    let Some((&PROBE, received)) = received.split_last() else {
        return Err(format!("the server received {}", show(&received.concat())));
    };
    expect_all(case, &passed, received)?;

    let refused = plan.frames.len() - passed.len();
    expect_refusals(case, &before, if case.is_silent() { 0 } else { refused })?;
    for (line, _) in plan.frames.iter().filter(|(_, outcome)| *outcome == Outcome::Block) {
        expect_denial(line, &before)?;
    }
    let pending = passed.iter().map(|(line, _)| line).filter(|line| is_request(line));
    expect_failures(&after, pending.filter_map(|line| id(line)).collect(), -32603)
}

/// One line for each frame that goes on, in order.
fn expect_all(case: &Case, due: &[&(Vec<u8>, Outcome)], came: &[impl AsRef<[u8]>]) -> Result<(), String> {
    if due.len() != came.len() {
        let shown: Vec<_> = came.iter().map(|line| show(line.as_ref())).collect();
        return Err(format!("{} lines were due, there came {shown:?}", due.len()));
    }
    let mut pairs = due.iter().zip(came);
    pairs.try_for_each(|((sent, outcome), came)| expect_left(case, *outcome, sent, came.as_ref()))
}

/// The server says the bytes while the client waits for replies.
fn from_server(case: &Case, plan: &Plan) -> Result<(), String> {
    let pending: Vec<_> = case.pending.iter().map(Question::line).collect();
    let mut run = Run::start(b"", pending.len(), &[&case.bytes()[..], PLAYED].concat());
    run.proxy.send(&pending.concat());
    run.until(PLAYED)?;
    let Heard { before, after, received } = run.probe()?;
    expect_bytes("the server received", &received, &[&pending.concat()[..], PROBE].concat())?;

    let passed: Vec<_> = plan.frames.iter().filter(|(_, outcome)| *outcome != Outcome::Reject).collect();
    let (mut came, mut told) = (Vec::new(), Vec::new());
    for line in before {
        let due = passed.get(came.len());
        match due.is_some_and(|(sent, outcome)| expect_left(case, *outcome, sent, &line).is_ok()) {
            true => came.push(line),
            false => told.push(line),
        }
    }
    if came.len() < passed.len() {
        let (sent, outcome) = passed[came.len()];
        let told = told.first().ok_or("nothing came")?;
        return expect_left(case, *outcome, sent, told);
    }

    let (mut at_once, mut at_end) = (Vec::new(), Vec::new());
    for question in &case.pending {
        let is_its_own = |line: &[u8]| {
            serde_json::from_slice::<Value>(line).is_ok_and(|reply| reply.get("id") == Some(&question.id))
        };
        let settles = plan.frames.iter().find(|(line, _)| is_its_own(line)).map(|(_, outcome)| *outcome);
        match settles {
            Some(Outcome::Reject) => at_once.push(question.id.to_string()),
            Some(_) => {}
            None => at_end.push(question.id.to_string()),
        }
    }
    let code = case.error_code.flatten().unwrap_or(-32603);
    expect_failures(&told, at_once, code)?;
    expect_failures(&after, at_end, code)
}
