use std::time::Duration;

use tower_layer::Layer;

use super::Rules;
use crate::layer::intercept::{Chain, Intercept, InterceptLayer};

/// Does with each message what the [`Rules`] say. See the [module](super).
#[derive(Clone, Debug)]
pub struct RulesLayer {
    intercept: InterceptLayer,
}

impl RulesLayer {
    /// With the rules that are in force now and later, and progress every 15 s to clients that asked for some.
    pub fn new(rules: &Rules) -> Self {
        let chain = Chain::new();
        if let Some(components) = &rules.0.options.components {
            chain.add("components", components.clone()).expect("the chain was empty");
        }
        chain.add("rules", rules.clone()).expect("no other has this name");
        Self { intercept: InterceptLayer::new(chain) }
    }

    /// How often a client that asked for progress on its request gets some while a message of it is held or delayed,
    /// so that it does not give up.
    pub fn progress_every(mut self, every: Duration) -> Self {
        self.intercept = self.intercept.progress_every(every);
        self
    }

    /// No progress of ours, so that clients see what a slow server looks like.
    pub fn without_progress(mut self) -> Self {
        self.intercept = self.intercept.without_progress();
        self
    }
}

impl<S> Layer<S> for RulesLayer {
    type Service = Intercept<S>;

    fn layer(&self, inner: S) -> Intercept<S> {
        self.intercept.layer(inner)
    }
}
