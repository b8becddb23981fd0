//! Who says a message.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Principal, Session};
use crate::message::{Context, JsonRpcMessage};
use crate::protocol::{Era, peek};

/// Who says a message or is answered by it, as far as something left it beside the message, or beside the request
/// that it belongs to.
///
/// ```
/// use std::sync::Arc;
/// use shadowcat::session::{Party, Principal};
/// use shadowcat::{Context, Direction, JsonRpcMessage};
///
/// let mut context = Context::new(Direction::ToUpstream).session("s-1");
/// context.shared_mut().insert(Principal::new("alice"));
/// let call = JsonRpcMessage::request(1, "tools/list", "{}")?.with_context(Arc::new(context));
///
/// let party = Party::of(&call, None);
/// assert_eq!((party.principal(), party.session_id()), (Some("alice"), Some("s-1")));
/// assert_eq!(party.client(), None);
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    own: Option<&'a Context>,
    asked: Option<&'a Context>,
    request: Option<&'a JsonRpcMessage>,
}

impl<'a> Party<'a> {
    /// Of a message, and of the request that it answers or belongs to.
    pub fn of(message: &'a JsonRpcMessage, request: Option<&'a JsonRpcMessage>) -> Self {
        let context = |message: &'a JsonRpcMessage| message.context().map(|context| &**context);
        let request = request.or(Some(message));
        Self { own: context(message), asked: request.and_then(context), request }
    }

    /// Who was authenticated.
    pub fn principal(&self) -> Option<&'a str> {
        self.identity().map(Principal::as_str)
    }

    pub(crate) fn identity(&self) -> Option<&'a Principal> {
        let session = |context: &'a Context| session(context)?.principal();
        let told = |context: &'a Context| context.shared().get().or_else(|| session(context));
        self.own.and_then(told).or_else(|| self.asked.and_then(told))
    }

    /// The session's name.
    pub fn session_id(&self) -> Option<&'a str> {
        self.own.and_then(Context::session_id).or_else(|| self.asked?.session_id())
    }

    /// The server's name, as the application calls it.
    pub fn upstream(&self) -> Option<&'a str> {
        self.context()?.upstream_name()
    }

    /// The client's name, as it tells it: in a modern request, or when its session began. Nothing proves it.
    pub fn client(&self) -> Option<Cow<'a, str>> {
        let named = |info: &'a [u8]| peek::text(info, "name").ok().flatten();
        let said = || peek::meta(self.request?, peek::CLIENT_INFO).ok().flatten().and_then(named);
        said().or_else(|| session(self.context()?)?.client_info().and_then(named))
    }

    /// The era that a front end tells.
    pub(crate) fn era(&self) -> Option<Era> {
        self.context()?.shared().get().copied()
    }

    fn context(&self) -> Option<&'a Context> {
        self.own.or(self.asked)
    }
}

fn session(context: &Context) -> Option<&Session> {
    context.shared().get::<Arc<Session>>().map(|session| &**session)
}
