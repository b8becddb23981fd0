//! Rules in force: what a [`RuleSet`] says becomes of each message, done.
//!
//! [`Rules`] is the handle: it holds the set, takes another while traffic goes on, and counts. [`RulesLayer`] puts it
//! into a stack; it is also an [`Interceptor`](super::intercept::Interceptor), which joins any
//! [`Chain`](super::intercept::Chain).
//!
//! - A message meets one set, whole: the one that is in force when the message comes. So does each later message of a
//!   reply, when it comes.
//! - A message that no rule can be for costs a look at its envelope.
//! - A rewrite changes nothing but what it names. One that fails, and a message about which cannot be told whether a
//!   rule is meant for it, is blocked or goes on, as the rule and the [`Options`] say, and is counted.
//! - It stands above what judges messages: what a rule changed is judged, too.
//!
//! # Faults
//!
//! What each peer sees. The side that a message goes to is the one that suffers: a fault of a request is the
//! server's, a fault of a response the client's.
//!
//! | fault | a request | a response | a notification | what a server asks |
//! |---|---|---|---|---|
//! | error | the client gets it, the server nothing | the client gets it in the response's place | gone | the server gets it, the client nothing |
//! | timeout | the server gets nothing, the client no answer, until it cancels | the client gets no answer, until it cancels | gone | the client gets nothing, the server no answer |
//! | disconnect, truncate, corrupt, duplicate, flood | on the way to the server | on the way to the client | on its way | on the way to the client |
//! | reorder | unharmed | unharmed | within one reply, or on the listen; to the server unharmed | unharmed |
//!
//! A delay only makes a message late: what comes behind it in one reply waits for it, other requests do not. A client
//! that asked for progress gets some of ours meanwhile; see [`RulesLayer::without_progress`].
//! [`wire::fault`](crate::wire::fault) says what those of the third line look like on each transport. A flood is the
//! message itself, so many times more, as a duplicate is; a recorder that is nearer to whom it goes to has the copies on
//! its tape, as [synthetic](crate::JsonRpcMessage::synthetic): 64 of them, and a note of how many more there were. What a transport cannot do passes unharmed, and
//! [is counted](Stats::unharmed). After a fault, no other rule is asked about the message, unless it is a delay alone.
//!
//! ```
//! use serde_json::json;
//! use shadowcat::layer::rules::{Rules, RulesLayer};
//! use shadowcat::rules::{Action, Answer, Matcher, Mock, Rule, RuleSet, Text};
//! use shadowcat::{JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sunny = json!({"content": [{"type": "text", "text": "Sunny in {{city}}"}]});
//! let weather = Rule::new(
//!     "mock-weather",
//!     Matcher::new().tool(Text::exact("get_weather")),
//!     Action::Mock(Mock::from(Answer::Result(sunny.into()))),
//! );
//! let city: shadowcat::Pointer = "/params/arguments/city".parse()?;
//! let rules = Rules::new(RuleSet::new([weather.capture("city", city)])?)?;
//! let mut stack = ServiceBuilder::new()
//!     .layer(RulesLayer::new(&rules))
//!     .service_fn(|_: JsonRpcMessage| async { Ok::<_, shadowcat::Error>(Reply::empty()) });
//!
//! let call = r#"{"name":"get_weather","arguments":{"city":"Ulm"}}"#;
//! let reply = stack.ready().await?.call(JsonRpcMessage::request(1, "tools/call", call)?).await?;
//! assert!(reply.as_one().unwrap().result().unwrap().ends_with(br#"[{"text":"Sunny in Ulm","type":"text"}]}"#));
//! assert_eq!(rules.stats().answered, 1);
//!
//! rules.replace(RuleSet::new([])?)?;
//! # Ok(()) }
//! ```

mod act;
mod clients;
mod facts;
mod handle;
mod interceptor;
mod layer;
mod options;
mod stats;
mod tags;
#[cfg(feature = "watch")]
mod watch;

#[cfg(doc)]
use crate::rules::RuleSet;

pub use super::components::Components;
#[cfg(feature = "watch")]
pub use super::watch::Watching;
pub use handle::{Refused, Rules, Status};
pub use layer::RulesLayer;
pub use options::Options;
pub use stats::Stats;
pub use tags::Tags;
