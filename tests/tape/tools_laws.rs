//! What holds of tools over any tape.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use shadowcat::Direction;
use shadowcat::tape::{
    self, Comparison, Edge, Entry, EntryKind, Filter, Outcome, Sink, Source, Split, TapeError, lines,
};

use crate::taped::{Folder, entry, read, tape};

const OUTCOMES: [Outcome; 5] =
    [Outcome::Answered, Outcome::Cancelled, Outcome::Dropped, Outcome::Failed, Outcome::Unanswered];
const TOOLS: [&str; 3] = ["get_weather", "echo", "e"];

/// One entry of a few calls that run at once, whole or not.
fn said() -> impl Strategy<Value = Entry> {
    let names =
        (prop::sample::select(&TOOLS[..]), prop::sample::select(&["tools/call", "prompts/get", "ping"][..]));
    let whence = (0..9_u8, prop::option::weighted(0.9, 0..6_u64), any::<bool>(), any::<bool>());
    let facts = (prop::option::of(0..3_u8), prop::option::of(0..2_u8), prop::sample::select(&OUTCOMES[..]));
    (names, whence, facts).prop_map(
        |((tool, method), (what, call, up, edge), (session, component, outcome))| {
            let id = call.unwrap_or(1);
            let (kind, text) = match what {
                0..=2 => (
                    EntryKind::Request,
                    format!(
                        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"name":"{tool}"}}}}"#
                    ),
                ),
                3 | 4 => (
                    EntryKind::Response,
                    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"isError":{edge}}}}}"#),
                ),
                5 => (
                    EntryKind::Notification,
                    r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#.to_owned(),
                ),
                6 => (EntryKind::End, String::new()),
                7 => (EntryKind::Refused, "no".to_owned()),
                _ => (EntryKind::Note, "noted".to_owned()),
            };
            // Most requests go to the server, and most answers come from there.
            let to_upstream = (kind == EntryKind::Request) != (what == 2 && up);
            let direction = if to_upstream { Direction::ToUpstream } else { Direction::ToClient };
            let mut entry = Entry::new(kind, direction, text);
            entry.edge = if edge { Edge::Client } else { Edge::Upstream };
            entry.call = call;
            entry.session = session.map(|number| format!("s-{number}").into());
            entry.component = component.map(|number| format!("c-{number}").into());
            entry.outcome = (kind == EntryKind::End).then_some(outcome);
            entry
        },
    )
}

/// Later and later.
fn session() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(said(), 0..120).prop_map(|entries| {
        entries.into_iter().zip(0..).map(|(entry, at)| entry.at(Duration::from_millis(at))).collect()
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let names = (
        prop::option::weighted(
            0.3,
            prop::sample::select(&["tools/call", "ping", "notifications/progress"][..]),
        ),
        prop::option::weighted(0.3, prop::sample::select(&TOOLS[..])),
        prop::option::weighted(0.2, prop::sample::select(&["WEATHER", "call echo", "none", "", "_"][..])),
    );
    let others = (
        prop::option::weighted(0.2, 0..3_u8),
        prop::option::weighted(0.2, 0..2_u8),
        prop::option::weighted(0.2, 0..100_u64),
        prop::option::weighted(0.2, 0..100_u64),
        prop::bool::weighted(0.2),
        prop::option::weighted(0.2, prop::sample::select(&OUTCOMES[..])),
    );
    (names, others).prop_map(
        |((method, tool, words), (session, component, since, until, errors, outcome))| {
            let filter = Filter::new();
            let filter = method.into_iter().fold(filter, Filter::method);
            let filter = tool.into_iter().fold(filter, Filter::tool);
            let filter = words.into_iter().fold(filter, Filter::search);
            let filter =
                session.into_iter().fold(filter, |filter, number| filter.session(&format!("s-{number}")));
            let filter =
                component.into_iter().fold(filter, |filter, number| filter.component(&format!("c-{number}")));
            let filter = since.into_iter().fold(filter, |filter, at| filter.since(Duration::from_millis(at)));
            let filter = until.into_iter().fold(filter, |filter, at| filter.until(Duration::from_millis(at)));
            let filter = outcome.into_iter().fold(filter, Filter::outcome);
            if errors { filter.errors() } else { filter }
        },
    )
}

fn write(path: &Path, entries: &[Entry]) {
    let mut writer = lines::Writer::create(path, &tape()).unwrap();
    entries.iter().for_each(|entry| writer.append(entry).unwrap());
    writer.finish().unwrap();
}

fn differences(one: &[Entry], other: &[Entry]) -> Vec<tape::CallDiff> {
    let folder = Folder::new();
    let open = |name: &str, entries: &[Entry]| {
        write(&folder.path(name), entries);
        tape::open(folder.path(name)).unwrap()
    };
    let found = tape::diff(open("a.jsonl", one), open("b.jsonl", other), Comparison::structural());
    found.collect::<Result<_, TapeError>>().unwrap()
}

/// What was split and merged again.
fn rejoined(entries: &[Entry], split: &Split) -> Vec<Entry> {
    let folder = Folder::new();
    write(&folder.path("a.jsonl"), entries);
    let make = |tape: &tape::Tape, number: u32| -> Result<Box<dyn Sink>, TapeError> {
        Ok(Box::new(lines::Writer::create(folder.path(&format!("{number}.jsonl")), tape)?))
    };
    let parts = split.run(tape::open(folder.path("a.jsonl")).unwrap(), make).unwrap().parts;
    // In any order.
    let tapes = (1..=parts).rev().map(|number| tape::open(folder.path(&format!("{number}.jsonl"))).unwrap());
    let mut merged = tape::merge(tapes).unwrap();
    let (entries, error) = read(&mut merged);
    assert!(error.is_none(), "{error:?}");
    assert!(parts == 0 || merged.tape().id == tape().id);
    entries
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_filter_finds_by_an_index_what_it_finds_in_a_stream(
        entries in session(), filters in prop::collection::vec(filter(), 12)
    ) {
        let folder = Folder::new();
        write(&folder.path("a.jsonl"), &entries);
        let mut writer = tape::sqlite::Writer::create(folder.path("a.db"), &tape()).unwrap();
        tape::copy(&mut *tape::open(folder.path("a.jsonl")).unwrap(), &mut writer).unwrap();
        for filter in filters {
            let by_stream = filter.clone().apply(lines::Reader::open(folder.path("a.jsonl")).unwrap());
            let by_index = tape::sqlite::Reader::open(folder.path("a.db")).unwrap().filter(filter.clone());
            let ((by_stream, none), (by_index, error)) = (read(by_stream), read(by_index));
            prop_assert!(none.is_none() && error.is_none(), "{:?}", error);
            prop_assert_eq!(by_stream, by_index, "{:?}", filter);
        }
    }

    #[test]
    fn a_filter_keeps_the_order_and_adds_nothing(entries in session(), filter in filter()) {
        let folder = Folder::new();
        write(&folder.path("a.jsonl"), &entries);
        let (found, _) = read(filter.clone().apply(lines::Reader::open(folder.path("a.jsonl")).unwrap()));
        let mut rest = entries.iter();
        prop_assert!(found.iter().all(|one| rest.any(|entry| entry == one)));
        if filter == Filter::new() {
            prop_assert_eq!(found, entries);
        }
    }

    #[test]
    fn parts_by_size_and_time_are_the_tape_again(
        entries in prop::collection::vec(entry(), 0..40), bytes in 1..400_u64, millis in 1..1000_u64
    ) {
        prop_assert_eq!(&rejoined(&entries, &Split::by_bytes(bytes)), &entries);
        prop_assert_eq!(&rejoined(&entries, &Split::by_time(Duration::from_millis(millis))), &entries);
    }

    #[test]
    fn sessions_that_were_split_are_the_tape_again(entries in session()) {
        prop_assert_eq!(rejoined(&entries, &Split::by_session()), entries);
    }

    #[test]
    fn a_tape_does_not_differ_from_itself(entries in session()) {
        prop_assert_eq!(differences(&entries, &entries), []);
    }

    #[test]
    fn a_planted_change_is_found(calls in 1..30_u64, which in any::<prop::sample::Index>(), what in 0..3_u8) {
        let call = |number: u64, word: &str, tool: &str| {
            let params = format!(r#"{{"name":"{tool}","arguments":{{"n":{}}}}}"#, number / 2);
            let request = format!(r#"{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{params}}}"#);
            let answer = format!(r#"{{"jsonrpc":"2.0","id":{number},"result":{{"text":"{word}"}}}}"#);
            [
                Entry::new(EntryKind::Request, Direction::ToUpstream, request).call(number),
                Entry::new(EntryKind::Response, Direction::ToClient, answer).call(number),
            ]
        };
        let which = which.index(calls as usize) as u64;
        let one: Vec<_> = (0..calls).flat_map(|number| call(number, "as it was", "echo")).collect();
        let other = (0..calls).flat_map(|number| match what {
            _ if number != which => call(number, "as it was", "echo").to_vec(),
            0 => call(number, "changed", "echo").to_vec(),
            1 => call(number, "as it was", "changed").to_vec(),
            _ => Vec::new(),
        });
        let found = differences(&one, &other.collect::<Vec<_>>());
        prop_assert_eq!(found.len(), if what == 1 { 2 } else { 1 }, "{:?}", found);
    }

    #[test]
    fn mocks_of_any_tape_are_a_file_of_rules(entries in session()) {
        let folder = Folder::new();
        write(&folder.path("a.jsonl"), &entries);
        let mocks = tape::Mocks::of(lines::Reader::open(folder.path("a.jsonl")).unwrap()).unwrap();
        let rules = shadowcat::rules::RuleSet::from_json("m", mocks.as_json());
        prop_assert!(rules.is_ok(), "{}", rules.unwrap_err());
    }

    #[test]
    fn whatever_stands_on_a_tape_is_shown_and_counted(entries in prop::collection::vec(entry(), 0..20)) {
        let folder = Folder::new();
        write(&folder.path("a.jsonl"), &entries);
        let show = tape::Show::new().payload(tape::Payload::Raw);
        let mut text = Vec::new();
        let shown = show.write(lines::Reader::open(folder.path("a.jsonl")).unwrap(), &mut text).unwrap();
        prop_assert_eq!(shown, entries.len() as u64);
        let text = String::from_utf8(text).unwrap();
        prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        let stats = tape::Stats::of(lines::Reader::open(folder.path("a.jsonl")).unwrap()).unwrap();
        prop_assert_eq!(stats.entries, entries.len() as u64);
    }
}

#[cfg(feature = "secret")]
mod redacted {
    use super::*;
    use shadowcat::tape::Redact;

    const KEY: &str = "ghp_5nZk2JtQ8vXw3LmB7cRd9fHs4gYp6aTe1uWi";

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn redacting_leaves_no_secret(one in entry(), at in any::<prop::sample::Index>(), quoted in any::<bool>()) {
            let mut one = one;
            let text = String::from_utf8_lossy(&one.bytes).into_owned();
            let ends: Vec<_> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
            let at = ends[at.index(ends.len())];
            let key = if quoted { format!("\"{KEY}\"") } else { format!(" {KEY} ") };
            one.bytes = format!("{}{key}{}", &text[..at], &text[at..]).into();
            let masked = Redact::new().entry(one);
            prop_assert!(!String::from_utf8_lossy(&masked.bytes).contains(KEY), "{:?}", masked.bytes);
        }
    }
}
