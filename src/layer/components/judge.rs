//! What becomes of a message.

use super::Control;
use super::control::add;
use crate::message::{Code, JsonRpcMessage, Kind};
use crate::policy::wassette::{FileCheck, Judged, Profile, Refusal};
use crate::policy::{Decision, Decisions, check_keys, text};
use crate::protocol::{method, peek};
use crate::reply::Reply;
use crate::wassette::ManagementTool;

/// The name under which decisions are told.
pub(super) const COMPONENTS: &str = "components";

/// What a call has.
const KEYS: [&str; 3] = ["name", "arguments", "_meta"];

/// What becomes of a message on its way to the server.
pub(super) enum Step {
    /// It is not for the guard to say.
    Pass,
    /// It is let go.
    Allow(ManagementTool),
    /// It is let go if the file is as it has to be.
    Check(ManagementTool, FileCheck),
    Refuse(Reply),
}

impl Control {
    pub(super) fn judge(&self, profile: &Profile, message: &JsonRpcMessage) -> Step {
        if !message.is_strict() {
            return Step::Refuse(self.unjudged(message, "the message was not scanned strictly"));
        }
        if message.kind() != Kind::Request {
            return Step::Pass;
        }
        match message.method() {
            Some(method::TOOLS_CALL) => self.judge_call(profile, message),
            Some(method) if is_confusable(method) => {
                Step::Refuse(self.unjudged(message, "the method is not spelled as the protocol spells it"))
            }
            _ => Step::Pass,
        }
    }

    fn judge_call(&self, profile: &Profile, call: &JsonRpcMessage) -> Step {
        let params = call.params().unwrap_or_default();
        let read = check_keys(params, &KEYS).and_then(|()| text(params, "name"));
        let (Ok(name), Ok(arguments)) = (read, peek::member(params, "arguments")) else {
            return Step::Refuse(self.unjudged(call, "the call names no tool, or not clearly"));
        };
        if self.is_taken(&name) {
            return Step::Refuse(self.refusal(call, &name, &Refusal::NotAllowed));
        }
        match (profile.judge(&name, arguments), ManagementTool::from_name(&name)) {
            (Judged::NotManaging, _) => Step::Pass,
            (Judged::Allow(tool), _) => Step::Allow(tool),
            (Judged::Check(check), Some(tool)) => Step::Check(tool, check),
            (Judged::Refuse(refusal), _) => Step::Refuse(self.refusal(call, &name, &refusal)),
            (Judged::Check(_), None) => Step::Refuse(self.refusal(call, &name, &Refusal::NotAllowed)),
        }
    }

    /// A component has a tool of this name, and it may be that one which is called by it: that is none that manages,
    /// and none to be taken for it.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        ManagementTool::from_name(name).is_some_and(|tool| !tool.is_in_every_version())
            && self.0.components.with(|map| map.owners(name).next().is_some())
    }

    /// What the client is told instead of what the tool `name` would do.
    pub(super) fn refusal(&self, call: &JsonRpcMessage, name: &str, refusal: &Refusal) -> Reply {
        add(&self.0.counts.refused, 1);
        let mut reply = Reply::refuse(call, refusal.code(), refusal.told(name));
        let decision = Decision::deny(COMPONENTS).reason(refusal.reason());
        // A name that is not one of ours is the client's own text.
        let decision = match ManagementTool::from_name(name) {
            Some(tool) => decision.rule(tool.name()),
            None => decision,
        };
        tracing::info!(%decision, "a tool that manages is refused");
        Decisions::add(&mut reply, decision);
        reply
    }

    fn unjudged(&self, message: &JsonRpcMessage, why: &'static str) -> Reply {
        add(&self.0.counts.refused, 1);
        let mut reply = Reply::refuse(message, Code::INVALID_REQUEST, "The message could not be judged");
        Decisions::add(&mut reply, Decision::deny(COMPONENTS).reason(why));
        reply
    }

    /// Leaves word with the reply of a call that was let go.
    pub(super) fn allowed(&self, reply: &mut Reply, tool: ManagementTool) {
        add(&self.0.counts.allowed, 1);
        Decisions::add(reply, Decision::allow(COMPONENTS).rule(tool.name()));
    }
}

/// Somebody who reads laxly takes it for `tools/call` or `tools/list`.
fn is_confusable(method: &str) -> bool {
    let is_plain = method.bytes().all(|byte| matches!(byte, b'!'..=b'~') && !byte.is_ascii_uppercase());
    let ours = [method::TOOLS_CALL, method::TOOLS_LIST];
    !is_plain && ours.contains(&crate::message::folded(method).as_ref())
}
