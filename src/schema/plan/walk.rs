//! Walking over a value as a check would, every way at once.

use serde_json::{Map, Value};

use super::{Node, Plan, Unusable};

/// How deep a check goes, in schema and arguments together: it is a recursion on somebody's stack.
const MAX_LEVELS: usize = 192;

/// One walk over a value, and what is left of its budget.
pub(super) struct Walk<'a> {
    plan: &'a Plan,
    left: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(plan: &'a Plan, budget: u64) -> Self {
        Self { plan, left: budget }
    }

    pub(super) fn visit(&mut self, at: usize, value: &Value, level: usize) -> Result<(), Unusable> {
        let node = &self.plan.nodes[at];
        if level > MAX_LEVELS {
            return Err(Unusable("a check would nest too deep"));
        }
        self.spend(node.weight)?;
        for _ in 0..if node.looks_again { 4 } else { 1 } {
            node.here.iter().try_for_each(|part| self.visit(*part, value, level + 1))?;
        }
        match value {
            Value::String(text) => {
                self.spend((1 + text.len() as u64 / 32) * node.patterns + text.len() as u64 / 512)
            }
            Value::Array(items) => self.items(node, items, level),
            Value::Object(members) => self.members(node, members, level),
            _ => Ok(()),
        }
    }

    fn items(&mut self, node: &Node, items: &[Value], level: usize) -> Result<(), Unusable> {
        if node.is_unique {
            items.iter().try_for_each(|item| self.compare(item, MAX_LEVELS))?;
        }
        for (index, item) in items.iter().enumerate() {
            let own = node.indexed.get(index);
            own.into_iter().chain(&node.items).try_for_each(|part| self.visit(*part, item, level + 1))?;
        }
        Ok(())
    }

    fn members(&mut self, node: &Node, members: &Map<String, Value>, level: usize) -> Result<(), Unusable> {
        for (key, member) in members {
            self.spend((1 + key.len() as u64 / 32) * node.name_patterns)?;
            if !node.names.is_empty() {
                let key = Value::String(key.clone());
                node.names.iter().try_for_each(|part| self.visit(*part, &key, level + 1))?;
            }
            let own = node.named.get(key);
            own.into_iter().chain(&node.members).try_for_each(|part| self.visit(*part, member, level + 1))?;
        }
        Ok(())
    }

    /// Items are compared with each other whole, some of them several times.
    fn compare(&mut self, value: &Value, levels: usize) -> Result<(), Unusable> {
        let levels = levels.checked_sub(1).ok_or(Unusable("a check would nest too deep"))?;
        self.spend(4)?;
        match value {
            Value::String(text) => self.spend(text.len() as u64 / 64),
            Value::Array(items) => items.iter().try_for_each(|item| self.compare(item, levels)),
            Value::Object(members) => members.values().try_for_each(|member| self.compare(member, levels)),
            _ => Ok(()),
        }
    }

    fn spend(&mut self, steps: u64) -> Result<(), Unusable> {
        self.left = self.left.checked_sub(steps).ok_or(Unusable("a check would take too long"))?;
        Ok(())
    }
}
