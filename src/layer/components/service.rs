use std::task::{Context, Poll};

use tower_service::Service;

use super::Control;
use super::future::{ResponseFuture, Watch};
use super::judge::Step;
use crate::macros::inner_accessors;
use crate::message::JsonRpcMessage;
use crate::policy::wassette::FileCheck;
use crate::reply::{Reply, RpcService};
use crate::wassette::ManagementTool;

/// The middleware of [`ComponentGuardLayer`](super::ComponentGuardLayer).
#[derive(Clone, Debug)]
pub struct ComponentGuard<S> {
    pub(super) inner: S,
    pub(super) control: Control,
}

impl<S> ComponentGuard<S> {
    inner_accessors!();
}

impl<S: RpcService + Clone> Service<JsonRpcMessage> for ComponentGuard<S> {
    type Response = Reply;
    type Error = S::Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        match self.control.judge(&self.control.profile(), &message) {
            Step::Pass => self.pass(message, None),
            Step::Allow(tool) => self.pass(message, Some(tool)),
            Step::Check(tool, check) => self.check(message, tool, check),
            Step::Refuse(reply) => ResponseFuture::refused(reply),
        }
    }
}

impl<S: RpcService + Clone> ComponentGuard<S> {
    fn pass(&mut self, message: JsonRpcMessage, tool: Option<ManagementTool>) -> ResponseFuture<S> {
        let watch = Watch::new(&self.control, &message, tool);
        ResponseFuture::passed(self.inner.call(message), watch)
    }

    fn check(
        &mut self,
        message: JsonRpcMessage,
        tool: ManagementTool,
        check: FileCheck,
    ) -> ResponseFuture<S> {
        let clone = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, clone);
        let control = self.control.clone();
        ResponseFuture::checking(async move {
            if let Err(refusal) = control.check(check).await {
                return Ok(control.refusal(&message, tool.name(), &refusal));
            }
            let watch = Watch::new(&control, &message, Some(tool));
            Ok(watch.reply(ready.call(message).await?))
        })
    }
}
