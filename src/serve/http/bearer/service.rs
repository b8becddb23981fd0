use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use tower_service::Service;

use super::challenge::Challenges;
use super::{Caller, Refused, ResponseFuture, Tokens};
use crate::macros::inner_accessors;

/// The middleware of [`BearerLayer`](super::BearerLayer).
#[derive(Clone, Debug)]
pub struct Bearer<S> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tokens: Tokens,
    pub(super) challenges: Challenges,
}

impl<S> Bearer<S> {
    inner_accessors!();
}

impl Shared {
    fn check(&self, headers: &HeaderMap) -> Result<Caller, Refused> {
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let value = match (sent.next(), sent.next()) {
            (None, _) => return Err(Refused::Missing),
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Err(Refused::Twice),
        };
        let value = value.to_str().map_err(|_| Refused::Malformed("it is no ASCII"))?;
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refused::Missing);
        }
        self.tokens.check(token.trim_start_matches(' '))
    }
}

impl<S, B, R> Service<Request<B>> for Bearer<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.shared.check(request.headers()) {
            Ok(caller) => {
                request.headers_mut().remove(AUTHORIZATION);
                request.extensions_mut().insert(caller.principal());
                request.extensions_mut().insert(caller);
                ResponseFuture::passed(self.inner.call(request))
            }
            Err(refused) => {
                tracing::debug!(%refused, status = refused.status().as_u16(), "a request was refused");
                ResponseFuture::refused(refused, self.shared.challenges.of(refused).clone())
            }
        }
    }
}
