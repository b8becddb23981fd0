//! A policy's file is read again: at once and whole, or not at all.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use shadowcat::layer::AccessControlLayer;
use shadowcat::layer::policy_file::PolicyFile;
use shadowcat::policy::Verdict;
use shadowcat::policy::{Subject, Who};
use shadowcat::wassette::ManagementTool;
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{Layer, Service, ServiceExt};

use crate::support::soon;

/// A file of this test's own, gone with it.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("shadowcat-policy-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = Self(folder.join("policy.json"));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap());
    }
}

/// These tools and no others.
fn only(tools: &[&str]) -> String {
    let rule = serde_json::json!({"id": "only", "effect": "allow", "tool": tools});
    serde_json::json!({"default": "deny", "rules": [rule]}).to_string()
}

fn may(file: &PolicyFile, tool: &str) -> bool {
    let policy = file.access().current();
    policy.decide(&Subject::tool(tool), &Who::anybody(), None).verdict() == Verdict::Allow
}

#[test]
fn a_file_that_cannot_be_read_or_is_wrong_does_not_start() {
    let missing = PolicyFile::open("/there/is/none.json").unwrap_err().to_string();
    assert!(missing.starts_with("/there/is/none.json: cannot be read: "), "{missing}");
    let file = File::new("start", r#"{"default":"deny","rules":[{"id":"a"}]}"#);
    assert_eq!(PolicyFile::open(&file.0).unwrap_err().iter().count(), 2);
}

#[test]
fn a_file_that_becomes_unreadable_changes_nothing_and_the_status_says_so() {
    let file = File::new("gone", &only(&["a"]));
    let policy = PolicyFile::open(&file.0).unwrap();
    std::fs::remove_file(&file.0).unwrap();
    assert!(policy.reload().is_err());
    assert!(policy.status().borrow().problem.as_deref().unwrap().contains("cannot be read"));
    assert!(may(&policy, "a") && !may(&policy, "b"));
    file.write("{");
    assert!(policy.reload().is_err());
    assert!(policy.status().borrow().problem.as_deref().unwrap().contains("no JSON"));
    assert!(may(&policy, "a") && !may(&policy, "b"));
    file.write(&only(&["b"]));
    policy.reload().unwrap();
    assert_eq!((policy.status().borrow().problem.clone(), policy.status().borrow().reloads), (None, 1));
    assert!(!may(&policy, "a") && may(&policy, "b"));
}

#[test]
fn a_profile_comes_and_goes_with_its_file() {
    let with = r#"{"default":"allow","rules":[],"wassette":{"allow":["unload-component"]}}"#;
    let file = File::new("profile", with);
    let policy = PolicyFile::open(&file.0).unwrap();
    let may = || policy.control().profile().is_allowed(ManagementTool::UnloadComponent);
    assert!(may());
    file.write(r#"{"default":"allow","rules":[]}"#);
    policy.reload().unwrap();
    assert!(!may(), "what is not said is not allowed");
}

/// Each call is of two tools, one of which is allowed in each of the two files: a list never shows both or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_meets_half_of_two_files() {
    let file = File::new("load", &only(&["a1", "a2", "a3"]));
    let policy = PolicyFile::open(&file.0).unwrap();
    let list =
        r#"{"tools":[{"name":"a1"},{"name":"b1"},{"name":"a2"},{"name":"b2"},{"name":"a3"},{"name":"b3"}]}"#;
    let stack =
        AccessControlLayer::new(policy.access()).layer(tower::service_fn(move |message: JsonRpcMessage| {
            let reply = message.responder().result(list).unwrap().map_or_else(Reply::empty, Reply::one);
            async move { Ok::<_, Error>(reply) }
        }));
    let over = Arc::new(AtomicBool::new(false));
    let mut loads = Vec::new();
    for _ in 0..2 {
        let (mut stack, over) = (stack.clone(), over.clone());
        loads.push(tokio::spawn(async move {
            let mut seen = 0_u32;
            while !over.load(Ordering::Relaxed) || seen < 50 {
                let request = JsonRpcMessage::request(1, "tools/list", "{}").unwrap();
                let reply = stack.ready().await.unwrap().call(request).await.unwrap();
                let result: Value =
                    serde_json::from_slice(reply.as_one().unwrap().result().unwrap()).unwrap();
                let names: Vec<&str> = result["tools"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|tool| tool["name"].as_str().unwrap())
                    .collect();
                assert!(names == ["a1", "a2", "a3"] || names == ["b1", "b2", "b3"], "{names:?}");
                seen += 1;
                tokio::task::yield_now().await;
            }
        }));
    }
    let letters = [only(&["a1", "a2", "a3"]), only(&["b1", "b2", "b3"])];
    for n in 0..200 {
        file.write(&letters[(n + 1) % 2]);
        policy.reload().unwrap();
        tokio::task::yield_now().await;
    }
    over.store(true, Ordering::Relaxed);
    for load in loads {
        soon(load).await.unwrap();
    }
    assert_eq!(policy.status().borrow().reloads, 200);
}

#[cfg(feature = "watch")]
#[tokio::test]
async fn a_file_is_read_again_when_it_changes_and_when_it_is_gone() {
    let file = File::new("watch", &only(&["a"]));
    let policy = PolicyFile::open(&file.0).unwrap();
    file.write(&only(&["b"]));
    let watching = policy.watch().unwrap();
    assert!(may(&policy, "b"), "what changed before it is watched counts too");

    let mut status = policy.status();
    file.write(&only(&["c"]));
    soon(status.wait_for(|status| status.reloads >= 2)).await.unwrap();
    assert!(may(&policy, "c"));
    std::fs::remove_file(&file.0).unwrap();
    soon(status.wait_for(|status| status.problem.is_some())).await.unwrap();
    assert!(may(&policy, "c"));
    file.write(&only(&["c"]));
    soon(status.wait_for(|status| status.problem.is_none())).await.unwrap();
    drop(watching);
}
