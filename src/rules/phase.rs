//! Which way and of what kind the messages of a matcher are.

use super::condition::Test;
use super::{Matcher, Text};
use crate::message::{Direction, Kind};
use crate::protocol::method;

/// The methods that a server calls.
const OF_SERVERS: [&str; 3] = [method::CREATE_MESSAGE, method::ELICIT, method::ROOTS_LIST];

/// The notifications that a client sends.
const OF_CLIENTS: [&str; 2] = [method::INITIALIZED, "notifications/roots/list_changed"];

impl Matcher {
    /// Direction and kind; none is any.
    pub(crate) fn phase(&self) -> (Option<Direction>, Option<Kind>) {
        let methods = self.methods();
        let all = |test: fn(&str) -> bool| {
            methods
                .as_ref()
                .is_some_and(|methods| !methods.is_empty() && methods.iter().all(|method| test(method)))
        };
        let parts_say = |said: fn(&Self) -> bool| self.parts().any(|part| part.says(said));
        let kind = self.kind.or_else(|| {
            if parts_say(|part| part.kind.is_some()) {
                return None;
            }
            Some(match (self.looks_at_answers(), all(|method| method.starts_with("notifications/"))) {
                (true, _) => Kind::Response,
                (_, true) => Kind::Notification,
                _ => Kind::Request,
            })
        });
        let direction = self.direction.or_else(|| {
            if parts_say(|part| part.direction.is_some()) {
                return None;
            }
            direction_of(
                kind?,
                all(|method| OF_SERVERS.contains(&method)),
                all(|method| OF_CLIENTS.contains(&method)),
            )
        });
        (direction, kind)
    }

    fn parts(&self) -> impl Iterator<Item = &Self> {
        self.all.iter().chain(self.any.iter().flatten()).chain(&self.not)
    }

    /// Whether it, or any part of it, says this.
    pub(super) fn says(&self, said: fn(&Self) -> bool) -> bool {
        said(self) || self.parts().any(|part| part.says(said))
    }

    fn looks_at_answers(&self) -> bool {
        let here = self.conditions.iter().any(|condition| {
            condition.test != Test::Missing && matches!(condition.place.payload(), Some("result" | "error"))
        });
        here || self.all.iter().chain(self.any.iter().flatten()).any(Self::looks_at_answers)
    }

    /// The only methods of its messages, where they can be told.
    pub(crate) fn methods(&self) -> Option<Vec<&str>> {
        let named = self.name.as_ref().and_then(|(named, _)| named.method());
        let own = self.method.as_ref().and_then(Text::exacts).or_else(|| named.map(|method| vec![method]));
        own.or_else(|| self.all.iter().find_map(Self::methods)).or_else(|| {
            let any = self.any.as_ref()?.iter().map(Self::methods).collect::<Option<Vec<_>>>()?;
            Some(any.concat())
        })
    }

    /// The only names (tools, prompts, URIs) of its messages, where they can be told.
    pub(crate) fn names(&self) -> Option<Vec<&str>> {
        let own = self.name.as_ref().and_then(|(_, name)| name.exacts());
        own.or_else(|| self.all.iter().find_map(Self::names)).or_else(|| {
            let any = self.any.as_ref()?.iter().map(Self::names).collect::<Option<Vec<_>>>()?;
            Some(any.concat())
        })
    }
}

fn direction_of(kind: Kind, of_servers: bool, of_clients: bool) -> Option<Direction> {
    let to_client = match kind {
        Kind::Request => of_servers,
        Kind::Response => !of_servers,
        Kind::Notification => !of_clients,
    };
    Some(if to_client { Direction::ToClient } else { Direction::ToUpstream })
}
