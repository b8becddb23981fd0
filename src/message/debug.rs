//! A message as it is printed.

use std::fmt;

use super::JsonRpcMessage;

impl fmt::Debug for JsonRpcMessage {
    /// Kind, id, method and size; never the payload, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("JsonRpcMessage");
        out.field("kind", &self.kind());
        if let Some(id) = self.id() {
            out.field("id", &id);
        }
        if let Some(method) = self.method() {
            out.field("method", &method);
        }
        out.field("bytes", &self.inner.bytes.len()).finish_non_exhaustive()
    }
}
