#![doc = "shadowcat"]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod connect;
mod error;
pub mod layer;
mod macros;
mod message;
pub mod protocol;
pub mod reply;
pub mod serve;
pub mod wire;

pub use error::{BoxError, Error};
pub use message::*;
pub use reply::{Reply, RpcService};
