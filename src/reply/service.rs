//! The one trait of the crate.

use tower_service::Service;

use super::Reply;
use crate::error::BoxError;
use crate::message::JsonRpcMessage;

/// A `tower::Service<JsonRpcMessage, Response = Reply>` with the bounds that every layer and front end needs.
///
/// It is an alias: every service that fits has it, and nothing can implement it. `Clone` is not asked for,
/// because tower's own rate limit has none.
///
/// ```
/// use shadowcat::{JsonRpcMessage, Reply, RpcService};
///
/// fn front_end(stack: impl RpcService) {}
///
/// front_end(tower::service_fn(|message: JsonRpcMessage| async move { Ok::<_, shadowcat::Error>(Reply::empty()) }));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no service from `JsonRpcMessage` to `Reply`",
    note = "a stack implements `tower::Service<JsonRpcMessage, Response = Reply>`, with an error that boxes and a future that is `Send`"
)]
pub trait RpcService:
    Service<JsonRpcMessage, Response = Reply, Error: Into<BoxError>, Future: Send + 'static>
    + Send
    + 'static
    + sealed::Sealed
{
}

impl<S> RpcService for S
where
    S: Service<JsonRpcMessage, Response = Reply> + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
}

mod sealed {
    pub trait Sealed {}
    impl<S> Sealed for S {}
}
