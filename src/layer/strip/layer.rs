use std::sync::Arc;

use tower_layer::Layer;

use super::judge::{Scope, Strip};
use super::report::{Reports, Subscription};
use super::service::StripTokens;
use super::stats::StatsHandle;
use crate::message::Direction;
use crate::rules::Text;
use crate::secret::{Detector, Found, Marker, shared};

/// Takes credentials out of messages; see the [module](super). Cheap to clone; clones, and the stacks that they are in,
/// count together.
#[derive(Clone, Debug)]
pub struct StripTokensLayer {
    strip: Strip,
}

impl StripTokensLayer {
    /// Of what the client sends: the outermost of a stack's layers that see payloads.
    pub fn requests() -> Self {
        Self::of(Some(Scope::default()), None)
    }

    /// Of what the server says: the innermost.
    pub fn replies() -> Self {
        Self::of(None, Some(Scope::default()))
    }

    /// Of both, for a stack that has no other layer that sees payloads.
    pub fn both() -> Self {
        Self::of(Some(Scope::default()), Some(Scope::default()))
    }

    fn of(to_upstream: Option<Scope>, to_client: Option<Scope>) -> Self {
        let strip = Strip {
            detector: shared().clone(),
            marker: Marker::default(),
            to_upstream,
            to_client,
            allowed: None,
            max_bytes: 4 << 20,
            dry_run: false,
            stats: StatsHandle::default(),
            reports: Arc::new(Reports::default()),
        };
        Self { strip }
    }

    /// Searches by this detector, which layers may share; by default one that knows all that this crate knows.
    pub fn detector(mut self, detector: impl Into<Arc<Detector>>) -> Self {
        self.strip.detector = detector.into();
        self
    }

    /// What stands in the place of a secret; by default `[REDACTED:kind]`. In a key, where a marker without
    /// punctuation could make it a key of the protocol, the default takes its place.
    pub fn marker(mut self, marker: Marker) -> Self {
        self.strip.marker = marker;
        self
    }

    /// Lets messages of these methods pass as they are, in one direction; a response has the method of its request. What
    /// the client answers to the server has none, and never passes by this.
    pub fn except(mut self, direction: Direction, methods: Text) -> Self {
        let scope = match direction {
            Direction::ToUpstream => &mut self.strip.to_upstream,
            Direction::ToClient => &mut self.strip.to_client,
        };
        if let Some(scope) = scope {
            scope.except.push(methods);
        }
        self
    }

    /// Lets be what was found where `allowed` says so, of its kind and at its place. It is asked of what was found only.
    pub fn allow(mut self, allowed: impl Fn(&Found) -> bool + Send + Sync + 'static) -> Self {
        self.strip.allowed = Some(Arc::new(allowed));
        self
    }

    /// A message with its markers has at most so many bytes, by default 4 MiB, unless it had more before.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.strip.max_bytes = bytes;
        self
    }

    /// Only tells what it finds: every message passes as it is, also one that it cannot judge.
    pub fn dry_run(mut self) -> Self {
        self.strip.dry_run = true;
        self
    }

    /// What it did so far, and will have done whenever that is asked.
    pub fn stats(&self) -> StatsHandle {
        self.strip.stats.clone()
    }

    /// What is found from now on, as a stream: of one message the first 64.
    ///
    /// # Backpressure
    ///
    /// It holds `events` of them, at least one, and about 1 MiB. What finds it full is lost, and
    /// [`Event::Lost`](super::Event::Lost) says how much, at its place. Messages wait for nobody.
    pub fn subscribe(&self, events: usize) -> Subscription {
        self.strip.reports.subscribe(events)
    }
}

impl<S> Layer<S> for StripTokensLayer {
    type Service = StripTokens<S>;

    fn layer(&self, inner: S) -> StripTokens<S> {
        StripTokens { inner, strip: self.strip.clone().into() }
    }
}
