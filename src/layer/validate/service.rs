use std::task::{Context, Poll};

use tower_service::Service;

use super::handle::Finding;
use super::stats::add;
use super::{ResponseFuture, Schemas};
use crate::layer::judged::{denied, unjudgeable};
use crate::macros::inner_accessors;
use crate::message::{Code, JsonRpcMessage, Kind};
use crate::policy::{Decision, Decisions};
use crate::protocol::{method, peek};
use crate::reply::Reply;

/// The middleware of [`ValidateArgumentsLayer`](super::ValidateArgumentsLayer).
#[derive(Clone, Debug)]
pub struct ValidateArguments<S> {
    pub(super) inner: S,
    pub(super) schemas: Schemas,
}

impl<S> ValidateArguments<S> {
    inner_accessors!();
}

/// What becomes of a call.
enum Judged {
    Passes,
    Reported(Decision),
    Refused(Reply),
}

impl<S> Service<JsonRpcMessage> for ValidateArguments<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
{
    type Response = Reply;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        if let Some(refusal) = unjudgeable("validate", &message) {
            add(&self.schemas.counts().refused);
            return ResponseFuture::refused(refusal);
        }
        if message.is_method(method::TOOLS_CALL) {
            return match self.schemas.judge(&message) {
                Judged::Passes => ResponseFuture::passed(self.inner.call(message)),
                Judged::Refused(refusal) => ResponseFuture::refused(refusal),
                Judged::Reported(decision) => ResponseFuture::then(self.inner.call(message), |mut reply| {
                    Decisions::add(&mut reply, decision);
                    reply
                }),
            };
        }
        if message.kind() == Kind::Request && message.is_method(method::TOOLS_LIST) {
            let (schemas, owner) = (self.schemas.clone(), self.schemas.owner(&message));
            return ResponseFuture::then(self.inner.call(message), move |reply| {
                reply.map(move |message| {
                    schemas.learn(owner, &message);
                    message
                })
            });
        }
        ResponseFuture::passed(self.inner.call(message))
    }
}

impl Schemas {
    fn judge(&self, call: &JsonRpcMessage) -> Judged {
        let Ok(Some(tool)) = peek::tool_name(call) else {
            add(&self.counts().refused);
            let refusal = Reply::refuse(call, Code::INVALID_PARAMS, "The call names no tool");
            let decision = Decision::deny("validate").rule("unjudgeable").reason("the call names no tool");
            return Judged::Refused(denied(refusal, decision));
        };
        let options = self.options();
        let (refuses, rule, text, why) = match self.check(call, &tool) {
            Finding::Valid => return Judged::Passes,
            Finding::Unlisted if !options.refuses_unlisted => return Judged::Passes,
            Finding::Unlisted => {
                (true, "unlisted", format!("Unknown tool: {tool}"), "the tool was in no list".to_owned())
            }
            Finding::Confusable => {
                let why = "the name may be taken for that of a tool in the list".to_owned();
                let refuses = options.refuses_unlisted || options.refuses_violations;
                (refuses, "confusable", format!("Unknown tool: {tool}"), why)
            }
            Finding::Violation(what) => {
                (options.refuses_violations, "violation", format!("Invalid arguments: {what}"), what)
            }
            Finding::Unusable(why) => {
                let text = "The arguments cannot be checked".to_owned();
                (options.refuses_unusable, "unusable", text, format!("the schema is not used: {why}"))
            }
        };
        let decision = Decision::deny("validate").rule(rule).reason(why);
        if !refuses {
            return Judged::Reported(decision.dry_run());
        }
        add(&self.counts().refused);
        Judged::Refused(denied(Reply::refuse(call, Code::INVALID_PARAMS, text), decision))
    }
}
