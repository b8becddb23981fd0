//! What is decided, about what, and what must become of it.

use std::time::Duration;

use shadowcat::layer::hold::{Breakpoint, Held};
use shadowcat::layer::intercept::{self, Action, Interest, on};
use shadowcat::{Code, Direction, Kind, Reply};

use super::{Transport, World};
use crate::chain::{DROPPED, error, only, with};
use crate::support::{msg, soon, text};

/// Of what is delayed.
pub(crate) const DELAY: Duration = Duration::from_millis(20);

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
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

pub(crate) const DECISIONS: [Decision; 11] =
    [Continue, Modify, Block, BlockAsToolError, Respond, Delay, Drop, Resume, Edit, Answer, Reject];

/// What it is decided about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
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

pub(crate) const SUBJECTS: [Subject; 9] = [
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
pub(crate) enum Fate {
    /// This goes on.
    On(String),
    /// It does not, and its sender hears this.
    Back(String),
    Gone,
}

impl Subject {
    /// In 2026-07-28 a server asks by its result.
    pub(crate) fn is_on(self, transport: Transport) -> bool {
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
pub(crate) struct Case {
    pub(crate) subject: Subject,
    pub(crate) decision: Decision,
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) call: String,
    pub(crate) note: String,
    pub(crate) response: String,
    pub(crate) item: String,
    pub(crate) question: String,
    pub(crate) answer: String,
}

impl Case {
    pub(crate) fn new(world: &World, subject: Subject, decision: Decision, number: usize) -> Self {
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
    pub(crate) fn fate(&self, transport: Transport) -> Fate {
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
    pub(crate) fn lay(&self, world: &World) {
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
    pub(crate) async fn decide(&self, world: &mut World) {
        if !matches!(self.decision, Resume | Edit | Answer | Reject) {
            return;
        }
        let held: Held = soon(world.holds.next()).await;
        assert_eq!(text(held.message()), self.text(), "{}", self.name);
        world.passes(&format!("\"during {}\"", self.name)).await;
        match self.decision {
            Resume => held.approve(&held.digest()),
            Edit => held.edit(msg(self.changed())),
            Answer if held.message().kind() != Kind::Notification => held.answer(msg(own("\"elsewhere\""))),
            // What nobody waits for can only be refused.
            _ => held.reject(intercept::Block::error(Code::INVALID_PARAMS, "no")),
        }
        .unwrap();
        held.resume().unwrap_err();
    }
}

fn own(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"own":true}}}}"#)
}
