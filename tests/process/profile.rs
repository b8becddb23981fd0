//! The layers of the corpus's profile: the tool `evil` is denied, all else allowed, and secrets go neither way.

use shadowcat::layer::access::{Access, AccessControl, AccessControlLayer};
use shadowcat::layer::strip::{StripTokens, StripTokensLayer};
use shadowcat::policy::{Policy, Rule, Target};
use shadowcat::rules::Text;
use tower::ServiceBuilder;

/// The leaf behind the layers.
pub(crate) fn guarded<S>(leaf: S) -> StripTokens<AccessControl<StripTokens<S>>> {
    let no_evil = Rule::deny("no-evil", Target::Tool(Text::exact("evil")));
    let access = Access::new(Policy::allow_by_default([no_evil]).expect("one rule has one id"));
    ServiceBuilder::new()
        .layer(StripTokensLayer::requests())
        .layer(AccessControlLayer::new(&access))
        .layer(StripTokensLayer::replies())
        .service(leaf)
}
