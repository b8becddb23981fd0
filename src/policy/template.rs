//! Rules for resources, asked about templates of them.

use super::Verdict;
use super::entry::Holds;
use super::pattern::{Name, Pattern};

/// Whether a rule is for what a template stands for: all of it, some of it as far as can be told, or none.
pub(super) fn holds(rule: &Pattern, verdict: Verdict, template: &Name<'_>) -> Holds {
    let begins = |template: &'_ str| template.split('{').next().unwrap_or_default().to_owned();
    match verdict {
        Verdict::Deny if rule.matches_all_after(&begins(template.folded())) => Holds::Yes,
        Verdict::Allow if !rule.text.may_match_after(&begins(template.text)) => Holds::No,
        _ => Holds::Perhaps,
    }
}
