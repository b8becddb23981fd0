//! Access control: what a [`Policy`] denies never reaches the server, and is in no list.
//!
//! [`Access`] is the handle: it holds the policy, takes another while traffic goes on, counts, and explains.
//! [`AccessControlLayer`] puts it into a stack.
//!
//! It belongs below every layer that changes messages, so that what it judges is what the server gets: the exact bytes,
//! through the same spans. What peers may read in different ways it refuses: a message that passed only the transparent
//! scan, a method or a key that folds to one that is judged and is not it, a call that names nothing.
//!
//! # What is told
//!
//! A denial tells the client no more than that there is no such thing, and the server nothing. Which rule it was
//! stands in the reply's [`Decisions`] and in the events of `tracing`; so does each message that was allowed.
//!
//! | denied | the client gets |
//! |---|---|
//! | tool, prompt | -32602 `Unknown tool: …`, `Unknown prompt: …` |
//! | resource, also one of a `subscriptions/listen` | -32002 `Resource not found`; from 2026-07-28 on -32602 |
//! | method | -32601 `Method not found` |
//! | what a `completion/complete` refers to | -32602, as above |
//! | a call that names nothing | -32602 |
//! | what may be read in different ways | -32600 |
//!
//! A notification that is denied is gone.
//!
//! # What servers say
//!
//! - From the results of `tools/list`, `prompts/list`, `resources/list` and `resources/templates/list`, entries are cut
//!   that are denied whatever the arguments, with one comma each; all other bytes stay, also a `nextCursor` of a page of
//!   which nothing is left. A list that was cut, or whose policy makes differences between those who ask, is not
//!   `cacheScope: public` any more. A result that is not such a list becomes one error -32603.
//! - A response that has not the id of its request is no answer to it: the client gets one error -32603.
//! - A question (`sampling/createMessage`, `elicitation/create`, `roots/list`) that is denied as a method is answered
//!   with -32601 in the client's place. One inside of a result (2026-07-28, `input_required`) makes that result an error
//!   -32603, since no answer could tell of it; `inputResponses` to such are refused.
//! - `notifications/resources/updated` of a denied resource is dropped, and so is any notification whose method is
//!   denied.
//!
//! What a tool says is not looked at: links to resources inside of its result stay, and so do names that
//! Wassette's `list-components` or `search-components` write into their texts. Who must not see those is denied the tool.
//!
//! Batches are split by the front ends, so each message is judged.
//!
//! # Dry run
//!
//! A policy that only tells lets everything pass, what is malformed too; a rule that only tells decides nothing. What
//! would have been denied is told like a denial, as [not enforced](crate::policy::Decision::is_enforced).
//!
//! ```
//! use shadowcat::layer::access::{Access, AccessControlLayer};
//! use shadowcat::policy::{Decisions, Policy, Rule, Target};
//! use shadowcat::rules::Text;
//! use shadowcat::{JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let access = Access::new(Policy::allow_by_default([Rule::deny("no-rm", Target::Tool(Text::exact("rm")))])?);
//! let mut stack = ServiceBuilder::new().layer(AccessControlLayer::new(&access)).service_fn(
//!     |request: JsonRpcMessage| async move {
//!         let id = request.owned_id().ok_or("a request")?;
//!         let list = JsonRpcMessage::response(id, r#"{"tools":[{"name":"ls"},{"name":"rm"}]}"#)?;
//!         Ok::<_, shadowcat::BoxError>(Reply::one(list))
//!     },
//! );
//!
//! let list = stack.ready().await?.call(JsonRpcMessage::request(1, "tools/list", "")?).await?;
//! assert_eq!(list.as_one().unwrap().result(), Some(&br#"{"tools":[{"name":"ls"}]}"#[..]));
//!
//! let call = JsonRpcMessage::request(2, "tools/call", r#"{"name":"RM"}"#)?;
//! let refused = stack.ready().await?.call(call).await?;
//! assert!(refused.as_one().unwrap().bytes().ends_with(br#""error":{"code":-32602,"message":"Unknown tool: RM"}}"#));
//! assert_eq!(Decisions::of(&refused)[0].rule_id(), Some("no-rm"));
//!
//! access.replace(Policy::allow_by_default([])?);
//! # Ok(()) }
//! ```

mod future;
mod handle;
mod items;
mod layer;
pub(in crate::layer) mod list;
mod refusal;
mod review;
mod service;
mod stats;

#[cfg(doc)]
use crate::policy::{Decisions, Policy};

pub use future::ResponseFuture;
pub use handle::Access;
pub use layer::AccessControlLayer;
pub use service::AccessControl;
pub use stats::Stats;
