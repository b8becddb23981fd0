//! Who calls, told by a token: JSON Web Tokens as bearers (RFC 6750, RFC 9068), checked on HTTP.
//!
//! [`BearerLayer`] stands around the front end. A request without a token that [`Tokens`] accept is answered by the layer
//! itself: 401, or 403 where only a scope is missing, with `WWW-Authenticate`; it goes no further, and its body is never
//! read. One that is accepted goes on with a [`Principal`](crate::session::Principal), `{issuer}#{subject}`, and a
//! [`Caller`] in its extensions, and without its `Authorization`.
//!
//! - The algorithms are those that are configured, RS256 alone by default; a token only chooses among them.
//! - A key is found by `kid` in [`Keys`] that came from the issuer. What a token says of keys (`jku`, `x5u`, `jwk`, `x5c`)
//!   is not looked at. [`Keyring::replace`] puts other keys in force while requests come.
//! - `iss`, `aud`, `exp` and `sub` are required and typed, `nbf` and `iat` typed where they are there. Issuer, resource and
//!   scopes are compared as they are written: case and slashes count.
//! - Header and claims are read as strictly as messages are: a key that stands twice refuses the token. So do `crit`, `zip`
//!   and padding, and `cnf`, which says that a bearer is not enough.
//! - The answer says no more than RFC 6750 asks for. Why exactly is in `tracing`, at debug, and for layers outside in the
//!   response's extensions: [`Refused`]. The token is in neither.
//!
//! # Where it stands
//!
//! Outside of the front end, so that a request without a token costs least. `Host` and `Origin` are checked
//! by the [`Endpoint`](crate::wire::http::Endpoint) behind it: 403 is for requests with a good token; those with none get
//! 401 whatever they call the server, and learn nothing else. A fallback and every path beside the endpoint need a
//! token, too: what is public, such as the metadata that `resource_metadata` names, stands beside the layer, not inside.
//!
//! A hop that is [transparent](super::Builder::transparent_authorization) finds no token behind this layer and sends none
//! on: it was issued for this resource, and for no other.
//!
//! A token is checked when a request comes. An event stream that is open when the token expires goes on.
//!
//! ```
//! use http::{Request, StatusCode};
//! use shadowcat::serve::{self, http::bearer::{BearerLayer, Keys, Keyring, Tokens}};
//! use shadowcat::wire::http::Endpoint;
//! use shadowcat::{Error, JsonRpcMessage, Reply};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let stack = service_fn(|_: JsonRpcMessage| async { Ok::<_, Error>(Reply::empty()) });
//! # let endpoint = Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse()?)?;
//! # let http = serve::http(endpoint).stateless(stack).build();
//! let jwks = br#"{"keys":[
//!     {"kty":"RSA","kid":"2026-11","use":"sig","n":"AQAB","e":"AQAB"}
//! ]}"#;
//! let keys = Keys::from_jwks(jwks)?;
//! assert_eq!(keys.left_out()[0].to_string(), r#"key 0 ("2026-11"): 17 bits; 2048 to 8192 are accepted"#);
//!
//! let tokens = Tokens::new("https://as.example", "https://mcp.example/mcp", &Keyring::new(keys))?;
//! let bearer = BearerLayer::new(tokens.scopes(["mcp:tools"])?)
//!     .resource_metadata("https://mcp.example/.well-known/oauth-protected-resource/mcp")?;
//! let server = ServiceBuilder::new().layer(bearer).service(http);
//!
//! let response = server.oneshot(Request::post("/mcp").body(String::new())?).await?;
//! assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
//! assert_eq!(
//!     response.headers()["www-authenticate"],
//!     "Bearer scope=\"mcp:tools\", \
//!      resource_metadata=\"https://mcp.example/.well-known/oauth-protected-resource/mcp\"",
//! );
//! # Ok(()) }
//! ```

mod algorithm;
mod caller;
mod challenge;
mod claims;
mod future;
mod jwk;
mod keyring;
mod keys;
mod layer;
mod misconfigured;
mod refused;
mod service;
mod token;
mod tokens;

pub use algorithm::Algorithm;
pub use caller::Caller;
pub use future::ResponseFuture;
pub use jwk::Unusable;
pub use keyring::Keyring;
pub use keys::{InvalidKeys, Keys, LeftOut};
pub use layer::BearerLayer;
pub use misconfigured::Misconfigured;
pub use refused::Refused;
pub use service::Bearer;
pub use tokens::Tokens;
