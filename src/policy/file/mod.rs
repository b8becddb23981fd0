//! Files of policies, in JSON and YAML.

mod rule;
mod wassette;

use std::collections::HashMap;
use std::path::Path;

use super::wassette::Profile;
use super::{Invalid, Policy, Rule, Verdict};
use crate::rules::file::node::Node;
use crate::rules::file::reader::{Reader, optional};
use crate::rules::file::{Format, MAX_RULES, json, opened};
use crate::rules::{Location, ProblemKind, Problems};

/// The JSON Schema (2020-12) of a file of a policy, for editors; it is also at `src/policy/policy.schema.json`.
///
/// A file that it takes may still have problems that a schema cannot tell: see [`check`].
///
/// ```
/// let schema: serde_json::Value = serde_json::from_str(shadowcat::policy::SCHEMA)?;
/// assert_eq!(schema["title"], "A policy of shadowcat");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub const SCHEMA: &str = include_str!("../policy.schema.json");

/// What such a file is called in problems.
const POLICY: &str = "a file of a policy";

const FILE: [&str; 7] = ["$schema", "version", "description", "default", "dry_run", "rules", "wassette"];

const DEFAULTS: [(&str, Verdict); 2] = [("allow", Verdict::Allow), ("deny", Verdict::Deny)];

/// What a file says, and what is doubtful about it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The rules that are enabled, and the default. Of other rules only the format was judged.
    pub policy: Policy,
    /// Who may manage a Wassette, if the file says that.
    pub wassette: Option<Profile>,
    /// No errors are among these.
    pub warnings: Problems,
}

/// Reads a file of a policy, and tells all that is wrong with it: the errors for which [`Policy::from_path`] would
/// refuse it, and the warnings.
///
/// ```
/// use shadowcat::policy;
///
/// let path = std::env::temp_dir().join(format!("policy-{}.json", std::process::id()));
/// std::fs::write(&path, r#"{"default":"deny","rules":[{"id":"a","effect":"alow","tool":"x"}]}"#)?;
/// let problems = policy::check(&path).to_string();
/// assert!(problems.ends_with(r#":1:47: rule "a": unknown effect "alow"; did you mean "allow"?"#), "{problems}");
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn check(path: impl AsRef<Path>) -> Problems {
    match Policy::from_path(path) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    }
}

impl Policy {
    /// Reads a policy from JSON; `name` is what the text is called in problems.
    ///
    /// ```
    /// use shadowcat::policy::{Policy, Subject, Verdict, Who};
    ///
    /// let text = r#"{"default": "deny", "rules": [{"id": "reading", "effect": "allow", "tool": {"glob": "read_*"}}]}"#;
    /// let policy = Policy::from_json("policy.json", text)?.policy;
    /// let decision = policy.decide(&Subject::tool("read_file"), &Who::anybody(), None);
    /// assert_eq!(decision.verdict(), Verdict::Allow);
    /// # Ok::<(), shadowcat::rules::Problems>(())
    /// ```
    ///
    /// # Errors
    ///
    /// All problems at once, if one is an error.
    pub fn from_json(name: &str, text: &str) -> Result<Loaded, Problems> {
        load(name, text, json::read)
    }

    /// Reads a policy from YAML; `name` is what the text is called in problems.
    ///
    /// ```
    /// use shadowcat::policy::Policy;
    ///
    /// let text = "
    /// default: allow
    /// rules:
    ///   - id: no-keys
    ///     effect: deny
    ///     tool: {glob: '*_file'}
    ///     where: [{path: /params/arguments/path, glob: '*/.ssh/*'}]
    /// ";
    /// Policy::from_yaml("policy.yaml", text)?;
    /// let problems = Policy::from_yaml("policy.yaml", &text.replace("effect", "efect")).unwrap_err();
    /// assert_eq!(
    ///     problems.to_string(),
    ///     "policy.yaml:5:5: rule \"no-keys\": a rule of a policy has no field \"efect\"; did you mean \"effect\"?"
    /// );
    /// # Ok::<(), shadowcat::rules::Problems>(())
    /// ```
    ///
    /// # Errors
    ///
    /// All problems at once, if one is an error.
    #[cfg(feature = "yaml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "yaml")))]
    pub fn from_yaml(name: &str, text: &str) -> Result<Loaded, Problems> {
        load(name, text, crate::rules::file::yaml::read)
    }

    /// Reads a policy from a file: as JSON, if its name ends in `.json`; as YAML, if it ends in `.yaml` or `.yml`. It
    /// blocks, as reading a file does.
    ///
    /// ```
    /// use shadowcat::policy::Policy;
    ///
    /// let problems = Policy::from_path("/there/is/none.json").unwrap_err();
    /// assert!(problems.to_string().starts_with("/there/is/none.json: cannot be read: "));
    /// ```
    ///
    /// # Errors
    ///
    /// All problems at once, if one is an error. That the file cannot be read is one, too.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Loaded, Problems> {
        let (name, text, format) = opened(path.as_ref(), POLICY)?;
        load(&name, &text, format)
    }
}

/// What was read of a file.
struct File {
    default: Verdict,
    is_dry_run: bool,
    rules: Vec<rule::Read>,
    wassette: Option<Profile>,
}

fn load(name: &str, text: &str, format: Format) -> Result<Loaded, Problems> {
    let mut reader = Reader::new(name);
    let read = reader.tree(text, format, POLICY).and_then(|tree| reader.policy(&tree));
    let made = read.and_then(|file| reader.made(file));
    reader.problems.sort();
    match made {
        Some((policy, wassette)) if !reader.problems.has_errors() => {
            Ok(Loaded { policy, wassette, warnings: reader.problems })
        }
        _ => Err(reader.problems),
    }
}

impl Reader {
    /// What can be read of it.
    fn policy(&mut self, node: &Node) -> Option<File> {
        let file = self.top(node, POLICY, &FILE)?;
        let default = self.need(&file, POLICY, "default");
        let default = default.and_then(|node| self.word(node, "default", &DEFAULTS));
        let is_dry_run = optional(file.get("dry_run"), |node| self.bool(node));
        let rules = self.need(&file, POLICY, "rules").and_then(|node| self.list(node, MAX_RULES));
        let mut ids = HashMap::new();
        let read = |node| self.policy_rule(node, &mut ids);
        let rules = rules.map(|rules| rules.iter().filter_map(read).collect());
        let wassette = optional(file.get("wassette"), |node| self.profile(node));
        Some(File {
            default: default?,
            is_dry_run: is_dry_run?.unwrap_or_default(),
            rules: rules?,
            wassette: wassette?,
        })
    }

    /// The policy, and what the proof finds in it, each where its rule stands.
    fn made(&mut self, file: File) -> Option<(Policy, Option<Profile>)> {
        let mut places: HashMap<String, Location> = HashMap::new();
        let mut rules: Vec<Rule> = Vec::new();
        for rule::Read { rule, is_enabled, at } in file.rules {
            places.insert(rule.id().to_owned(), at);
            rules.extend(is_enabled.then_some(rule));
        }
        let policy = match Policy::new(file.default, rules) {
            Ok(policy) => policy,
            Err(invalid) => {
                let (Invalid::IdTaken(id) | Invalid::TooLarge(id)) = &invalid;
                return self.say(ProblemKind::Malformed, places.get(id).copied(), invalid.to_string());
            }
        };
        for problem in &policy.problems() {
            self.rule.clone_from(&problem.rule);
            let at = problem.rule.as_deref().and_then(|id| places.get(id)).copied();
            self.say::<()>(problem.kind, at, problem.what.as_str());
        }
        self.rule = None;
        Some((if file.is_dry_run { policy.dry_run() } else { policy }, file.wassette))
    }
}
