//! Files of rules for secrets, in the words of gitleaks. They stand here for what reads a file with its places is here,
//! and not below, in `secret`.

use std::collections::HashSet;
use std::path::Path;

use super::node::Node;
use super::reader::{MAX_LIST, Object, Reader, optional};
use super::{Format, MAX_FILE, json, open};
use crate::rules::{Problem, ProblemKind, Problems};
use crate::secret::{AllowList, Builder, CustomRule, Detector};

const WHAT: &str = "a file of rules for secrets";
/// A file has at most so many rules: each may look at every text.
const MAX_RULES: usize = 1_000;
const FILE: [&str; 5] = ["title", "description", "rules", "allowlist", "disabled"];
const RULE: [&str; 9] =
    ["id", "description", "regex", "keywords", "entropy", "secretGroup", "secret_group", "allowlist", "tags"];
const ALLOW: [&str; 6] = ["description", "sha256", "globs", "regexes", "stopwords", "paths"];

impl Builder {
    /// Adds the rules and the allow-list of a JSON text; `name` is what it is called in problems. Needs the features
    /// `secret` and `regex`, as all of these.
    ///
    /// At the top: `rules`, `allowlist` and `disabled`, a list of built-in [kinds](Detector::kinds). A rule has `id`, `regex`, and if
    /// wanted `keywords`, `entropy`, `secretGroup` and an `allowlist` of its own; an allow-list has lists of `sha256`
    /// (of values), `globs`, `regexes`, `stopwords` and, at the top, `paths`. `title`, `description` and `tags` are notes.
    ///
    /// ```
    /// use shadowcat::secret::Detector;
    ///
    /// let text = r#"{"rules": [{"id": "acme-key", "regex": "acme_[a-z0-9]{20}", "keywords": ["acme_"]}],
    ///     "allowlist": {"globs": ["acme_test*"]}}"#;
    /// let detector = Detector::builder().rules_from_json("secrets.json", text)?.build();
    /// assert_eq!(detector.find("acme_0123456789abcdefghij")[0].kind, "acme-key");
    /// assert!(detector.find("acme_test456789abcdefghij").is_empty());
    ///
    /// let problems = Detector::builder().rules_from_json("s.json", &text.replace("regex", "regexp")).unwrap_err();
    /// assert!(problems.to_string().starts_with(
    ///     "s.json:1:31: rule \"acme-key\": a rule has no field \"regexp\"; did you mean \"regex\"?"
    /// ), "{problems}");
    /// # Ok::<(), shadowcat::rules::Problems>(())
    /// ```
    ///
    /// # Errors
    ///
    /// All problems at once. They tell ids and places, and of a pattern what the regex crate says.
    pub fn rules_from_json(self, name: &str, text: &str) -> Result<Self, Problems> {
        read(self, name, text, json::read)
    }

    /// The same of a YAML text.
    ///
    /// # Errors
    ///
    /// As [`rules_from_json`](Self::rules_from_json).
    #[cfg(feature = "yaml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "yaml")))]
    pub fn rules_from_yaml(self, name: &str, text: &str) -> Result<Self, Problems> {
        read(self, name, text, super::yaml::read)
    }

    /// The same of a file: JSON if its name ends in `.json`, YAML if in `.yaml` or `.yml`. It blocks, as reading a file
    /// does.
    ///
    /// # Errors
    ///
    /// As [`rules_from_json`](Self::rules_from_json); that the file cannot be read is a problem, too.
    pub fn rules_from_path(self, path: impl AsRef<Path>) -> Result<Self, Problems> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let read_text = || Ok((open::format(path, WHAT)?, open::text(path, WHAT, MAX_FILE)?));
        let (format, text) = read_text().map_err(|what: String| {
            let mut problems = Problems::default();
            let (kind, file) = (ProblemKind::Malformed, Some(name.as_str().into()));
            problems.push(Problem { kind, file, at: None, rule: None, what });
            problems
        })?;
        read(self, &name, &text, format)
    }
}

fn read(builder: Builder, name: &str, text: &str, format: Format) -> Result<Builder, Problems> {
    let mut reader = Reader::new(name);
    let read = reader.tree(text, format, WHAT).and_then(|tree| reader.secrets(builder, &tree));
    reader.problems.sort();
    match read {
        Some(builder) if !reader.problems.has_errors() => Ok(builder),
        _ => Err(reader.problems),
    }
}

impl Reader {
    fn secrets(&mut self, mut builder: Builder, node: &Node) -> Option<Builder> {
        let file = self.object(node, WHAT, &FILE)?;
        self.notes(&file, &["title", "description"]);
        for node in self.nodes(&file, "disabled")? {
            let kind = self.text(node)?;
            builder = match builder.without(kind) {
                Ok(builder) => builder,
                Err(error) => return self.wrong(node.at, error.to_string()),
            };
        }
        if let Some(node) = file.get("allowlist") {
            builder = builder.allow(self.allow_list(node, &ALLOW)?);
        }
        let rules = optional(file.get("rules"), |node| self.list(node, MAX_RULES))?.unwrap_or_default();
        let mut ids = HashSet::new();
        let read: Vec<_> = rules.iter().map(|node| self.secret_rule(node, &mut ids)).collect();
        self.rule = None;
        Some(read.into_iter().flatten().fold(builder, Builder::rule))
    }

    fn secret_rule<'n>(&mut self, node: &'n Node, ids: &mut HashSet<&'n str>) -> Option<CustomRule> {
        self.rule = None;
        let what = "a rule";
        let members = self.members(node, what)?;
        let id = members.iter().find(|(key, _)| key.name == "id").map(|(_, node)| node);
        self.rule = id.and_then(|id| self.text(id)).map(Into::into);
        let object = self.object(node, what, &RULE)?;
        let id = self.need(&object, what, "id").and_then(|node| Some((node.at, self.text(node)?)));
        let regex = self.need(&object, what, "regex").and_then(|node| Some((node.at, self.text(node)?)));
        let (((id_at, id), (at, regex)), ()) = (id.zip(regex)?, self.notes(&object, &["description"]));
        if !ids.insert(id) || Detector::kinds().any(|kind| kind == id) {
            return self.wrong(id_at, format!("the id {id:?} is taken; use another"));
        }
        let mut rule = match CustomRule::new(id, regex) {
            Ok(rule) => rule,
            Err(error) => return self.wrong(at, last_line(&error.to_string())),
        };
        for node in self.nodes(&object, "keywords")? {
            rule = rule.keyword(self.text(node)?);
        }
        self.narrowed(rule, &object)
    }

    fn narrowed(&mut self, mut rule: CustomRule, object: &Object<'_>) -> Option<CustomRule> {
        if let Some(node) = object.get("entropy") {
            rule = match self.number(node)? {
                bits if (0.0..=8.0).contains(&bits) => rule.entropy(bits),
                bits => {
                    return self.wrong(node.at, format!("expected 0 to 8 bits for each byte, found {bits}"));
                }
            };
        }
        if let Some(node) = object.get("secretGroup").or_else(|| object.get("secret_group")) {
            let group = usize::try_from(self.count(node, 0, 1_000)?).unwrap_or(usize::MAX);
            rule = match rule.secret_group(group) {
                Ok(rule) => rule,
                Err(error) => return self.wrong(node.at, error.to_string()),
            };
        }
        match object.get("allowlist") {
            // A rule knows no places.
            Some(node) => self.allow_list(node, &ALLOW[..5]).map(|allow| rule.allow(allow)),
            None => Some(rule),
        }
    }

    fn allow_list(&mut self, node: &Node, known: &[&'static str]) -> Option<AllowList> {
        let object = self.object(node, "an allow-list", known)?;
        self.notes(&object, &["description"]);
        let mut allow = AllowList::new();
        for name in &known[1..] {
            for node in self.nodes(&object, name)? {
                let text = self.text(node)?;
                allow = match *name {
                    "globs" => allow.glob(text),
                    "stopwords" => allow.containing(text),
                    "paths" => allow.path(text),
                    "regexes" => match CustomRule::new("allowed", text) {
                        Ok(rule) => allow.regex(rule.pattern().clone()),
                        Err(error) => return self.wrong(node.at, last_line(&error.to_string())),
                    },
                    _ => match allow.digest(text) {
                        Ok(allow) => allow,
                        Err(error) => return self.wrong(node.at, error.to_string()),
                    },
                };
            }
        }
        Some(allow)
    }

    /// The entries of a list that may be missing. An empty text among them would mean everything.
    fn nodes<'n>(&mut self, object: &Object<'n>, name: &str) -> Option<&'n [Node]> {
        let nodes = optional(object.get(name), |node| self.list(node, MAX_LIST))?.unwrap_or_default();
        for node in nodes {
            if self.text(node)?.is_empty() {
                return self.wrong(node.at, "an empty text is everywhere; leave it out");
            }
        }
        Some(nodes)
    }

    fn notes(&mut self, object: &Object<'_>, names: &[&str]) {
        for node in names.iter().filter_map(|name| object.get(name)) {
            self.text(node);
        }
    }
}

/// Without the drawing of where in the pattern it is.
fn last_line(why: &str) -> String {
    let line = why.lines().last().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
