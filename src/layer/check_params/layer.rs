use std::sync::Arc;

use tower_layer::Layer;

use super::schemas::Schemas;
use super::service::CheckParams;

/// Refuses a `tools/call` whose `Mcp-Param-…` headers are not what its arguments say, with -32020: a front end on HTTP
/// answers that with status 400.
///
/// It belongs directly above the leaf of the stack for requests that stand alone, where the leaf is a process. It
/// asks the server for its tools itself, before the first such call and again when the server says that they changed;
/// for that it opens a listen of its own. It compares what the client sent, whatever layers made of it since. Calls
/// that came by another way than HTTP have no headers, and pass; one that cannot be judged, because the list cannot be
/// read, fails.
///
/// The service below is cloned for each call that is judged.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CheckParamsLayer;

impl CheckParamsLayer {
    /// There is nothing to configure.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for CheckParamsLayer {
    type Service = CheckParams<S>;

    fn layer(&self, inner: S) -> CheckParams<S> {
        CheckParams { inner, schemas: Arc::new(Schemas::default()) }
    }
}
