//! The handle: what is trusted, and what differs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::page::Page;
use super::server::{Asked, Denial, Learned, Server};
use super::stats::{Counts, add};
use super::{OnDrift, Options, Stats};
use crate::message::JsonRpcMessage;
use crate::policy::Decision;
use crate::policy::pin::{Definition, Drift, DriftKind, LockFile, ToolDigest};
use crate::session::Party;

/// What is trusted of the tools of each server, and what differs from it; cheap to clone, all clones are one. See the
/// [module](super).
#[derive(Clone)]
pub struct Pins(Arc<Shared>);

struct Shared {
    options: Options,
    servers: Mutex<HashMap<String, Server>>,
    counts: Counts,
    version: watch::Sender<u64>,
}

/// There is no such drift: no tool of that name differs, or another definition of it was found since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing of this name and digest waits for a decision")]
#[non_exhaustive]
pub struct NoDrift;

impl Pins {
    /// What each server says first is trusted.
    pub fn new(options: Options) -> Self {
        Self(Arc::new(Shared {
            options,
            servers: Mutex::default(),
            counts: Counts::default(),
            version: watch::channel(0).0,
        }))
    }

    /// What the file says is trusted, and of its servers nothing else; other servers are trusted at first sight.
    ///
    /// ```
    /// use shadowcat::layer::pin::{Options, Pins};
    /// use shadowcat::policy::pin::{Definition, LockFile};
    ///
    /// let mut lock = LockFile::new();
    /// lock.insert("web", Definition::read(br#"{"name":"fetch"}"#)?);
    /// let pins = Pins::with_lock(&lock, Options::new().server("web"));
    /// assert_eq!(pins.lock(), lock);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_lock(lock: &LockFile, options: Options) -> Self {
        let pins = Self::new(options);
        let mut servers = pins.servers();
        for name in lock.servers() {
            servers.entry(name.to_owned()).or_default().trust(lock.tools(name).cloned());
        }
        drop(servers);
        pins
    }

    /// What is trusted now, to be written. Write it when lists were complete: a server in it is trusted as it stands
    /// there, and every other tool of it is new from then on.
    pub fn lock(&self) -> LockFile {
        let mut lock = LockFile::new();
        for (name, server) in &*self.servers() {
            lock.server(name);
            server.trusted().cloned().for_each(|tool| _ = lock.insert(name, tool));
        }
        lock
    }

    /// What differs and stands, by server and tool; what vanished, too.
    pub fn drifts(&self) -> Vec<Drift> {
        let mut all: Vec<_> = self.servers().values().flat_map(Server::drifts).cloned().collect();
        all.sort_by(|a, b| (&a.server, &a.tool).cmp(&(&b.server, &b.tool)));
        all
    }

    /// What waits for a decision: every drift but those of tools that vanished.
    pub fn pending(&self) -> Vec<Drift> {
        let mut all = self.drifts();
        all.retain(|drift| drift.kind != DriftKind::Vanished);
        all
    }

    /// Trusts what was found in the place of what was trusted. The digest is that of the definition that was looked at:
    /// [`Drift::found`]. Clients learn of it by their next list; tell them by `notifications/tools/list_changed`.
    ///
    /// # Errors
    ///
    /// The server says something else by now, or nothing differs.
    pub fn approve(&self, server: &str, tool: &str, digest: ToolDigest) -> Result<(), NoDrift> {
        self.decide(server, |server| server.approve(tool, digest))?;
        add(&self.0.counts.approved, 1);
        Ok(())
    }

    /// Forgets a drift: what was trusted still is. What differs in the next list is a drift again.
    ///
    /// # Errors
    ///
    /// Nothing differs.
    pub fn dismiss(&self, server: &str, tool: &str) -> Result<(), NoDrift> {
        self.decide(server, |server| server.dismiss(tool))
    }

    fn decide(&self, server: &str, decide: impl FnOnce(&mut Server) -> Option<Drift>) -> Result<(), NoDrift> {
        let drift = self.servers().get_mut(server).and_then(decide).ok_or(NoDrift)?;
        tracing::info!(%drift, "someone decided about a tool");
        self.changed();
        Ok(())
    }

    /// Takes what was seen of a server for its complete list, even if its last page never came.
    pub fn seal(&self, server: &str) {
        self.servers().entry(server.to_owned()).or_default().is_complete = true;
    }

    /// Tells whenever a drift comes or goes: a number that grows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.version.subscribe()
    }

    /// What was done.
    pub fn stats(&self) -> Stats {
        self.0.counts.read()
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    pub(super) fn only_reports(&self) -> bool {
        self.0.options.on_drift == OnDrift::Report
    }

    /// The server that a message goes to.
    pub(super) fn server_of(&self, message: &JsonRpcMessage) -> String {
        let named = Party::of(message, None).upstream();
        named.unwrap_or(&self.0.options.server).to_owned()
    }

    /// Learns from a page; why each entry does not pass, if it does not.
    pub(super) fn page(&self, server: &str, asked: &Asked, page: &Page) -> Vec<Option<Decision>> {
        let options = &self.0.options;
        let mut servers = self.servers();
        let state = servers.entry(server.to_owned()).or_default();
        let learned = state.learn(server, asked, page, options, options.on_drift == OnDrift::Hold);
        let judge = |tool: &Definition| {
            let denial = state.judge(tool.name(), options.unseen).err()?;
            Some(self.decision(denial, server, tool.name()))
        };
        let judged = page.tools.iter().map(judge).collect();
        drop(servers);
        self.tell(&learned);
        self.compare(server, page);
        judged
    }

    /// Why a call does not pass, if it does not.
    pub(super) fn call(&self, server: &str, tool: &str) -> Option<Decision> {
        let mut servers = self.servers();
        // A server that was not seen is one of which nothing was seen.
        let state = servers.entry(server.to_owned()).or_default();
        let denial = state.judge(tool, self.0.options.unseen).err()?;
        drop(servers);
        Some(self.decision(denial, server, tool))
    }

    fn decision(&self, denial: Denial, server: &str, tool: &str) -> Decision {
        let (rule, why) = match denial {
            Denial::Changed => ("changed", "has another definition than the trusted one"),
            Denial::New => ("new", "was not there when the tools were trusted"),
            Denial::Alike => ("alike", "can be mistaken for a tool that is blocked"),
            Denial::Unseen => ("unseen", "was in no list"),
        };
        let decision = Decision::deny("pin").rule(rule).reason(format!("tool {tool:?} of {server:?} {why}"));
        if self.only_reports() { decision.dry_run() } else { decision }
    }

    fn tell(&self, learned: &Learned) {
        let count = |kind| learned.drifts.iter().filter(|drift| drift.kind == kind).count();
        add(&self.0.counts.trusted, learned.trusted);
        add(&self.0.counts.changed, count(DriftKind::Changed));
        add(&self.0.counts.new, count(DriftKind::New));
        add(&self.0.counts.vanished, count(DriftKind::Vanished));
        add(&self.0.counts.unkept, learned.unkept);
        learned.drifts.iter().for_each(|drift| tracing::warn!(%drift, "a tool is not what it was"));
        if !learned.drifts.is_empty() {
            self.changed();
        }
    }

    fn compare(&self, server: &str, page: &Page) {
        let Some(names) = &self.0.options.names else { return };
        let found = names.observe(server, page.tools.iter().map(Definition::name));
        add(&self.0.counts.lookalikes, found.len());
        found
            .iter()
            .for_each(|lookalike| tracing::warn!(%lookalike, "two tools can be taken for each other"));
    }

    fn changed(&self) {
        self.0.version.send_modify(|version| *version += 1);
    }

    fn servers(&self) -> MutexGuard<'_, HashMap<String, Server>> {
        self.0.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pins")
            .field("options", &self.0.options)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
