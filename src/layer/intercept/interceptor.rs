//! What users write.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::{Action, Interception, Interest};
use crate::error::BoxError;
use crate::message::{Direction, Kind};

/// Sees messages on their way and decides what becomes of each.
///
/// ```
/// use shadowcat::{BoxError, Code};
/// use shadowcat::layer::intercept::{Action, Interception, Interceptor, Interest};
///
/// struct NoResources;
///
/// impl Interceptor for NoResources {
///     fn interest(&self) -> Interest {
///         Interest::requests().method("resources/read")
///     }
///
///     async fn intercept(&self, seen: &mut Interception) -> Result<Action, BoxError> {
///         let _ = seen.message();
///         Ok(Action::block(Code::METHOD_NOT_FOUND, "Method not found"))
///     }
/// }
/// ```
pub trait Interceptor: Send + Sync + 'static {
    /// Which messages it is shown; asked once, when it joins a chain. Every one, unless it is said otherwise.
    fn interest(&self) -> Interest {
        Interest::everything()
    }

    /// Whether it wants to see such a message now: of those that it has an interest in, asked about each, and each
    /// time. It must not wait. A response has the method of its request.
    fn wants(&self, _: Direction, _: Kind, _method: Option<&str>) -> bool {
        true
    }

    /// How long it may take to decide about one message, unless its [`Link`](super::Link) says otherwise: 5 s. Asked
    /// once, when it joins a chain.
    fn budget(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// Decides about one message. It is dropped in the middle when the client cancels.
    ///
    /// # Errors
    ///
    /// It could not decide: then the message is blocked, or goes on, as the chain was told for this interceptor.
    fn intercept(&self, seen: &mut Interception) -> impl Future<Output = Result<Action, BoxError>> + Send;
}

/// An interceptor from a plain function, which is shown the messages of `interest`.
///
/// ```
/// use shadowcat::layer::intercept::{Action, Chain, Interest, on};
///
/// let chain = Chain::new();
/// chain.add("count", on(Interest::requests(), |seen| {
///     println!("{:?}", seen.method());
///     Action::Continue
/// }))?;
/// # Ok::<(), shadowcat::layer::intercept::NameTaken>(())
/// ```
pub fn on<F>(interest: Interest, decide: F) -> On<F>
where
    F: Fn(&mut Interception) -> Action + Send + Sync + 'static,
{
    On { interest, decide }
}

/// The interceptor that [`on`] makes.
#[derive(Clone)]
pub struct On<F> {
    interest: Interest,
    decide: F,
}

impl<F> Interceptor for On<F>
where
    F: Fn(&mut Interception) -> Action + Send + Sync + 'static,
{
    fn interest(&self) -> Interest {
        self.interest.clone()
    }

    async fn intercept(&self, seen: &mut Interception) -> Result<Action, BoxError> {
        Ok((self.decide)(seen))
    }
}

impl<F> fmt::Debug for On<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("On").field("interest", &self.interest).finish_non_exhaustive()
    }
}

pub(super) type Deciding<'a> = Pin<Box<dyn Future<Output = Result<Action, BoxError>> + Send + 'a>>;

/// An interceptor of any type.
pub(super) trait Decide: Send + Sync {
    fn is_wanting(&self, direction: Direction, kind: Kind, method: Option<&str>) -> bool;
    fn decide<'a>(&'a self, seen: &'a mut Interception) -> Deciding<'a>;
}

impl<I: Interceptor> Decide for I {
    fn is_wanting(&self, direction: Direction, kind: Kind, method: Option<&str>) -> bool {
        self.wants(direction, kind, method)
    }

    fn decide<'a>(&'a self, seen: &'a mut Interception) -> Deciding<'a> {
        Box::pin(self.intercept(seen))
    }
}
