//! Lists without what is denied.

use super::Control;
use super::control::add;
use crate::layer::access::list::List;
use crate::message::{Code, JsonRpcMessage, Kind};
use crate::policy::{Decision, Malformed};
use crate::protocol::method;

/// Whether the reply is a list of tools.
pub(super) fn is_list(message: &JsonRpcMessage) -> bool {
    message.kind() == Kind::Request && message.is_method(method::TOOLS_LIST)
}

impl Control {
    /// What the client is told of a list: its other entries byte for byte. One that cannot be read is refused.
    pub(super) fn filtered(&self, request: &JsonRpcMessage, response: JsonRpcMessage) -> JsonRpcMessage {
        let is_own = response.is_strict() && request.id() == response.id();
        if is_own && response.error().is_some() {
            return response;
        }
        let result = response.result().filter(|_| is_own).ok_or(Malformed::NotStrict);
        let changed = result.and_then(|result| self.without(result));
        let changed = changed.and_then(|changed| match changed {
            Some(result) => {
                response.clone().edit().result(result).finish().map(Some).map_err(|_| Malformed::NotStrict)
            }
            None => Ok(None),
        });
        match changed {
            Ok(changed) => changed.unwrap_or(response),
            Err(_) => {
                tracing::warn!("a list of tools is not acceptable");
                add(&self.0.counts.malformed, 1);
                let told = "The server's reply was not acceptable";
                request.responder().refusal(Code::INTERNAL_ERROR, told).unwrap_or(response)
            }
        }
    }

    /// `None` if nothing is taken out.
    fn without(&self, result: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let list = List::of(method::TOOLS_LIST).ok_or(Malformed::Name)?;
        let profile = self.profile();
        let filtered = list.filter(result, |subject| {
            match profile.hides(subject.name()) || self.is_taken(subject.name()) {
                true => Decision::deny(super::judge::COMPONENTS),
                false => Decision::allow(super::judge::COMPONENTS),
            }
        })?;
        add(&self.0.counts.hidden, filtered.hidden);
        Ok(filtered.result(result, false))
    }
}
