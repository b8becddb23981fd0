//! What a filter asks for, as SQL.

use crate::tape::Filter;

/// Where the next entry is that is by itself what a filter asks for.
pub(super) struct Wanted {
    /// Finds the numbers of frames, after that of a tape and that of its last frame.
    pub(super) sql: String,
    pub(super) values: Vec<String>,
}

impl Wanted {
    /// At most `limit` of them; `None` where no index helps.
    pub(super) fn of(filter: &Filter, limit: usize) -> Option<Self> {
        let (index, conditions, values) = names(filter).or_else(|| session(filter))?;
        let sql = format!(
            "SELECT frame FROM recordings INDEXED BY {index}
            WHERE tape = ? AND frame > ?{conditions} ORDER BY frame LIMIT {limit}"
        );
        Some(Self { sql, values })
    }
}

type Conditions = (&'static str, String, Vec<String>);

fn names(filter: &Filter) -> Option<Conditions> {
    // As texts, so that nothing in them is syntax.
    let words: Vec<String> = filter.words.iter().map(|word| format!("\"{word}\"")).collect();
    let resources = "('resources/read', 'resources/subscribe', 'resources/unsubscribe')";
    let parts = [
        (filter.method.clone(), "method = ?".to_owned()),
        (filter.tool.clone(), "tool = ?".to_owned()),
        (filter.resource.clone(), format!("? IS NOT NULL AND method IN {resources}")),
        (
            (!words.is_empty()).then(|| words.join(" ")),
            "id IN (SELECT rowid FROM names_search WHERE names_search MATCH ?)".to_owned(),
        ),
    ];
    let asked: Vec<_> = parts.into_iter().filter_map(|(value, sql)| Some((value?, sql))).collect();
    if asked.is_empty() {
        return None;
    }
    let conditions: Vec<&str> = asked.iter().map(|(_, sql)| sql.as_str()).collect();
    let conditions = format!(" AND name IN (SELECT id FROM names WHERE {})", conditions.join(" AND "));
    Some(("recordings_by_name", conditions, asked.into_iter().map(|(value, _)| value).collect()))
}

/// The session is asked of each entry by itself: what begins a call may be of another.
fn session(filter: &Filter) -> Option<Conditions> {
    if filter.is_about_calls() {
        return None;
    }
    let session = filter.session.clone()?;
    Some(("recordings_by_session", " AND session_id = ?".to_owned(), vec![session]))
}
