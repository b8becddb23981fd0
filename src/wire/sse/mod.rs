//! Server-sent events, as HTTP streams have them (WHATWG HTML, section 9.2; 2026-07-28
//! basic/transports/streamable-http).
//!
//! ```
//! use shadowcat::JsonRpcMessage;
//! use shadowcat::wire::sse::{Decoder, Encoder, Limits};
//!
//! let mut encoder = Encoder::new();
//! encoder.push_comment("still here");
//! encoder.push_message(&JsonRpcMessage::request(1, "ping", "")?);
//! let mut decoder = Decoder::new(Limits::default());
//! while let Some(chunk) = encoder.next_chunk() {
//!     decoder.push(chunk);
//! }
//! let event = decoder.next_event()?.unwrap();
//! assert!(event.is_message());
//! assert_eq!(event.data, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decoder;
mod encoder;
mod event;
mod input;
mod limits;

pub use decoder::Decoder;
pub use encoder::{Encoder, Unwritable};
pub use event::{Event, MAX_ID_BYTES, MAX_RETRY};
pub use limits::{Exceeded, Limits};
