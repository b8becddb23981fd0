//! Each decision about each kind of message on each transport: what both sides see, exactly. Real sockets and a real
//! process; every world carries all of its cases one after the other.

#![cfg(all(feature = "http-server", feature = "http-client", feature = "stdio", unix))]

use std::time::Instant;

use shadowcat::layer::hold::{Breakpoint, NotDecided};
use shadowcat::layer::intercept::{Interest, on};
use shadowcat::{Direction, Kind};

use crate::chain::with;
use crate::support::{self, msg, soon, text};
use crate::transports::{
    Case, DECISIONS, DELAY, Decision, Fate, SUBJECTS, Stream, Subject, Transport, World,
};

/// Nobody is interested in it.
const MARK: &str = r#"{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}"#;

/// One case: what is sent, what the other side sees, and that nothing else was seen.
async fn run(world: &mut World, case: &Case) {
    let fate = case.fate(world.transport);
    case.lay(world);
    let began = Instant::now();
    match case.subject {
        Subject::Request => request(world, case, fate).await,
        Subject::Note => note(world, case, fate).await,
        Subject::ListenItem => listen_item(world, case, fate).await,
        Subject::ListenQuestion => question(world, case, fate, None).await,
        _ => during_a_call(world, case, fate).await,
    }
    assert!(case.decision != Decision::Delay || began.elapsed() >= DELAY, "{}", case.name);
    // Nothing else was on its way to the server.
    world.passes(&format!("\"after {}\"", case.name)).await;
    if let Some(stats) = world.chain.stats("case") {
        assert_eq!((stats.seen, stats.failed, stats.panicked, stats.late), (1, 0, 0, 0), "{}", case.name);
    }
    assert!(world.chain.remove("case") || world.holds.clear("case"));
}

async fn request(world: &mut World, case: &Case, fate: Fate) {
    let mut calling = world.client.send(&case.call).await;
    case.decide(world).await;
    match fate {
        Fate::On(text) => {
            world.server.answers(&text, &case.response).await;
            assert_eq!(world.client.hear(&mut calling).await, case.response, "{}", case.name);
        }
        Fate::Back(text) => assert_eq!(world.client.hear(&mut calling).await, text, "{}", case.name),
        Fate::Gone => panic!("{}: a request is answered", case.name),
    }
    world.client.hears_the_end(calling).await;
}

async fn note(world: &mut World, case: &Case, fate: Fate) {
    let telling = world.client.send(&case.note).await;
    case.decide(world).await;
    if let Fate::On(text) = fate {
        assert_eq!(world.server.hear().await, text, "{}", case.name);
    }
    world.client.hears_the_end(telling).await;
}

async fn listen_item(world: &mut World, case: &Case, fate: Fate) {
    world.server.say_unasked(&case.item).await;
    case.decide(world).await;
    // Before anything else is said: nothing is collected.
    if let Fate::On(text) = fate {
        assert_eq!(world.client.hear_unasked().await, text, "{}", case.name);
    }
    world.server.say_unasked(MARK).await;
    assert_eq!(world.client.hear_unasked().await, MARK, "{}", case.name);
}

async fn during_a_call(world: &mut World, case: &Case, fate: Fate) {
    let mut calling = world.client.send(&case.call).await;
    if case.subject == Subject::Response {
        world.server.answers(&case.call, &case.response).await;
    } else {
        assert_eq!(world.server.hear().await, case.call, "{}", case.name);
        match case.subject {
            Subject::Item => item(world, case, fate.clone(), &mut calling).await,
            Subject::LastResponse => {}
            _ => question(world, case, fate.clone(), Some(&mut calling)).await,
        }
        // What comes is delivered before the server says more.
        world.server.say(MARK).await;
        assert_eq!(world.client.hear(&mut calling).await, MARK, "{}", case.name);
        world.server.say(&case.response).await;
        world.server.end_call();
    }
    let last = match (case.subject, fate) {
        (Subject::Response | Subject::LastResponse, Fate::On(text)) => {
            case.decide(world).await;
            text
        }
        _ => case.response.clone(),
    };
    assert_eq!(world.client.hear(&mut calling).await, last, "{}", case.name);
    world.client.hears_the_end(calling).await;
}

async fn item(world: &mut World, case: &Case, fate: Fate, calling: &mut Stream) {
    world.server.say(&case.item).await;
    case.decide(world).await;
    if let Fate::On(text) = fate {
        assert_eq!(world.client.hear(calling).await, text, "{}", case.name);
    }
}

/// The server asks, during a call or unasked, and is answered.
async fn question(world: &mut World, case: &Case, fate: Fate, mut calling: Option<&mut Stream>) {
    match calling {
        Some(_) => world.server.say(&case.question).await,
        None => world.server.say_unasked(&case.question).await,
    }
    let answers = case.subject == Subject::ClientsAnswer;
    if !answers {
        case.decide(world).await;
    }
    let (asked, answered) = match fate {
        Fate::On(answer) if answers => (Some(case.question.clone()), answer),
        Fate::On(question) => (Some(question), case.answer.clone()),
        Fate::Back(answer) => (None, answer),
        Fate::Gone => panic!("{}: a question is answered", case.name),
    };
    let mut telling = None;
    if let Some(asked) = asked {
        let heard = match &mut calling {
            Some(calling) => world.client.hear(calling).await,
            None => world.client.hear_unasked().await,
        };
        assert_eq!(heard, asked, "{}", case.name);
        telling = Some(world.client.send(&case.answer).await);
        if answers {
            case.decide(world).await;
        }
    }
    assert_eq!(world.server.hear().await, answered, "{}", case.name);
    if let Some(telling) = telling {
        world.client.hears_the_end(telling).await;
    }
}

const TRANSPORTS: [Transport; 3] = [Transport::Stdio, Transport::Legacy, Transport::Modern];

async fn every_case_on(transport: Transport) {
    let mut world = World::start(transport).await;
    let subjects = SUBJECTS.into_iter().filter(|subject| subject.is_on(transport));
    let cases = subjects.flat_map(|subject| DECISIONS.map(|decision| (subject, decision)));
    for (number, (subject, decision)) in cases.enumerate() {
        let case = Case::new(&world, subject, decision, number);
        run(&mut world, &case).await;
    }
}

#[tokio::test]
async fn each_decision_about_each_message_on_stdio() {
    every_case_on(Transport::Stdio).await;
}

#[tokio::test]
async fn each_decision_about_each_message_of_a_session_on_http() {
    every_case_on(Transport::Legacy).await;
}

#[tokio::test]
async fn each_decision_about_each_message_of_2026_07_28() {
    every_case_on(Transport::Modern).await;
}

/// The items are changed on their way, and still none waits for the next.
async fn each_item_is_there_before_the_next_is_written(transport: Transport) {
    let mut world = World::start(transport).await;
    let items = Interest::everything().direction(Direction::ToClient).kind(Kind::Notification);
    world.chain.add("items", on(items, |seen| with(seen.message(), "/params/seen", "true"))).unwrap();
    let item = |n: u32, more: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{{more}"data":{n}}}}}"#)
    };
    let call = world.request("\"c\"", "tools/call", r#""name":"t""#);
    let mut calling = world.client.send(&call).await;
    assert_eq!(world.server.hear().await, call);
    for n in 0..5 {
        world.server.say(&item(n, "")).await;
        assert_eq!(world.client.hear(&mut calling).await, item(n, r#""seen":true,"#));
    }
    let response = support::done("\"c\"");
    world.server.say(&response).await;
    assert_eq!(world.client.hear(&mut calling).await, response);
    for n in 0..5 {
        world.server.say_unasked(&item(n, "")).await;
        assert_eq!(world.client.hear_unasked().await, item(n, r#""seen":true,"#));
    }
}

#[tokio::test]
async fn each_item_is_delivered_before_the_next_is_written() {
    for transport in TRANSPORTS {
        each_item_is_there_before_the_next_is_written(transport).await;
    }
}

#[tokio::test]
async fn what_its_client_cancels_is_held_no_more_and_never_reaches_the_server() {
    for transport in TRANSPORTS {
        let mut world = World::start(transport).await;
        world.holds.set(Breakpoint::new("calls", Interest::requests().method("tools/call"))).unwrap();
        let mut changes = world.holds.changes();
        let call = world.request("7", "tools/call", r#""name":"t""#);
        let calling = world.client.send(&call).await;
        let held = soon(world.holds.next()).await;
        changes.mark_unchanged();
        match transport {
            Transport::Modern => calling.leave(),
            _ => {
                let cancel = support::cancelled(7);
                let telling = world.client.send(&cancel).await;
                world.client.hears_the_end(telling).await;
            }
        }
        soon(changes.changed()).await.unwrap();
        assert_eq!(held.resume(), Err(NotDecided::Gone), "{transport:?}");
        world.passes("\"after\"").await;
    }
}

/// What rides beside a message, and is written nowhere, is not lost when somebody changes it from scratch.
#[tokio::test]
async fn a_session_goes_by_what_is_known_of_it() {
    for transport in [Transport::Stdio, Transport::Legacy] {
        let mut world = World::start(transport).await;
        world.holds.set(Breakpoint::new("calls", Interest::everything().method("tools/call"))).unwrap();
        let call = world.request("7", "tools/call", r#""name":"t""#);
        let mut calling = world.client.send(&call).await;
        let held = soon(world.holds.next()).await;
        let session = held.session_id().expect("there is a session").to_owned();
        let changed = call.replace("\"t\"", "\"u\"");
        held.edit(msg(&changed)).unwrap();
        world.server.answers(&changed, &support::done(7)).await;
        let held = soon(world.holds.next()).await;
        assert_eq!((held.session_id(), held.request().map(text)), (Some(&*session), Some(changed)));
        held.resume().unwrap();
        assert_eq!(world.client.hear(&mut calling).await, support::done(7));
    }
}
