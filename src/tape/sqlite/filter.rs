//! Which entries of a tape are read.

/// Which entries of a tape are read: those for which everything holds that is asked for.
///
/// ```
/// use shadowcat::tape::sqlite::Filter;
///
/// let calls = Filter::new().method("tools/call").tool("get_weather");
/// let about_weather = Filter::new().search("weather");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Filter {
    method: Option<String>,
    tool: Option<String>,
    session: Option<String>,
    search: Option<String>,
}

impl Filter {
    /// All of them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of this method, answers included.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Calls of this tool, answers included; also of a prompt.
    pub fn tool(mut self, name: &str) -> Self {
        self.tool = Some(name.to_owned());
        self
    }

    /// Of this session.
    pub fn session(mut self, name: &str) -> Self {
        self.session = Some(name.to_owned());
        self
    }

    /// With all these words in the name of the method or the tool: `weather call` finds a `tools/call` of
    /// `get_weather`.
    pub fn search(mut self, words: &str) -> Self {
        // As texts, so that nothing in them is syntax.
        let words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let words: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
        self.search = Some(words.join(" "));
        self
    }

    /// The index that serves it.
    pub(super) fn index(&self) -> &'static str {
        let named = self.method.is_some() || self.tool.is_some() || self.search.is_some();
        match (named, &self.session) {
            (true, _) => "recordings_by_name",
            (false, Some(_)) => "recordings_by_session",
            (false, None) => "recordings_by_frame",
        }
    }

    /// Conditions on a row of `recordings`, and what they are about.
    pub(super) fn conditions(&self) -> (String, Vec<&str>) {
        let parts = [
            (&self.method, "name IN (SELECT id FROM names WHERE method = ?)"),
            (&self.tool, "name IN (SELECT id FROM names WHERE tool = ?)"),
            (&self.session, "session_id = ?"),
            (&self.search, "name IN (SELECT rowid FROM names_search WHERE names_search MATCH ?)"),
        ];
        let mut sql = String::new();
        let mut values = Vec::new();
        for (value, condition) in parts {
            if let Some(value) = value {
                sql.push_str(" AND ");
                sql.push_str(condition);
                values.push(value.as_str());
            }
        }
        (sql, values)
    }
}
