//! A message that two readers read differently.
//!
//! *The attack.* A proxy reads `"name":"safe"`, the server behind it `"name":"evil"`: because a key stands twice and
//! they keep different ones; because one ignores case, width or invisible characters in keys; because a line ends
//! where only one of them ends lines; because a header says one thing and the body another.
//!
//! *What stops it.* One reader, which refuses what others could read differently, before anything else looks:
//!
//! - A key that stands twice, compared after unescaping, at any depth. A key of the envelope that another reader would
//!   take for one of the protocol's: `Method`, `id\u0000`, `params` in full width; within parameters and lists, layers that
//!   judge them look for the same. Keys of `serde_json`'s own (`$serde_json::private::…`).
//! - A lone surrogate in a key, an id, a method or a tool's name.
//! - Bytes behind the document, a byte order mark, invalid UTF-8, a batch where none was agreed on.
//! - On lines, a carriage return within a message; U+2028, U+2029 and U+0085 end nothing. In a body that goes on as a
//!   line, a line end becomes a space, which changes no JSON.
//! - On HTTP, a header that stands twice, `Transfer-Encoding` beside `Content-Length`, a compressed body; and in
//!   2026-07-28, `Mcp-Method`, `Mcp-Name` and `Mcp-Param-*` that are not what the body says. They are made anew from the
//!   body that goes on when a layer changed it.
//!
//! ```
//! use shadowcat::{Fault, JsonRpcMessage};
//!
//! let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"safe","n\u0061me":"evil"}}"#;
//! assert_eq!(JsonRpcMessage::parse(twice).unwrap_err().fault(), Fault::DuplicateKey);
//! let posing = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","Method":"tools/call"}"#;
//! assert_eq!(JsonRpcMessage::parse(posing).unwrap_err().fault(), Fault::ConfusableKey);
//! ```
//!
//! *What proves it.* The classes `framing`, `envelope` and `headers` of the hostile corpus, through real pipes and
//! sockets; fuzz targets `scan`, `lines`, `headers`; frames that were let through are read by serde_json, Node and
//! Python alike.
