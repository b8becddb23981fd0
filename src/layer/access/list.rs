//! Lists without what is denied. Bytes that stay are not touched.

use std::ops::Range;

use crate::message::{elements, members};
use crate::policy::{Decision, Malformed, Subject, Verdict, check_keys, text};
use crate::protocol::{method, peek};

/// Which list a method asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::layer) struct List {
    /// The member of the result that has the entries.
    member: &'static str,
    /// The member of an entry that names it.
    name: &'static str,
}

/// Keys of a result that are read here or by every client.
const KEYS: [&str; 9] = [
    "tools",
    "prompts",
    "resources",
    "resourceTemplates",
    "nextCursor",
    "_meta",
    "resultType",
    "cacheScope",
    "ttlMs",
];

/// Keys of an entry.
const ENTRY_KEYS: [&str; 14] = [
    "name",
    "uri",
    "uriTemplate",
    "title",
    "description",
    "inputSchema",
    "outputSchema",
    "annotations",
    "arguments",
    "mimeType",
    "size",
    "icons",
    "execution",
    "_meta",
];

/// What is done to the result of a list.
#[derive(Debug, Default)]
pub(in crate::layer) struct Filtered {
    /// What is cut out, in rising order.
    cuts: Vec<Range<usize>>,
    /// Entries that are left out, and that would have been.
    pub(in crate::layer) hidden: u64,
    pub(in crate::layer) would_hide: u64,
}

impl List {
    pub(in crate::layer) fn of(method: &str) -> Option<Self> {
        let (member, name) = match method {
            method::TOOLS_LIST => ("tools", "name"),
            method::PROMPTS_LIST => ("prompts", "name"),
            method::RESOURCES_LIST => ("resources", "uri"),
            method::RESOURCES_TEMPLATES_LIST => ("resourceTemplates", "uriTemplate"),
            _ => return None,
        };
        Some(Self { member, name })
    }

    /// Asks about each entry of a result, all of which have to be what they should be.
    pub(in crate::layer) fn filter(
        self,
        result: &[u8],
        mut decide: impl FnMut(Subject<'_>) -> Decision,
    ) -> Result<Filtered, Malformed> {
        check_keys(result, &KEYS)?;
        let list = members(result).find(|member| member.is(self.member)).ok_or(Malformed::Name)?;
        if !list.value.starts_with(b"[") {
            return Err(Malformed::Name);
        }
        let start = list.value_at.start;
        let places: Vec<_> = elements(list.value).map(|at| start + at.start..start + at.end).collect();
        let mut filtered = Filtered::default();
        let mut has_before = false;
        for (at, place) in places.iter().enumerate() {
            let decision = decide(self.subject(&result[place.clone()])?);
            if !decision.refuses() {
                has_before = true;
                filtered.would_hide += u64::from(decision.verdict() == Verdict::Deny);
                continue;
            }
            filtered.hidden += 1;
            filtered.cuts.push(match (has_before, places.get(at + 1)) {
                (true, _) => places[at - 1].end..place.end,
                (false, Some(next)) => place.start..next.start,
                (false, None) => place.clone(),
            });
        }
        Ok(filtered)
    }

    fn subject<'a>(self, entry: &'a [u8]) -> Result<Subject<'a>, Malformed> {
        if !entry.starts_with(b"{") {
            return Err(Malformed::Name);
        }
        check_keys(entry, &ENTRY_KEYS)?;
        let name = text(entry, self.name)?;
        Ok(match self.member {
            "tools" => Subject::tool(name),
            "prompts" => Subject::prompt(name),
            "resources" => Subject::resource(name),
            _ => Subject::template(name),
        })
    }
}

impl Filtered {
    /// The result as it goes on, if it is another. One that is not for everybody is cached for nobody else.
    pub(in crate::layer) fn result(&self, result: &[u8], is_personal: bool) -> Option<Vec<u8>> {
        let scope = || members(result).find(|member| member.is("cacheScope"));
        let is_private = |value: &[u8]| peek::string(value).is_ok_and(|scope| scope == "private");
        let shared = if self.hidden > 0 || is_personal { scope() } else { None };
        let shared = shared.filter(|scope| !is_private(scope.value)).map(|scope| scope.value_at);
        if self.cuts.is_empty() && shared.is_none() {
            return None;
        }
        let mut changes: Vec<(Range<usize>, &[u8])> =
            self.cuts.iter().map(|cut| (cut.clone(), &[][..])).collect();
        changes.extend(shared.map(|scope| (scope, &br#""private""#[..])));
        changes.sort_by_key(|(place, _)| place.start);
        let (mut out, mut at) = (Vec::with_capacity(result.len()), 0);
        for (place, with) in changes {
            out.extend_from_slice(&result[at..place.start]);
            out.extend_from_slice(with);
            at = place.end;
        }
        out.extend_from_slice(&result[at..]);
        Some(out)
    }
}
