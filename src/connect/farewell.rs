//! What a program waits for before it ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::leaf::Leaf;

/// Waits for leaves that nobody uses any more: a leaf says goodbye in a task of its own, and a program that returns
/// from `main` before cuts it off. The server at the other end then keeps the session, and a process is killed.
///
/// A front end that makes a stack for each session drops it with the session, and all of them when it stops. Whoever
/// makes the leaves has each awaited, and waits after that:
///
/// ```
/// # #[cfg(all(feature = "http-server", feature = "http-client"))]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::BoxError> {
/// use std::time::Duration;
/// use shadowcat::connect::{Farewell, Http, http::HttpClient};
/// use shadowcat::serve::{self, http::SessionInfo};
/// use shadowcat::wire::http::Endpoint;
/// use tokio::net::TcpListener;
///
/// # let stop = async {};
/// let (farewell, client) = (Farewell::new(), HttpClient::new());
/// let of_sessions = farewell.clone();
/// let sessions = tower::service_fn(move |_: SessionInfo| {
///     let leaf = Http::new(client.clone(), "http://127.0.0.1:9001/mcp".parse().expect("it is an address"));
///     of_sessions.await_end_of(&leaf);
///     async move { Ok::<_, shadowcat::Error>(leaf) }
/// });
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let endpoint = Endpoint::bound_to("/mcp", listener.local_addr()?)?;
/// serve::http(endpoint).sessions(sessions).build().server().run(listener, stop).await?;
/// assert!(farewell.all(Duration::from_secs(5)).await);
/// # Ok(()) }
/// # #[cfg(not(all(feature = "http-server", feature = "http-client")))] fn main() {}
/// ```
///
/// A clone waits for the same leaves.
#[derive(Clone)]
pub struct Farewell(Arc<watch::Sender<()>>);

impl Farewell {
    /// Nothing is awaited yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(())))
    }

    /// This leaf is awaited, too, by a task that ends with it. Holds no claim on it, and ends nothing.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn await_end_of(&self, leaf: &impl Leaf) {
        let (awaited, ended) = (self.0.subscribe(), leaf.ended());
        tokio::spawn(async move {
            ended.await;
            drop(awaited);
        });
    }

    /// Waits until every leaf has [ended](Leaf::ended), for as long as `limit`; tells whether they all have.
    pub async fn all(&self, limit: Duration) -> bool {
        timeout(limit, self.0.closed()).await.is_ok()
    }
}

impl Default for Farewell {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Farewell").field("awaited", &self.0.receiver_count()).finish()
    }
}
