//! One message through the rules.

use std::time::Duration;

use super::act::Step;
use super::stats::add;
use super::{Rules, facts};
use crate::error::BoxError;
use crate::layer::intercept::{Action, Block, Interception, Interceptor};
use crate::message::{Code, Direction, Kind};
use crate::protocol::method;

impl Interceptor for Rules {
    fn wants(&self, direction: Direction, kind: Kind, method: Option<&str>) -> bool {
        self.ask(|set| {
            set.has_any(direction, kind, method)
                || set.asks_for_clients() && kind == Kind::Request && method == Some(method::INITIALIZE)
        })
    }

    /// What a rule delays or holds takes as long as it takes; the rules themselves wait for nothing.
    fn budget(&self) -> Duration {
        Duration::MAX
    }

    async fn intercept(&self, seen: &mut Interception) -> Result<Action, BoxError> {
        // What a rule reads in it, and what its reader does, may be two things.
        if !seen.message().is_strict() {
            return Ok(Action::Block(Block::ambiguous()));
        }
        // One set for the whole of it.
        let set = self.current();
        facts::note(seen, self);
        let (mut at, mut changed) = (None, false);
        let action = loop {
            match self.step(&set, &mut at, seen) {
                Step::On => {}
                Step::Change(message) => {
                    seen.change(message)?;
                    changed = true;
                }
                Step::Tag(tags) => {
                    let mut message = seen.message().clone();
                    message.extensions_mut().insert(tags.clone());
                    seen.change(message)?;
                    seen.metadata_mut().insert(tags);
                }
                Step::Wait(delay, then) => {
                    tokio::time::sleep(delay).await;
                    let Some(failure) = then else { continue };
                    break self.fail(&failure, seen);
                }
                Step::Hold(rule) => match self.hold(&rule, seen, &mut changed).await? {
                    None => {}
                    Some(action) => break action,
                },
                Step::End(action) => break action,
            }
        };
        Ok(match action {
            Action::Continue if changed => Action::Modify(seen.message().clone()),
            action => action,
        })
    }
}

impl Rules {
    /// `None`: it goes on to the next rule.
    async fn hold(
        &self,
        rule: &str,
        seen: &mut Interception,
        changed: &mut bool,
    ) -> Result<Option<Action>, BoxError> {
        let Some(holds) = &self.0.options.holds else {
            let why = "The message should be held, and nobody is there to decide";
            return Ok(Some(Action::Block(Block::error(Code::INTERNAL_ERROR, why))));
        };
        add(&self.0.counts.held);
        let mut action = holds.hold(rule, seen);
        loop {
            match action {
                Action::Hold(held) => action = held.decision().await,
                Action::Continue => return Ok(None),
                Action::Modify(message) => {
                    seen.change(message)?;
                    *changed = true;
                    return Ok(None);
                }
                end => return Ok(Some(end)),
            }
        }
    }
}
