//! The leaf: a gate in front of whatever reaches the server.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use super::call::{After, Opening, ResponseFuture, Step};
use super::components::Components;
use super::gate::{Gate, Kept, Verdict};
use crate::connect::leaf::{Exit, Leaf};
use crate::error::Error;
use crate::macros::inner_accessors;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::method;
use crate::reply::Reply;
use crate::wassette::{ComponentId, ComponentMap, ComponentUri, Dialect, Outcome};

/// Components that are loaded at the same time.
const LOADS: usize = 16;

/// A Wassette; cheap to clone, all clones are the same one.
///
/// # Errors
///
/// Whatever the leaf below fails with.
pub struct Wassette<S> {
    inner: S,
    gate: Arc<Gate>,
    components: Arc<Components>,
}

impl<S: Leaf> Wassette<S> {
    /// Over a leaf that reaches a Wassette of this dialect.
    ///
    /// Where the dialect [mangles ids](Dialect::mangles_ids), the leaf must send small ones of its own, and where it
    /// [goes deaf](Dialect::goes_deaf), cancellations of its own: see
    /// [`Options::rewrite_ids`](crate::connect::Options::rewrite_ids) and
    /// [`own_cancellations`](crate::connect::Options::own_cancellations). What it is kept from is what it does not
    /// stand on a pipe; for HTTP there are `Wassette::attach` and `Wassette::serve`.
    ///
    /// ```
    /// use shadowcat::{JsonRpcMessage, connect, wassette::Dialect};
    /// use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (ours, _theirs) = tokio::io::duplex(1024);
    /// let (read, write) = tokio::io::split(ours);
    /// let server = connect::Wassette::over(connect::pipe(read, write), Dialect::V0_2);
    /// let reply = server.oneshot(JsonRpcMessage::request(1, "server/discover", "{}")?).await?;
    /// assert!(reply.as_one().unwrap().error().is_some(), "it never reached the server");
    /// # Ok(()) }
    /// ```
    pub fn over(leaf: S, dialect: Dialect) -> Self {
        Self::gated(leaf, Gate::new(dialect, None))
    }

    pub(super) fn gated(leaf: S, gate: Gate) -> Self {
        Self { inner: leaf, gate: Arc::new(gate), components: Arc::default() }
    }

    /// Which components are loaded, and which tool belongs to which; asks the server where what
    /// [was seen](Self::components_seen) is stale. It may take as long as the server does.
    ///
    /// # Errors
    ///
    /// The session is not open yet: an error that is [unsent](Error::is_unsent). The server did not tell, or not in
    /// a known form. Otherwise whatever the leaf fails with.
    pub async fn components(&self) -> Result<Arc<ComponentMap>, Error> {
        self.components.ask(self.inner.clone(), &self.gate).await
    }

    /// Loads components, all of them at once: the server is asked for the next while it still loads the ones before,
    /// at most 16 at a time. Tells of each, in their order, under which id it was loaded. It may take as long as the
    /// server does.
    ///
    /// ```no_run
    /// # use shadowcat::connect;
    /// # async fn load(server: connect::Wassette<connect::Multiplex>) -> Result<(), Box<dyn std::error::Error>> {
    /// let uris = ["file:///components/fs.wasm".parse()?, "oci://ghcr.io/example/time:1.0".parse()?];
    /// for (uri, loaded) in uris.iter().zip(server.load(&uris).await) {
    ///     println!("{uri}: {:?}", loaded?.as_str());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Of each: the server did not load it, and why; or it is not asked to, because the file lies in its component
    /// directory and this version would empty it: an error that is [unsent](Error::is_unsent). Otherwise as
    /// [`components`](Self::components).
    pub async fn load(&self, uris: &[ComponentUri]) -> Vec<Result<ComponentId, Error>> {
        let mut loaded = Vec::with_capacity(uris.len());
        for together in uris.chunks(LOADS) {
            let mut asked = Vec::with_capacity(together.len());
            for uri in together {
                asked.push(self.components.load(self.inner.clone(), &self.gate, uri).await);
            }
            for (uri, asked) in together.iter().zip(asked) {
                loaded.push(match asked {
                    Ok(asked) => asked.finish().await.and_then(|outcome| id_of(uri, outcome)),
                    Err(error) => Err(error),
                });
            }
        }
        loaded
    }
}

#[cfg(all(feature = "stdio", unix))]
impl Wassette<crate::connect::Supervised<crate::connect::Child>> {
    /// One of our own, on its stdin and stdout.
    pub fn stdio() -> super::Stdio {
        super::Stdio::new()
    }
}

#[cfg(feature = "http")]
impl<C> Wassette<crate::connect::Http<C>> {
    /// One that runs and serves HTTP, through this HTTP client. An address without a path, as in
    /// `http://127.0.0.1:9001`, is the server; one with a path is the endpoint.
    pub fn attach(client: C, uri: http::Uri) -> super::Attach<C> {
        super::Attach::new(client, uri)
    }
}

#[cfg(all(feature = "http-client", feature = "stdio", unix))]
impl Wassette<crate::connect::Supervised<super::Served>> {
    /// One of our own, on HTTP.
    pub fn serve() -> super::Serve {
        super::Serve::new()
    }
}

impl<L: Leaf> Wassette<crate::connect::Supervised<L>> {
    /// Stops it for good, whoever has calls under way, and waits until its process is gone.
    pub async fn shutdown(self) {
        self.inner.shutdown().await;
    }
}

impl<S> Wassette<S> {
    inner_accessors!();

    /// How it is talked to.
    pub fn dialect(&self) -> Dialect {
        self.gate.dialect
    }

    /// The same as far as the traffic told: results of the management tools, and `list_changed`, after which it is
    /// [stale](ComponentMap::is_stale). Asks nobody.
    pub fn components_seen(&self) -> Arc<ComponentMap> {
        self.components.seen()
    }

    /// What the connector kept from it so far.
    pub fn kept(&self) -> Kept {
        self.gate.kept()
    }
}

impl<S: Leaf> Service<JsonRpcMessage> for Wassette<S> {
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> ResponseFuture<S> {
        match self.gate.judge(&message) {
            Verdict::Answer(reply) => {
                return ResponseFuture { step: Step::Answered { reply: Some(reply) } };
            }
            Verdict::Open => {
                let future = self.inner.call(message);
                self.gate.opened();
                let after = After::Initialized(self.gate.clone());
                return ResponseFuture { step: Step::Sent { future, after } };
            }
            Verdict::Send => {}
        }
        let after = match message.kind() {
            Kind::Request if message.is_session_listen() => {
                After::Overhear(self.components.clone(), self.gate.clone())
            }
            Kind::Request if message.is_method(method::INITIALIZE) => {
                After::Opened(Opening(Some(self.gate.clone())))
            }
            Kind::Request => match self.components.expect(&message) {
                Some(telling) => After::Learn(self.components.clone(), telling),
                None => After::Nothing,
            },
            Kind::Notification | Kind::Response => After::Nothing,
        };
        ResponseFuture { step: Step::Sent { future: self.inner.call(message), after } }
    }
}

/// Under which id it was loaded.
fn id_of(uri: &ComponentUri, outcome: Outcome) -> Result<ComponentId, Error> {
    match outcome {
        Outcome::Loaded { id, .. } => Ok(id),
        Outcome::Failed(why) => Err(Error::invalid(format_args!("wassette did not load {uri}: {why}"))),
        other => Err(Error::invalid(format_args!("wassette answered the load of {uri} with {other:?}"))),
    }
}

impl<S: Leaf> Leaf for Wassette<S> {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        self.inner.ended()
    }

    fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        self.inner.closed()
    }

    fn stop(&self, why: Error) {
        self.inner.stop(why);
    }

    fn pid(&self) -> Option<u32> {
        self.inner.pid()
    }
}

impl<S: Clone> Clone for Wassette<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), gate: self.gate.clone(), components: self.components.clone() }
    }
}

impl<S: fmt::Debug> fmt::Debug for Wassette<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wassette")
            .field("inner", &self.inner)
            .field("dialect", &self.gate.dialect)
            .finish_non_exhaustive()
    }
}
