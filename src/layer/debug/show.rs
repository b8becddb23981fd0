//! A snapshot as text, and as JSON.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Histogram, InFlight, SeenSession, Snapshot, Times};
use crate::message::OwnedId;
use crate::shown::{name, safe_json};
use crate::wassette::{Component, ComponentMap};

/// Of each name that a peer chose, escapes and all.
const NAME: usize = 96;
/// Tools of a component that are named.
const TOOLS: usize = 16;

impl Snapshot {
    /// As one JSON object, times in microseconds. Characters that a terminal would not just show are escaped.
    ///
    /// ```
    /// let json = shadowcat::layer::debug::Debugger::new().snapshot().to_json();
    /// assert!(json.starts_with(r#"{"components":null,"in_flight":[]"#), "{json}");
    /// ```
    pub fn to_json(&self) -> String {
        let methods: Vec<_> = self.methods.iter().map(|(name, times)| method_json(name, times)).collect();
        let totals = &self.totals;
        let json = json!({
            "in_flight": self.in_flight.iter().map(call_json).collect::<Vec<_>>(),
            "more_in_flight": self.more_in_flight,
            "sessions": self.sessions.iter().map(session_json).collect::<Vec<_>>(),
            "sessions_forgotten": self.sessions_forgotten,
            "methods": methods,
            "totals": {
                "requests": totals.requests, "answered": totals.answered, "errors": totals.errors,
                "failed": totals.failed, "cancelled": totals.cancelled,
            },
            "components": self.components.as_deref().map(components_json),
            "records_lost": self.records_lost,
        });
        safe_json(&json.to_string())
    }
}

fn call_json(call: &InFlight) -> Value {
    let id = call.id.as_ref().map(|id| match id.as_i64() {
        Some(id) => json!(id),
        None => json!(id.text()),
    });
    json!({
        "session": call.session, "id": id, "method": call.method, "tool": call.tool, "listen": call.is_listen,
        "age_us": micros(call.age), "sent_bytes": call.sent_bytes, "items": call.items,
        "received_bytes": call.received_bytes,
    })
}

fn session_json(seen: &SeenSession) -> Value {
    json!({
        "session": seen.session, "age_us": micros(seen.age), "idle_us": micros(seen.idle),
        "requests": seen.requests, "received": seen.received,
    })
}

fn method_json(method: &Option<String>, times: &Times) -> Value {
    json!({
        "method": method, "answered": times.answered, "errors": times.errors, "failed": times.failed,
        "cancelled": times.cancelled, "first": times_json(&times.first), "whole": times_json(&times.whole),
    })
}

fn times_json(times: &Histogram) -> Value {
    json!({
        "count": times.count(), "p50_us": micros(times.quantile(0.5)), "p90_us": micros(times.quantile(0.9)),
        "p99_us": micros(times.quantile(0.99)), "max_us": micros(times.max()),
    })
}

fn components_json(map: &ComponentMap) -> Value {
    let tools =
        |component: &Component| component.tools.iter().map(|tool| json!(tool.name)).collect::<Vec<_>>();
    let components: Vec<_> =
        map.components().map(|each| json!({"id": each.id.as_str(), "tools": tools(each)})).collect();
    json!({"stale": map.is_stale(), "truncated": map.is_truncated(), "components": components})
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Display for Snapshot {
    /// A few lines for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.totals;
        writeln!(
            f,
            "requests: {} ({} answered, {} errors, {} failed, {} cancelled)",
            totals.requests, totals.answered, totals.errors, totals.failed, totals.cancelled
        )?;
        writeln!(f, "in flight: {}", self.in_flight.len() as u64 + self.more_in_flight)?;
        self.in_flight.iter().try_for_each(|call| show_call(f, call))?;
        writeln!(f, "sessions: {}", self.sessions.len())?;
        self.sessions.iter().try_for_each(|seen| show_session(f, seen))?;
        writeln!(f, "methods:")?;
        self.methods.iter().try_for_each(|(name, times)| show_method(f, name.as_deref(), times))?;
        if let Some(components) = &self.components {
            show_components(f, components)?;
        }
        match self.records_lost {
            0 => Ok(()),
            lost => writeln!(f, "records lost by the log: {lost}"),
        }
    }
}

fn show_call(f: &mut fmt::Formatter<'_>, call: &InFlight) -> fmt::Result {
    write!(f, "  {} {} {}", word(call.session.as_deref()), id(call.id.as_ref()), name(&call.method, NAME))?;
    if let Some(tool) = &call.tool {
        write!(f, " tool={}", name(tool, NAME))?;
    }
    let (age, items, bytes) = (call.age, call.items, call.received_bytes);
    writeln!(f, " for {age:.1?}: {} B sent, {items} messages with {bytes} B received", call.sent_bytes)
}

fn show_session(f: &mut fmt::Formatter<'_>, seen: &SeenSession) -> fmt::Result {
    let (session, requests, received) = (word(seen.session.as_deref()), seen.requests, seen.received);
    let (age, idle) = (seen.age, seen.idle);
    writeln!(f, "  {session} for {age:.1?}, idle for {idle:.1?}: {requests} requests, {received} received")
}

fn show_method(f: &mut fmt::Formatter<'_>, method: Option<&str>, times: &Times) -> fmt::Result {
    let method = method.map_or_else(|| "(others)".to_owned(), |method| name(method, NAME));
    let failed = (times.errors, times.failed, times.cancelled);
    write!(f, "  {method}: {} answered, {} errors", times.answered, failed.0)?;
    writeln!(f, ", {} failed, {} cancelled", failed.1, failed.2)?;
    for (what, times) in [("first message", &times.first), ("response", &times.whole)] {
        let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| times.quantile(share));
        writeln!(f, "    {what}: p50 {p50:.1?}, p90 {p90:.1?}, p99 {p99:.1?}, max {:.1?}", times.max())?;
    }
    Ok(())
}

fn show_components(f: &mut fmt::Formatter<'_>, map: &ComponentMap) -> fmt::Result {
    let stale = if map.is_stale() { " (stale)" } else { "" };
    writeln!(f, "components: {}{stale}", map.components().count())?;
    for component in map.components() {
        write!(f, "  {}:", name(component.id.as_str(), NAME))?;
        let tools = component.tools.iter().take(TOOLS);
        tools.map(|tool| name(&tool.name, NAME)).try_for_each(|tool| write!(f, " {tool}"))?;
        match component.tools.len().saturating_sub(TOOLS) {
            0 => writeln!(f)?,
            more => writeln!(f, " and {more} more")?,
        }
    }
    Ok(())
}

fn word(session: Option<&str>) -> String {
    session.map_or_else(|| "-".to_owned(), |session| name(session, NAME))
}

fn id(id: Option<&OwnedId>) -> String {
    let Some(id) = id else { return "-".to_owned() };
    crate::shown::id(id, NAME)
}
