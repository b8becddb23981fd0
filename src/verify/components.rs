//! Components of a Wassette, loaded before the rest is played.

use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tower_service::Service;

use super::VerifyError;
use super::active::{Active, Purpose};
use super::driver::Driver;
use super::script::{End, Recorded, Script};
use crate::error::BoxError;
use crate::message::{JsonRpcMessage, OwnedId};
use crate::policy::wassette::Digest;
use crate::protocol::{method, peek};
use crate::reply::Reply;
use crate::tape::{Comparison, Component};
use crate::wassette::policy::{NetworkRule, Policy};
use crate::wassette::{ManagementTool, Outcome};

impl<S> Driver<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
    S::Error: Into<BoxError>,
{
    /// Those that the tape names and does not load by itself, if we may.
    pub(super) async fn load_components(&mut self) -> Result<(), VerifyError> {
        let components = std::mem::take(&mut self.script.components);
        let own = |component: &Component| !loads(&self.script, component.uri.as_deref());
        let components: Vec<_> = components.into_iter().filter(own).collect();
        // What has come by now is heard before, so that it is not taken for our own doing.
        self.settle().await;
        let since = self.find(Purpose::SessionListen).map_or(0, Active::kept);
        let mut is_loaded = false;
        for component in components {
            let id = component.id.clone();
            match self.settings.components.as_mut().map(|choose| choose(component)) {
                Some(Some(component)) => {
                    self.prepare(&component).await?;
                    is_loaded = true;
                }
                Some(None) => self.note(format!("component {id} was not loaded: it was not chosen")),
                None => self.note(format!("component {id} was not loaded: `components` says which may be")),
            }
        }
        if is_loaded {
            self.settle().await;
            self.forget_changes(since);
        }
        Ok(())
    }

    async fn prepare(&mut self, component: &Component) -> Result<(), VerifyError> {
        let Some(uri) = component.uri.as_deref() else {
            let why = "neither the tape nor anybody else says where it came from";
            return Err(VerifyError::component(&component.id, why));
        };
        let checked = check_digest(component, uri, self.settings.timeout).await;
        checked.map_err(|why| VerifyError::component(&component.id, why))?;
        self.load(component, uri).await?;
        self.attach(component).await?;
        self.note(format!("component {} was loaded from {uri}", component.id));
        Ok(())
    }

    async fn load(&mut self, component: &Component, uri: &str) -> Result<(), VerifyError> {
        let arguments = format!(r#"{{"path":{}}}"#, OwnedId::from(uri).as_str());
        match self.manage(component, ManagementTool::LoadComponent, &arguments).await? {
            Outcome::Loaded { id, .. } if *id.as_str() == *component.id => Ok(()),
            Outcome::Loaded { id, .. } => {
                let why = format!("{uri} was loaded under another id, {:?}", id.as_str());
                Err(VerifyError::component(&component.id, why))
            }
            _ => Err(VerifyError::component(&component.id, "the server did not say that it was loaded")),
        }
    }

    /// Grants what its policy allows, except what the tape grants by itself: it was not granted before.
    async fn attach(&mut self, component: &Component) -> Result<(), VerifyError> {
        let Some(text) = component.policy.as_deref() else { return Ok(()) };
        let policy = read(text).map_err(|why| VerifyError::component(&component.id, why))?;
        let (grants, is_all) = grants(&policy);
        for (tool, details) in grants {
            if self.script.calls.iter().any(|call| is_grant(call, tool, &component.id, &details)) {
                continue;
            }
            let id = OwnedId::from(&*component.id);
            let arguments = format!(r#"{{"component_id":{},"details":{details}}}"#, id.as_str());
            self.manage(component, tool, &arguments).await?;
        }
        if !is_all {
            let what =
                "its policy says more than can be granted: what it denies, ranges of addresses, limits";
            self.note(format!("component {}: {what}; attach it before", component.id));
        }
        Ok(())
    }

    /// Calls a tool of Wassette's own; that it says no is an error.
    async fn manage(
        &mut self,
        component: &Component,
        tool: ManagementTool,
        arguments: &str,
    ) -> Result<Outcome, VerifyError> {
        let failed = |why: &dyn std::fmt::Display| {
            VerifyError::component(&component.id, format_args!("{} failed: {why}", tool.name()))
        };
        let meta = self.script.meta().map(|meta| [&br#","_meta":"#[..], meta].concat()).unwrap_or_default();
        let params = format!(r#"{{"name":"{}","arguments":{arguments}"#, tool.name());
        let params = [params.as_bytes(), &meta, b"}"].concat();
        let request = JsonRpcMessage::request(self.fresh_id(), method::TOOLS_CALL, params);
        let request = request.and_then(|request| request.edit().remove_meta("progressToken").finish());
        let answer = self.ask(request.map_err(|why| failed(&why))?).await.map_err(|why| failed(&why))?;
        match Outcome::read(tool, &answer) {
            Ok(Outcome::Failed(why)) => Err(failed(&self.settings.judge.masks.text(&why))),
            Ok(outcome) => Ok(outcome),
            Err(why) => Err(failed(&why)),
        }
    }

    fn note(&mut self, note: String) {
        self.report.notes.push(note);
    }

    /// That the tools changed by our own doing was not recorded: of what came after so many.
    fn forget_changes(&mut self, since: usize) {
        let listen = self.in_flight.place(Purpose::SessionListen);
        if let Some(listen) = listen.and_then(|at| self.in_flight.get_mut(at)) {
            listen.forget(since, |message| message.is_method(method::TOOLS_LIST_CHANGED));
        }
    }
}

async fn check_digest(component: &Component, uri: &str, limit: Duration) -> Result<(), String> {
    let Some(recorded) = component.digest.as_deref() else { return Ok(()) };
    let now = digest_of(uri, limit).await;
    match now.and_then(|now| Ok((now, recorded.parse::<Digest>().map_err(|why| why.to_string())?))) {
        Ok((now, recorded)) if now == recorded => Ok(()),
        Ok((now, _)) => Err(format!("{uri} is another file: its digest is {now}, recorded was {recorded}")),
        Err(why) => Err(format!("its digest cannot be checked: {why}; without one it is loaded as it is")),
    }
}

/// Of a file here: what else there is, a server fetches by itself.
async fn digest_of(uri: &str, limit: Duration) -> Result<Digest, String> {
    let file = uri.to_owned();
    match timeout(limit, spawn_blocking(move || Digest::of_file(&file))).await {
        Ok(Ok(read)) => read.map_err(|why| why.to_string()),
        _ => Err(format!("{uri} was not read within {limit:?}")),
    }
}

/// Whether one of the recorded calls loads it.
fn loads(script: &Script, uri: Option<&str>) -> bool {
    let tool = ManagementTool::LoadComponent.name();
    uri.is_some_and(|uri| {
        script.calls.iter().any(|call| {
            let arguments = peek::member(call.request.params().unwrap_or_default(), "arguments");
            let path = peek::text(arguments.ok().flatten().unwrap_or_default(), "path");
            peek::tool_name(&call.request).ok().flatten().as_deref() == Some(tool)
                && path.ok().flatten().as_deref() == Some(uri)
        })
    })
}

/// Whether a recorded call grants this, and did.
fn is_grant(call: &Recorded, tool: ManagementTool, id: &str, details: &str) -> bool {
    let End::Answered(answer) = &call.end else { return false };
    let arguments = || peek::member(call.request.params()?, "arguments").ok()?;
    let is_same = |arguments: &[u8]| {
        let granted = peek::member(arguments, "details").ok().flatten().unwrap_or_default();
        peek::text(arguments, "component_id").ok().flatten().as_deref() == Some(id)
            && Comparison::structural().is_equal(granted, details.as_bytes())
    };
    peek::tool_name(&call.request).ok().flatten().as_deref() == Some(tool.name())
        && arguments().is_some_and(is_same)
        && matches!(Outcome::read(tool, answer), Ok(Outcome::Granted(_)))
}

fn read(text: &str) -> Result<Policy, String> {
    let read = Policy::from_json(text);
    #[cfg(feature = "yaml")]
    let read = read.or_else(|_| Policy::from_yaml(text));
    #[cfg(not(feature = "yaml"))]
    let read =
        read.map_err(|why| format!("{why}; to read one in YAML takes the feature `yaml` of shadowcat"));
    read.map_err(|why| format!("its policy cannot be read: {why}"))
}

/// The calls that grant a policy, and whether they grant all that it says.
fn grants(policy: &Policy) -> (Vec<(ManagementTool, String)>, bool) {
    let mut grants = Vec::new();
    let mut is_all = policy.storage.deny.is_empty()
        && policy.network.deny.is_empty()
        && policy.ipc == Policy::default().ipc
        && policy.runtime.is_none();
    for rule in &policy.storage.allow {
        let access: Vec<_> = rule.access.iter().map(|access| access.as_str()).collect();
        let details = serde_json::json!({ "uri": rule.uri.as_str(), "access": access });
        grants.push((ManagementTool::GrantStorage, details.to_string()));
    }
    for rule in &policy.network.allow {
        match rule {
            NetworkRule::Host(host) => {
                let details = serde_json::json!({ "host": host.to_string() });
                grants.push((ManagementTool::GrantNetwork, details.to_string()));
            }
            _ => is_all = false,
        }
    }
    for name in &policy.environment {
        grants.push((ManagementTool::GrantEnvironment, serde_json::json!({ "key": name }).to_string()));
    }
    let mut rest = policy.resources.clone();
    if let Some(memory) = rest.memory_limit.take() {
        let details = serde_json::json!({ "resources": { "limits": { "memory": memory.to_string() } } });
        grants.push((ManagementTool::GrantMemory, details.to_string()));
    }
    is_all &= rest == Policy::default().resources;
    (grants, is_all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_becomes_grants() {
        let policy = Policy::from_json(
            br#"{"version":"1.0","permissions":{
                "storage":{"allow":[{"uri":"fs:///data/**","access":["read","write"]}]},
                "network":{"allow":[{"host":"*.example.com"}]},
                "environment":{"allow":[{"key":"LANG"}]},
                "resources":{"limits":{"memory":"512Mi"}}}}"#,
        )
        .unwrap();
        let (found, is_all) = grants(&policy);
        let found: Vec<_> = found.iter().map(|(tool, details)| (tool.name(), &**details)).collect();
        assert_eq!(
            found,
            [
                ("grant-storage-permission", r#"{"access":["read","write"],"uri":"fs:///data/**"}"#),
                ("grant-network-permission", r#"{"host":"*.example.com"}"#),
                ("grant-environment-variable-permission", r#"{"key":"LANG"}"#),
                ("grant-memory-permission", r#"{"resources":{"limits":{"memory":"512Mi"}}}"#),
            ]
        );
        assert!(is_all);
        for rest in
            [r#""network":{"deny":[{"host":"a.example"}]}"#, r#""network":{"allow":[{"cidr":"10.0.0.0/8"}]}"#]
        {
            let text = format!(r#"{{"version":"1.0","permissions":{{{rest}}}}}"#);
            assert!(!grants(&Policy::from_json(text).unwrap()).1, "{rest}");
        }
    }
}
