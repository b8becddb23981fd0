//! Children that are held to limits, and what is asked of those that exceed them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use shadowcat::connect::{Child, Command, Limits};
use shadowcat::{Error, JsonRpcMessage};
use tower::ServiceExt;

use super::eventually_async;
use super::system::group;

pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Never waited for: the test fails long before.
pub(crate) const NEVER: Duration = Duration::from_secs(20);
pub(crate) const MIB: u64 = 1 << 20;

pub(crate) fn peer(args: &[&str]) -> Command {
    Command::new(super::peer()).args(args)
}

/// A shell whose `$0` is the peer, and `$1` the next argument.
pub(crate) fn shell(script: &str) -> Command {
    Command::new("sh").args(["-c", script]).arg(super::peer())
}

pub(crate) fn quick() -> Limits {
    Limits::new().sample_every(Duration::from_millis(10))
}

pub(crate) async fn ask(child: &Child) -> Result<String, Error> {
    let call = child.clone().oneshot(JsonRpcMessage::request(1, "ping", "").unwrap());
    let reply = tokio::time::timeout(NEVER, call).await.expect("it is answered, or it fails")?;
    Ok(String::from_utf8(reply.as_one().unwrap().result().unwrap().to_vec()).unwrap())
}

/// The error of a call in flight; the child and all that it started are gone.
pub(crate) async fn exceeded(command: Command, limits: Limits) -> Error {
    let name = command.to_string();
    let child = command.grace(NEVER, NEVER).limits(limits).spawn().unwrap();
    let (id, ended) = (child.id(), child.ended());
    let error = ask(&child).await.unwrap_err();
    let exit = ended.await;

    assert!(error.is_limit_exceeded() && error.is_closed() && !error.is_unsent(), "{error:?}");
    assert!(error.to_string().starts_with(&format!("{name} exceeded its ")), "{error}");
    assert_eq!(exit.error().to_string(), error.to_string());
    let later = ask(&child).await.unwrap_err();
    assert!(later.is_limit_exceeded() && later.is_unsent(), "{later:?}");
    eventually_async(NEVER, "the group is gone", || group(id).is_empty()).await;
    error
}
