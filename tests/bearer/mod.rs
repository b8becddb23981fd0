//! Tokens: what the hostile corpus is judged by, and an issuer of our own.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

pub(crate) mod issuer;

use std::path::{Path, PathBuf};

use serde_json::Value;
use shadowcat::serve::http::bearer::{BearerLayer, Keyring, Keys, Tokens};

/// Where the corpus says that the metadata are.
pub(crate) const METADATA: &str = "https://mcp.example/.well-known/oauth-protected-resource/mcp";

/// The layer that a case of class `headers` wants around the front end; `None` where it wants no token.
pub(crate) fn layer_of(case: &Value) -> Option<BearerLayer> {
    if case["auth"] != "required" {
        return None;
    }
    let said = |key: &str, default| case[key].as_str().unwrap_or(default).to_owned();
    let file = said("jwks", "jwks.json");
    let folder = std::env::var_os("SHADOWCAT_HOSTILE").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile"));
    let keys = Keys::from_jwks(&std::fs::read(folder.join(file)).unwrap()).unwrap();
    let (issuer, resource) =
        (said("issuer", "https://as.example"), said("audience", "https://mcp.example/mcp"));
    let tokens = Tokens::new(&issuer, &resource, &Keyring::new(keys)).unwrap();
    let tokens = tokens.scopes(case["required_scope"].as_str()).unwrap();
    Some(BearerLayer::new(tokens).resource_metadata(METADATA).unwrap())
}
