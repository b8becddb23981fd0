//! Files of rules, in JSON and YAML.
//!
//! Text becomes a tree whose values know where they stand ([`node`]); the [`reader`] makes rules of it, and keeps
//! every problem with its place instead of stopping at the first.

mod action;
mod condition;
mod fault;
pub(crate) mod json;
mod matcher;
mod mock;
pub(crate) mod node;
mod open;
pub(crate) mod reader;
pub(crate) mod rule;
#[cfg(all(feature = "secret", feature = "regex"))]
mod secrets;
pub(crate) mod suggest;
mod text;
#[cfg(feature = "yaml")]
pub(crate) mod yaml;

use std::collections::HashMap;
use std::path::Path;

use self::node::{Node, Tree, Unreadable};
use self::reader::{Object, Reader};
use self::rule::{Places, Read};
use super::{Problem, ProblemKind, Problems, RuleSet, proof};

/// The JSON Schema (2020-12) of a file of rules, for editors; it is also at `src/rules/rules.schema.json`.
///
/// A file that it takes may still have problems that a schema cannot tell: see [`check`].
///
/// ```
/// let schema: serde_json::Value = serde_json::from_str(shadowcat::rules::SCHEMA)?;
/// assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
/// # Ok::<(), serde_json::Error>(())
/// ```
pub const SCHEMA: &str = include_str!("../rules.schema.json");

/// A file has at most so many bytes.
const MAX_FILE: usize = 8 << 20;

/// A file has at most so many rules.
pub(crate) const MAX_RULES: usize = 100_000;

/// Nothing is read of keys that begin with `x-`: they are for notes, and for YAML's anchors.
const FILE: [&str; 4] = ["$schema", "version", "description", "rules"];

/// The rules of a file, and what is doubtful about them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// Those that are enabled. Of the others only the format was judged.
    pub rules: RuleSet,
    /// No errors are among these.
    pub warnings: Problems,
}

/// Reads a file of rules, and tells all that is wrong with it: the errors for which [`RuleSet::from_path`] would refuse
/// it, and the warnings.
///
/// ```
/// use shadowcat::rules;
///
/// let path = std::env::temp_dir().join(format!("rules-{}.json", std::process::id()));
/// std::fs::write(&path, r#"{"rules":[{"id":"a","matcher":{"tool":"get_*"},"action":{"type":"pass"}}]}"#)?;
/// let problems = rules::check(&path);
/// assert!(!problems.has_errors());
/// assert!(problems.to_string().contains(r#"warning: rule "a": "get_*" is compared as it stands"#));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn check(path: impl AsRef<Path>) -> Problems {
    match RuleSet::from_path(path) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    }
}

impl RuleSet {
    /// Reads rules from JSON; `name` is what the text is called in problems.
    ///
    /// ```
    /// use shadowcat::rules::RuleSet;
    ///
    /// let text = r#"{"version": 1, "rules": [
    ///     {"id": "no shell", "matcher": {"tool": ["bash", {"glob": "shell_*"}]}, "action": {"type": "block"}}
    /// ]}"#;
    /// let loaded = RuleSet::from_json("rules.json", text)?;
    /// assert_eq!(loaded.rules.rules().len(), 1);
    /// assert!(loaded.warnings.is_empty());
    /// # Ok::<(), shadowcat::rules::Problems>(())
    /// ```
    ///
    /// # Errors
    ///
    /// All problems at once, if one is an error.
    pub fn from_json(name: &str, text: &str) -> Result<Loaded, Problems> {
        load(name, text, json::read)
    }

    /// Reads rules from YAML; `name` is what the text is called in problems.
    ///
    /// ```
    /// use shadowcat::rules::RuleSet;
    ///
    /// let text = "
    /// rules:
    ///   - id: slow
    ///     matcher: {method: tools/call}
    ///     action: {type: fault, fault: {delay_ms: 500}}
    /// ";
    /// let loaded = RuleSet::from_yaml("rules.yaml", text)?;
    /// assert_eq!(loaded.rules.rules().next().map(|rule| rule.id()), Some("slow"));
    ///
    /// let problems = RuleSet::from_yaml("rules.yaml", &text.replace("delay_ms", "delay")).unwrap_err();
    /// assert_eq!(
    ///     problems.to_string(),
    ///     "rules.yaml:5:35: rule \"slow\": `fault` has no field \"delay\"; did you mean \"delay_ms\"?"
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
        load(name, text, yaml::read)
    }

    /// Reads rules from a file: as JSON, if its name ends in `.json`; as YAML, if it ends in `.yaml` or `.yml`. It
    /// blocks, as reading a file does.
    ///
    /// ```
    /// use shadowcat::rules::RuleSet;
    ///
    /// let problems = RuleSet::from_path("/there/is/none.json").unwrap_err();
    /// assert!(problems.to_string().starts_with("/there/is/none.json: cannot be read: "));
    /// ```
    ///
    /// # Errors
    ///
    /// All problems at once, if one is an error. That the file cannot be read is one, too.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Loaded, Problems> {
        let (name, text, format) = opened(path.as_ref(), RULES)?;
        load(&name, &text, format)
    }
}

/// From text to a tree.
pub(crate) type Format = fn(&str) -> Result<Node, Unreadable>;

/// What such a file is called in problems.
const RULES: &str = "a file of rules";

/// The name, the text and the format of the file at `path`, which is to be `what`.
pub(crate) fn opened(path: &Path, what: &str) -> Result<(String, String, Format), Problems> {
    let name = path.display().to_string();
    let refused = |what: String| {
        let mut problems = Problems::default();
        let (kind, file) = (ProblemKind::Malformed, Some(name.as_str().into()));
        problems.push(Problem { kind, file, at: None, rule: None, what });
        problems
    };
    let format = open::format(path, what).map_err(refused)?;
    let text = open::text(path, what, MAX_FILE).map_err(refused)?;
    Ok((name, text, format))
}

fn load(name: &str, text: &str, format: Format) -> Result<Loaded, Problems> {
    let mut reader = Reader::new(name);
    let read = reader.tree(text, format, RULES).and_then(|tree| reader.file(&tree)).unwrap_or_default();
    let (mut rules, mut places) = (Vec::new(), HashMap::new());
    for Read { rule, is_enabled, places: own } in read {
        places.insert(rule.id().to_owned(), own);
        rules.extend(is_enabled.then_some(rule));
    }
    let rules = match RuleSet::new(rules) {
        Ok(rules) => rules,
        Err(taken) => {
            reader.say::<()>(ProblemKind::Malformed, None, taken.to_string());
            return Err(reader.problems);
        }
    };
    reader.prove(&rules, &places);
    reader.problems.sort();
    match reader.problems.has_errors() {
        true => Err(reader.problems),
        false => Ok(Loaded { rules, warnings: reader.problems }),
    }
}

impl Reader {
    /// The tree of a text that is to be `what`.
    pub(crate) fn tree(&mut self, text: &str, format: Format, what: &str) -> Option<Node> {
        if text.len() > MAX_FILE {
            return self.say(ProblemKind::Malformed, None, format!("{what} has at most {MAX_FILE} bytes"));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        format(text).map_err(|Unreadable { at, why }| self.say::<()>(ProblemKind::Malformed, at, why)).ok()
    }

    /// What can be read of the rules.
    fn file(&mut self, node: &Node) -> Option<Vec<Read>> {
        let file = self.top(node, RULES, &FILE)?;
        let rules = self.need(&file, RULES, "rules")?;
        let (rules, mut ids) = (self.list(rules, MAX_RULES)?, HashMap::new());
        Some(rules.iter().filter_map(|node| self.rule(node, &mut ids)).collect())
    }

    /// The top of a file that is `what` and has these members, and what all files have of them.
    pub(crate) fn top<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<Object<'n>> {
        let members = self.members(node, what)?;
        let notes = members.iter().map(|(key, _)| key.name.as_str()).filter(|key| key.starts_with("x-"));
        let known: Vec<&str> = known.iter().copied().chain(notes).collect();
        let file = self.object(node, what, &known)?;
        for name in ["$schema", "description"] {
            if let Some(node) = file.get(name) {
                self.text(node);
            }
        }
        if let Some(version) = file.get("version") {
            self.version(version)?;
        }
        Some(file)
    }

    fn version(&mut self, node: &Node) -> Option<()> {
        if matches!(&node.tree, Tree::Number(version) if version.as_f64() == Some(1.0)) {
            return Some(());
        }
        let version = node.to_json();
        self.wrong(node.at, format!("version {version} of the format is not known; this reads version 1"))
    }

    /// What the proof finds, each where it stands.
    fn prove(&mut self, rules: &RuleSet, places: &HashMap<String, Places>) {
        for finding in proof::prove(rules) {
            let at = places.get(finding.rule).map(|places| places.of(finding.part));
            self.rule = Some(finding.rule.into());
            self.say::<()>(finding.kind, at, finding.what);
        }
        self.rule = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a rule with this matcher.
    fn said(matcher: &str) -> String {
        let text = format!(r#"{{"rules":[{{"id":"a","matcher":{matcher},"action":{{"type":"hold"}}}}]}}"#);
        RuleSet::from_json("r", &text).map_or_else(|problems| problems.to_string(), |_| String::new())
    }

    #[test]
    fn a_feature_that_is_off_is_named() {
        let path = r#"{"where":[{"path":"$.params","exists":true}]}"#;
        for (said, is_on, what) in [
            (said(r#"{"tool":{"regex":"a"}}"#), cfg!(feature = "regex"), "the feature `regex`"),
            (said(path), cfg!(feature = "jsonpath"), "the feature `jsonpath`"),
            (check("/there/is/none.yaml").to_string(), cfg!(feature = "yaml"), "the feature `yaml`"),
        ] {
            assert_eq!(said.contains(what), !is_on, "{said}");
        }
    }
}
