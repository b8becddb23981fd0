//! Each decision about each kind of message on each transport: what both sides see, exactly. Real sockets and a real
//! process; every world carries all of its cases one after the other.

#![cfg(all(feature = "http-server", feature = "http-client", feature = "stdio", unix))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chain;
mod process;
mod support;
mod transports;
#[path = "support/upstream.rs"]
mod upstream;

use std::time::{Duration, Instant};

use chain::{DROPPED, error, only, with};
use shadowcat::layer::hold::{Breakpoint, Held};
use shadowcat::layer::intercept::{self, Action, Interest, on};
use shadowcat::{Code, Direction, Kind, Reply};
use support::{done, msg, text};
use transports::{Stream, Transport, World};

const DELAY: Duration = Duration::from_millis(20);
const MARK: &str = r#"{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}"#;

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Continue,
    Modify,
    Block,
    BlockAsToolError,
    Respond,
    Delay,
    Drop,
    Resume,
    Edit,
    Answer,
    Reject,
}

use Decision::*;

const DECISIONS: [Decision; 11] =
    [Continue, Modify, Block, BlockAsToolError, Respond, Delay, Drop, Resume, Edit, Answer, Reject];

/// What it is decided about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Request,
    Note,
    /// Of a request that the server answers with one message.
    Response,
    /// The last of several.
    LastResponse,
    /// The server's, during a call.
    Item,
    /// The server's, unasked.
    ListenItem,
    /// The server's, during a call.
    Question,
    /// The server's, unasked.
    ListenQuestion,
    /// The client's to the server.
    ClientsAnswer,
}

const SUBJECTS: [Subject; 9] = [
    Subject::Request,
    Subject::Note,
    Subject::Response,
    Subject::LastResponse,
    Subject::Item,
    Subject::ListenItem,
    Subject::Question,
    Subject::ListenQuestion,
    Subject::ClientsAnswer,
];

/// What becomes of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// This goes on.
    On(String),
    /// It does not, and its sender hears this.
    Back(String),
    Gone,
}

impl Subject {
    /// In 2026-07-28 a server asks by its result.
    fn is_on(self, transport: Transport) -> bool {
        let asks = matches!(self, Self::Question | Self::ListenQuestion | Self::ClientsAnswer);
        !(asks && transport == Transport::Modern)
    }

    fn interest(self) -> Interest {
        let (up, down) = (Direction::ToUpstream, Direction::ToClient);
        match self {
            Self::Request => only(up, Kind::Request).method("tools/call"),
            Self::Note => only(up, Kind::Notification),
            Self::Response | Self::LastResponse => only(down, Kind::Response).method("tools/call"),
            Self::Item | Self::ListenItem => only(down, Kind::Notification).method("notifications/message"),
            Self::Question | Self::ListenQuestion => only(down, Kind::Request).method("roots/list"),
            Self::ClientsAnswer => only(up, Kind::Response).method("roots/list"),
        }
    }

    /// Where an edit changes it, and to what.
    fn change(self) -> (&'static str, &'static str) {
        match self {
            Self::Request => ("/params/arguments/n", "2"),
            Self::Response | Self::LastResponse => ("/result/content/-", r#"{"n":2}"#),
            Self::ClientsAnswer => ("/result/roots/-", r#"{"n":2}"#),
            _ => ("/params/data", "2"),
        }
    }
}

/// The messages of one case.
struct Case {
    subject: Subject,
    decision: Decision,
    name: String,
    id: String,
    call: String,
    note: String,
    response: String,
    item: String,
    question: String,
    answer: String,
}

impl Case {
    fn new(world: &World, subject: Subject, decision: Decision, number: usize) -> Self {
        let name = format!("{:?} {subject:?} {decision:?}", world.transport);
        let (id, asked) = (format!("\"c{number}\""), format!("\"q{number}\""));
        Self {
            subject,
            decision,
            name,
            call: world.request(&id, "tools/call", r#""name":"t","arguments":{ "n":1 , "big":1.50e400}"#),
            note: world.note("notifications/roots/list_changed", r#""data":1.0"#),
            response: format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[], "x":-0.0}}}}"#),
            item: r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"\u00e9"}}"#.to_owned(),
            question: format!(r#"{{"jsonrpc":"2.0","id":{asked},"method":"roots/list","params":{{"data":1.0}}}}"#),
            answer: format!(r#"{{"jsonrpc":"2.0","id":{asked},"result":{{"roots":[] }}}}"#),
            id,
        }
    }

    /// The message that is decided about.
    fn text(&self) -> &str {
        match self.subject {
            Subject::Request => &self.call,
            Subject::Note => &self.note,
            Subject::Response | Subject::LastResponse => &self.response,
            Subject::Item | Subject::ListenItem => &self.item,
            Subject::Question | Subject::ListenQuestion => &self.question,
            Subject::ClientsAnswer => &self.answer,
        }
    }

    fn changed(&self) -> String {
        let (place, json) = self.subject.change();
        match with(&msg(self.text()), place, json) {
            Action::Modify(message) => text(&message),
            action => panic!("{action:?}"),
        }
    }

    /// What must become of it.
    fn fate(&self, transport: Transport) -> Fate {
        let message = msg(self.text());
        let instead = match self.decision {
            Continue | Delay | Resume => return Fate::On(self.text().to_owned()),
            Modify | Edit => return Fate::On(self.changed()),
            _ if message.kind() == Kind::Notification => return Fate::Gone,
            _ => self.instead(message.id().unwrap().as_str(), transport),
        };
        match message.kind() {
            Kind::Response => Fate::On(instead),
            _ => Fate::Back(instead),
        }
    }

    /// What is said in the place of a message that does not go on.
    fn instead(&self, id: &str, transport: Transport) -> String {
        let calls_tool = matches!(self.subject, Subject::Request | Subject::Response | Subject::LastResponse);
        let kind = if transport == Transport::Modern { r#","resultType":"complete""# } else { "" };
        match self.decision {
            Respond | Answer => own(id),
            Block | Reject => error(id, -32602, "no"),
            BlockAsToolError if calls_tool => format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"text":"no","type":"text"}}],"isError":true{kind}}}}}"#
            ),
            BlockAsToolError => error(id, -32603, "no"),
            _ => error(id, -32603, DROPPED),
        }
    }

    /// Puts the decision in the message's way.
    fn lay(&self, world: &World) {
        let (interest, (place, json)) = (self.subject.interest(), self.subject.change());
        let decision = self.decision;
        match decision {
            Resume | Edit | Answer | Reject => world.holds.set(Breakpoint::new("case", interest)),
            _ => world.chain.add(
                "case",
                on(interest, move |seen| match decision {
                    Continue => Action::Continue,
                    Modify => with(seen.message(), place, json),
                    Block => Action::block(Code::INVALID_PARAMS, "no"),
                    BlockAsToolError => Action::Block(intercept::Block::tool_error("no")),
                    Respond => Action::Respond(Reply::one(msg(own("\"elsewhere\"")))),
                    Delay => Action::Delay(DELAY),
                    _ => Action::Drop,
                }),
            ),
        }
        .unwrap();
    }

    /// Decides about what is held: nothing else waits for it.
    async fn decide(&self, world: &mut World) {
        if !matches!(self.decision, Resume | Edit | Answer | Reject) {
            return;
        }
        let held: Held = support::soon(world.holds.next()).await;
        assert_eq!(text(held.message()), self.text(), "{}", self.name);
        world.passes(&format!("\"during {}\"", self.name)).await;
        match self.decision {
            Resume => held.approve(&held.digest()),
            Edit => held.edit(msg(self.changed())),
            Answer => held.answer(msg(own("\"elsewhere\""))),
            _ => held.reject(intercept::Block::error(Code::INVALID_PARAMS, "no")),
        }
        .unwrap();
        held.resume().unwrap_err();
    }
}

fn own(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"own":true}}}}"#)
}

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
    assert!(case.decision != Delay || began.elapsed() >= DELAY, "{}", case.name);
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
