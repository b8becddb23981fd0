//! A Wassette that somebody else runs, over HTTP.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use tokio::sync::OnceCell;
use tower_service::Service;

use super::Wassette;
use super::gate::Gate;
use crate::connect::http::{Body, Found, Http, Options, Transport};
use crate::error::{BoxError, Error};
use crate::protocol::Era;
use crate::wassette::{Dialect, Endpoint};

/// A Wassette that runs at an address; made by [`Wassette::attach`].
///
/// It is a [`MakeLeaf`](crate::connect::MakeLeaf), so that each session has one of its own:
///
/// ```no_run
/// # #[cfg(feature = "http-client")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use shadowcat::connect::{PerSession, Wassette, http::HttpClient};
///
/// let wassette = Wassette::attach(HttpClient::new(), "http://127.0.0.1:9001".parse()?);
/// let sessions = PerSession::new(wassette).max_sessions(100);
/// # Ok(()) }
/// # #[cfg(not(feature = "http-client"))] fn main() {}
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until it is connected"]
pub struct Attach<C> {
    client: C,
    uri: Uri,
    dialect: Option<Dialect>,
    options: Options,
    /// What was found out, for every clone.
    found: Arc<OnceCell<(Dialect, Uri)>>,
}

impl<C> Attach<C> {
    pub(super) fn new(client: C, uri: Uri) -> Self {
        Self { client, uri, dialect: None, options: Options::default(), found: Arc::default() }
    }

    /// How this version is talked to, and by which transport. By default it is found out by what the server answers:
    /// HTTP+SSE is taken for 0.2, a server of the revision 2026-07-28 for 0.8, and any other for 0.5, because over
    /// HTTP nothing tells 0.3 to 0.6 apart and nothing depends on it.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(dialect);
        self.found = Arc::default();
        self
    }

    /// Bounds, and headers of every request: a credential for the proxy before it, say. `Host` is the authority of
    /// the address in any case.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }
}

impl<C, B> Attach<C>
where
    C: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    C: Clone + Send + 'static,
    B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
{
    /// Finds out how it is talked to, once for all clones, and makes a leaf of one session. Where the dialect is
    /// told, nothing is sent yet.
    ///
    /// ```no_run
    /// # #[cfg(feature = "http-client")]
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use shadowcat::connect::{Wassette, http::HttpClient};
    ///
    /// let uri = "http://127.0.0.1:9001".parse()?;
    /// let server = Wassette::attach(HttpClient::new(), uri).connect().await?;
    /// println!("it speaks {:?}", server.dialect());
    /// # Ok(()) }
    /// # #[cfg(not(feature = "http-client"))] fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// The address names no scheme or host; the server cannot be reached, wants to know who asks (401, 403), or is no
    /// Wassette.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled.
    pub async fn connect(self) -> Result<Wassette<Http<C>>, Error> {
        let Self { client, uri, dialect, options, found } = self;
        if uri.scheme().is_none() || uri.authority().is_none() {
            return Err(Error::invalid(
                "the address of a wassette begins with http:// or https:// and a host",
            ));
        }
        let (dialect, uri) = match dialect {
            Some(dialect) => (dialect, endpoint(&uri, dialect.endpoint().path())?),
            None => {
                let finding = find(client.clone(), uri, options.clone());
                found.get_or_try_init(|| finding).await?.clone()
            }
        };
        let leaf = Http::with_options(client, uri, suited(options, dialect));
        Ok(Wassette::gated(leaf, Gate::new(dialect, None).over_http()))
    }
}

/// Which wassette it is, and where. Opens no session.
async fn find<C, B>(client: C, uri: Uri, options: Options) -> Result<(Dialect, Uri), Error>
where
    C: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    C: Clone + Send + 'static,
    B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
{
    let places = if names_endpoint(&uri) {
        vec![uri]
    } else {
        vec![
            endpoint(&uri, Dialect::V0_2.endpoint().path())?,
            endpoint(&uri, Dialect::V0_8.endpoint().path())?,
        ]
    };
    for (at, place) in places.iter().enumerate() {
        let leaf = Http::with_options(client.clone(), place.clone(), options.clone());
        let within = |error: Error| error.within(format_args!("asking which wassette is at {}", At(place)));
        match leaf.look().await.map_err(within)? {
            Found::Events => return Ok((Dialect::V0_2, place.clone())),
            // The last is where anything else may be.
            Found::Something if at + 1 == places.len() => {
                let era = leaf.probe().await.map_err(within)?;
                let dialect = if era == Era::Modern { Dialect::V0_8 } else { Dialect::V0_5 };
                return Ok((dialect, place.clone()));
            }
            Found::Something | Found::Nothing => {}
        }
    }
    let tried: Vec<_> = places.iter().map(|place| At(place).to_string()).collect();
    Err(Error::invalid(format_args!("there is no wassette; tried {}", tried.join(", "))))
}

fn names_endpoint(uri: &Uri) -> bool {
    !matches!(uri.path(), "" | "/") || uri.query().is_some()
}

/// The address, with this path where it names none.
fn endpoint(uri: &Uri, path: &'static str) -> Result<Uri, Error> {
    if names_endpoint(uri) {
        return Ok(uri.clone());
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static(path));
    Uri::from_parts(parts).map_err(Error::invalid)
}

/// What the dialect needs.
pub(super) fn suited(options: Options, dialect: Dialect) -> Options {
    // rmcp up to that of 0.6 answers 401 where it does not know a session.
    let options = options.unauthorized_is_lost(dialect.goes_deaf()).rewrite_ids(dialect.mangles_ids());
    match dialect.endpoint() {
        Endpoint::Sse { .. } => options.transport(Transport::Sse),
        Endpoint::Streamable { .. } if dialect >= Dialect::V0_5 => options.transport(Transport::Streamable),
        // These serve either, as they are told.
        Endpoint::Streamable { .. } => options,
    }
}

/// Where it was looked for, without a query, which may be a secret, or a name and password.
struct At<'a>(&'a Uri);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        let host = authority.rsplit('@').next().unwrap_or_default();
        write!(f, "{}://{host}{}", self.0.scheme_str().unwrap_or_default(), self.0.path())
    }
}

impl<C, B> Service<()> for Attach<C>
where
    C: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>, Future: Send>,
    C: Clone + Send + 'static,
    B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
{
    type Response = Wassette<Http<C>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Wassette<Http<C>>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    /// Makes one more leaf, of a session of its own.
    fn call(&mut self, (): ()) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

impl<C> fmt::Debug for Attach<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attach")
            .field("host", &self.uri.host())
            .field("dialect", &self.dialect)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
