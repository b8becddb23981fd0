//! Tools over tapes: known tapes, known results.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use shadowcat::Direction;
use shadowcat::tape::{
    self, CallChange, CallPart, Comparison, Edge, Entry, EntryKind, Filter, Mocks, Outcome, Payload, Show,
    Sink, Source, Split, Stats, Tape, TapeError, TapeId, lines,
};

use crate::taped::{Folder, entries, note, read, tape};

fn say(kind: EntryKind, direction: Direction, text: &str, call: u64, at: u64) -> Entry {
    Entry::new(kind, direction, text.to_owned()).call(call).at(Duration::from_millis(at)).session("s-1")
}

fn ask(call: u64, at: u64, tool: &str, arguments: &str) -> Entry {
    let params = format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#);
    let text = format!(r#"{{"jsonrpc":"2.0","id":{call},"method":"tools/call","params":{params}}}"#);
    say(EntryKind::Request, Direction::ToUpstream, &text, call, at)
}

fn answer(call: u64, at: u64, result: &str) -> Entry {
    let text = format!(r#"{{"jsonrpc":"2.0","id":{call},"result":{result}}}"#);
    say(EntryKind::Response, Direction::ToClient, &text, call, at)
}

fn progress(call: u64, at: u64) -> Entry {
    let text =
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":0.5}}"#;
    say(EntryKind::Notification, Direction::ToClient, text, call, at)
}

fn end(call: u64, at: u64, outcome: Outcome) -> Entry {
    say(EntryKind::End, Direction::ToClient, "", call, at).outcome(outcome)
}

/// Two calls at once, of which one is cancelled, one that fails, one with a question of the server, and notes.
fn session() -> Vec<Entry> {
    let question = r#"{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{}}"#;
    let sampled = r#"{"jsonrpc":"2.0","id":"q","result":{"role":"assistant"}}"#;
    let error = r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"Unknown tool: rm"}}"#;
    vec![
        note("begins"),
        ask(1, 10, "weather", r#"{"city":"Ulm"}"#).component("sky"),
        ask(2, 20, "slow", "{}"),
        progress(1, 30),
        progress(2, 31),
        say(EntryKind::Request, Direction::ToClient, question, 1, 40),
        say(EntryKind::Response, Direction::ToUpstream, sampled, 1, 50),
        answer(1, 110, r#"{"content":[{"type":"text","text":"sunny"}]}"#),
        end(1, 111, Outcome::Answered),
        ask(3, 120, "rm", "{}"),
        say(EntryKind::Response, Direction::ToClient, error, 3, 125),
        end(3, 126, Outcome::Answered),
        ask(4, 130, "weather", r#"{"city":"nowhere"}"#),
        answer(4, 140, r#"{"content":[],"isError":true}"#),
        end(4, 141, Outcome::Answered),
        end(2, 200, Outcome::Cancelled),
        note("ends").at(Duration::from_millis(300)),
    ]
}

fn write(path: &Path, title: &Tape, entries: &[Entry]) {
    let mut tape = lines::Writer::create(path, title).unwrap();
    entries.iter().for_each(|entry| tape.append(entry).unwrap());
    tape.finish().unwrap();
}

/// The same tape in every format.
fn written(folder: &Folder, entries: &[Entry]) -> Vec<PathBuf> {
    let path = folder.path("a.jsonl");
    write(&path, &tape(), entries);
    #[cfg(feature = "sqlite")]
    {
        let copy = folder.path("a.db");
        let mut to = tape::sqlite::Writer::create(&copy, &tape()).unwrap();
        tape::copy(&mut *tape::open(&path).unwrap(), &mut to).unwrap();
        vec![path, copy]
    }
    #[cfg(not(feature = "sqlite"))]
    vec![path]
}

/// Which entries of [`session`] a filter finds, whatever the format.
fn found(filter: &Filter) -> Vec<usize> {
    let (folder, all) = (Folder::new(), session());
    let mut seen = Vec::new();
    for path in written(&folder, &all) {
        let (entries, error) = read(filter.clone().apply(tape::open(&path).unwrap()));
        assert!(error.is_none(), "{error:?}");
        let mut at = 0;
        let place = |entry: &Entry| {
            at += 1 + all[at..].iter().position(|one| one == entry).unwrap();
            at - 1
        };
        seen.push(entries.iter().map(place).collect::<Vec<_>>());
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:?}");
    seen.remove(0)
}

#[test]
fn a_filter_finds_whole_calls() {
    assert_eq!(found(&Filter::new()), (0..17).collect::<Vec<_>>());
    assert_eq!(found(&Filter::new().tool("weather")), [1, 3, 5, 6, 7, 8, 12, 13, 14]);
    assert_eq!(found(&Filter::new().tool("slow")), [2, 4, 15]);
    assert_eq!(found(&Filter::new().search("calls TOOLS slow")), [] as [usize; 0]);
    assert_eq!(found(&Filter::new().search("call TOOLS slow")), [2, 4, 15]);
    assert_eq!(found(&Filter::new().component("sky")), [1, 3, 5, 6, 7, 8]);
    assert_eq!(found(&Filter::new().component("sky").tool("slow")), [] as [usize; 0]);
    assert_eq!(found(&Filter::new().method("notifications/progress")), [3, 4]);
    assert_eq!(found(&Filter::new().resource("file:///a")), [] as [usize; 0]);
}

#[test]
fn a_question_of_the_server_is_found_with_its_answer_and_not_with_its_call() {
    assert_eq!(found(&Filter::new().method("sampling/createMessage")), [5, 6]);
}

#[test]
fn a_filter_asks_for_times_and_sessions_of_each_entry() {
    let (from, to) = (Duration::from_millis(30), Duration::from_millis(110));
    assert_eq!(found(&Filter::new().since(from).until(to)), [3, 4, 5, 6]);
    assert_eq!(found(&Filter::new().tool("weather").since(from).until(to)), [3, 5, 6]);
    assert_eq!(found(&Filter::new().session("s-1")), (1..16).collect::<Vec<_>>());
    assert_eq!(found(&Filter::new().session("s-2")), [] as [usize; 0]);
    assert_eq!(found(&Filter::new().after(UNIX_EPOCH)), [] as [usize; 0]);
}

#[test]
fn what_is_known_only_at_the_end_of_a_call_is_found_from_its_beginning_on() {
    assert_eq!(found(&Filter::new().errors()), [2, 4, 9, 10, 11, 12, 13, 14, 15]);
    assert_eq!(found(&Filter::new().errors().tool("weather")), [12, 13, 14]);
    assert_eq!(found(&Filter::new().outcome(Outcome::Cancelled)), [2, 4, 15]);
    assert_eq!(found(&Filter::new().outcome(Outcome::Answered).tool("rm")), [9, 10, 11]);
    assert_eq!(found(&Filter::new().outcome(Outcome::Dropped)), [] as [usize; 0]);
}

#[test]
fn a_call_that_takes_longer_than_there_is_room_for_is_found_by_its_end() {
    let folder = Folder::new();
    let mut all = vec![ask(1, 0, "slow", "{}")];
    all.extend((1..6000).map(|at| progress(1, at)));
    all.push(end(1, 6000, Outcome::Failed));
    write(&folder.path("a.jsonl"), &tape(), &all);
    let (found, error) = read(Filter::new().errors().apply(tape::open(folder.path("a.jsonl")).unwrap()));
    assert!(error.is_none());
    assert!(found.len() <= 4097 && found.last() == all.last(), "{}", found.len());
}

#[test]
fn names_take_room_as_well_as_bytes_do() {
    let folder = Folder::new();
    let name = "n".repeat(tape::MAX_NAME_BYTES);
    let mut all = vec![ask(1, 0, "slow", "{}")];
    all.extend((1..3000).map(|at| progress(1, at).session(name.as_str()).component(name.as_str())));
    all.push(end(1, 6000, Outcome::Failed));
    write(&folder.path("a.jsonl"), &tape(), &all);
    let (found, error) = read(Filter::new().errors().apply(tape::open(folder.path("a.jsonl")).unwrap()));
    assert!(error.is_none());
    assert!(found.len() <= (16 << 20) / (2 * name.len()) && found.last() == all.last(), "{}", found.len());
}

#[test]
fn calls_without_numbers_are_known_by_their_ids() {
    let folder = Folder::new();
    let all: Vec<_> = session()
        .into_iter()
        .filter(|entry| entry.kind != EntryKind::End)
        .map(|mut entry| {
            entry.call = None;
            entry
        })
        .collect();
    for path in written(&folder, &all) {
        let filter = Filter::new().tool("weather");
        let (found, _) = read(filter.apply(tape::open(path).unwrap()));
        // What belongs to a call only by its number does not.
        assert_eq!(found, [all[1].clone(), all[7].clone(), all[10].clone(), all[11].clone()]);
    }
}

#[test]
fn a_torn_tape_is_filtered_up_to_where_it_is_torn() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    write(&path, &tape(), &session());
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() - 30]).unwrap();
    let (found, error) = read(Filter::new().tool("slow").apply(tape::open(&path).unwrap()));
    assert_eq!(found, [session()[2].clone(), session()[4].clone(), session()[15].clone()]);
    assert!(error.unwrap().is_torn());
}

#[test]
fn a_folder_is_listed_by_names_and_what_is_no_tape_is_passed_by() {
    let folder = Folder::new();
    for path in written(&folder, &session()) {
        assert!(path.exists());
    }
    std::fs::write(folder.path("b.txt"), "hello").unwrap();
    std::fs::create_dir(folder.path("c")).unwrap();
    write(&folder.path("d.jsonl"), &Tape::of(TapeId::from_text("\u{1b}[2J"), UNIX_EPOCH), &[]);
    let all: Vec<_> = tape::list(folder.path("")).unwrap().map(Result::unwrap).collect();
    let names: Vec<_> = all.iter().map(|one| one.path.file_name().unwrap().to_str().unwrap()).collect();
    let expected: &[&str] =
        if cfg!(feature = "sqlite") { &["a.db", "a.jsonl", "d.jsonl"] } else { &["a.jsonl", "d.jsonl"] };
    assert_eq!(names, expected);
    let first = &all[0];
    assert_eq!((first.entries, first.sessions.len(), first.is_torn), (17, 1, false));
    assert_eq!(first.duration, Duration::from_millis(300));
    assert!(all.iter().all(|one| !one.to_string().contains('\u{1b}')));
    let error = tape::list(folder.path("b.txt")).unwrap().next().unwrap().unwrap_err();
    assert!(error.is_foreign(), "{error}");
    assert!(tape::list(folder.path("none")).unwrap_err().is_io());
}

#[cfg(feature = "sqlite")]
#[test]
fn all_tapes_of_a_file_are_listed() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let other = Tape::of(TapeId::from_text("t-2"), UNIX_EPOCH);
    let _one = tape::sqlite::Writer::create(&path, &tape()).unwrap();
    tape::sqlite::Writer::add_to(&path, &other).unwrap().append(&note("x")).unwrap();
    let all: Vec<_> = tape::list(&path).unwrap().map(|one| one.unwrap().entries).collect();
    assert_eq!(all, [0, 1]);
}

#[test]
fn a_tape_is_shown_with_the_names_of_what_is_answered_and_nothing_that_drives_a_terminal() {
    let folder = Folder::new();
    let mut all = session();
    all.push(ask(9, 400, r"\u001b[2J", r#"{"password":"hunter2hunter2","\u202e":1}"#));
    write(&folder.path("a.jsonl"), &tape(), &all);
    let shown = |show: Show| {
        let mut text = Vec::new();
        assert_eq!(show.write(tape::open(folder.path("a.jsonl")).unwrap(), &mut text).unwrap(), 18);
        String::from_utf8(text).unwrap()
    };
    let plain = shown(Show::new());
    assert!(plain.starts_with("tape t-1\n  created: 2026-"), "{plain}");
    let answer = "+0.110000 <- s-1 response tools/call tool=weather id=1 call=1 after 100.0ms ";
    for line in [
        answer,
        "error -32602 tools/call tool=rm id=3",
        "-- s-1 end: cancelled tools/call tool=slow",
        "tool error tools/call",
    ] {
        assert!(plain.contains(line), "{line}\n{plain}");
    }
    assert!(!plain.contains("sunny") && !plain.contains("begins"));
    let full = shown(Show::new().payload(Payload::Full));
    assert!(full.contains(r#""text":"sunny""#) && full.contains("\"begins\""), "{full}");
    assert_eq!(full.contains("hunter2"), !cfg!(feature = "secret"));
    for text in [&plain, &full, &shown(Show::new().payload(Payload::Raw))] {
        assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')));
    }
}

#[test]
fn what_a_tape_holds_is_counted() {
    let folder = Folder::new();
    for path in written(&folder, &session()) {
        let stats = Stats::of(tape::open(path).unwrap()).unwrap();
        assert_eq!((stats.entries, stats.kinds["request"], stats.kinds["end"]), (17, 5, 4));
        let calls = &stats.methods["tools/call"];
        assert_eq!((calls.calls, calls.errors, calls.tool_errors, calls.times.count()), (4, 1, 1, 3));
        assert_eq!((calls.outcomes["answered"], calls.outcomes["cancelled"]), (3, 1));
        let weather = &stats.tools["weather"];
        assert_eq!((weather.calls, weather.times.max()), (2, Duration::from_millis(100)));
        assert!(stats.to_string().contains("weather: 2 calls, 0 errors, 1 tool errors"), "{stats}");
        assert!(!stats.methods.contains_key("sampling/createMessage"), "it is within a call");
    }
}

#[test]
fn an_exchange_that_was_seen_at_both_edges_is_one_call() {
    let mut stats = Stats::new();
    for entry in session() {
        let again = entry.clone().edge(Edge::Upstream);
        // As a recorder sees it: requests at the client's edge first, all else at the server's.
        let is_request = entry.direction == Direction::ToUpstream;
        let both = if is_request { [entry, again] } else { [again, entry] };
        both.into_iter().for_each(|entry| stats.add(entry));
    }
    stats.finish();
    assert_eq!(stats.methods["tools/call"].calls, 4);
    assert_eq!(stats.tools["weather"].times.max(), Duration::from_millis(100));
}

fn differences(one: &[Entry], other: &[Entry]) -> Vec<tape::CallDiff> {
    let folder = Folder::new();
    write(&folder.path("a.jsonl"), &tape(), one);
    write(&folder.path("b.jsonl"), &tape(), other);
    let (a, b) = (folder.path("a.jsonl"), folder.path("b.jsonl"));
    let found = tape::diff(tape::open(a).unwrap(), tape::open(b).unwrap(), Comparison::structural());
    found.collect::<Result<_, TapeError>>().unwrap()
}

#[test]
fn two_tapes_differ_in_calls_that_were_removed_added_and_changed() {
    let one = session();
    let mut other: Vec<_> = session().into_iter().filter(|entry| entry.call != Some(3)).collect();
    let sunny = other.iter().position(|entry| entry.bytes.windows(5).any(|word| word == b"sunny")).unwrap();
    other[sunny] = answer(1, 99, r#"{"content":[{"type":"text","text":"rain"}]}"#);
    other.extend([ask(7, 400, "new", "{}"), answer(7, 401, "{}"), end(7, 402, Outcome::Answered)]);
    let found = differences(&one, &other);
    let brief: Vec<_> = found.iter().map(|call| (call.change, call.tool.as_deref().unwrap())).collect();
    assert_eq!(
        brief,
        [(CallChange::Changed, "weather"), (CallChange::Removed, "rm"), (CallChange::Added, "new")]
    );
    let [(part, difference)] = &found[0].parts[..] else { panic!("{found:?}") };
    assert_eq!((*part, difference.path.as_str()), (CallPart::Answer, "/result/content/0/text"));
}

#[test]
fn what_is_left_on_both_sides_changed_its_params() {
    let change = |entries: Vec<Entry>| -> Vec<Entry> {
        let other = |entry: Entry| match entry.bytes.windows(7).any(|word| word == b"nowhere") {
            true => ask(4, 130, "weather", r#"{"city":"Bonn"}"#),
            false => entry,
        };
        entries.into_iter().map(other).collect()
    };
    let found = differences(&session(), &change(session()));
    assert_eq!(found.len(), 1);
    let (part, difference) = &found[0].parts[0];
    assert_eq!((*part, difference.path.as_str()), (CallPart::Request, "/params/arguments/city"));
}

#[test]
fn calls_that_failed_in_another_way_differ() {
    let call = |end: Entry| vec![ask(1, 1, "add", "{}"), end.call(1).at(Duration::from_millis(2))];
    let [slow, gone] =
        [shadowcat::Error::timeout("1 s"), shadowcat::Error::closed("x")].map(|it| call(Entry::failed(&it)));
    let told = &differences(&slow, &gone)[0].parts;
    assert_eq!(told.len(), 1);
    let differs = [&told[0].1.expected, &told[0].1.actual].map(|it| it.as_deref().unwrap());
    assert_eq!((told[0].0, differs), (CallPart::Outcome, ["failed (timeout)", "failed (closed)"]));
    assert!(differences(&slow, &call(end(1, 2, Outcome::Failed))).is_empty(), "an older tape does not say");
}

#[test]
fn other_ids_tokens_times_and_names_of_sessions_are_no_difference() {
    let renamed = session().into_iter().map(|mut entry| {
        let text = String::from_utf8(entry.bytes.to_vec()).unwrap();
        let text = text
            .replace(r#""id":1,"#, r#""id":77,"#)
            .replace(r#""progressToken":1"#, r#""progressToken":"z""#);
        entry.bytes = text.into();
        entry.call = entry.call.map(|call| call * 3);
        entry.session = entry.session.map(|_| "another".into());
        entry.at += Duration::from_secs(9);
        entry
    });
    assert_eq!(differences(&session(), &renamed.collect::<Vec<_>>()), []);
}

#[test]
fn a_note_before_the_first_call_moves_no_session() {
    let without: Vec<_> = session().into_iter().filter(|entry| entry.kind != EntryKind::Note).collect();
    assert_eq!(differences(&session(), &without), []);
    assert_eq!(differences(&without, &session()), []);
}

/// A tape as a crash leaves it: its last entry is cut.
fn torn(folder: &Folder, entries: &[Entry]) -> PathBuf {
    let path = folder.path("torn.jsonl");
    let mut writer = lines::Writer::create(&path, &tape()).unwrap();
    entries.iter().for_each(|entry| writer.append(entry).unwrap());
    writer.commit().unwrap();
    drop(writer);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    assert!(read(tape::open(&path).unwrap()).1.unwrap().is_torn());
    path
}

#[test]
fn a_torn_tape_gives_what_it_has_to_every_tool() {
    let folder = Folder::new();
    let path = torn(&folder, &session());
    let open = || tape::open(&path).unwrap();
    let stats = Stats::of(open()).unwrap();
    assert_eq!((stats.is_torn, stats.entries, stats.methods["tools/call"].calls), (true, 16, 4));
    assert!(stats.to_string().contains("torn"));
    let mocks = Mocks::of(open()).unwrap();
    assert_eq!((mocks.is_torn(), mocks.rules()), (true, 3));
    let mut text = Vec::new();
    assert_eq!(Show::new().write(open(), &mut text).unwrap(), 16);
    assert!(String::from_utf8(text).unwrap().ends_with("-- torn: the tape ends in the middle\n"));

    let make = |title: &Tape, number: u32| -> Result<Box<dyn Sink>, TapeError> {
        Ok(Box::new(tape::json::Writer::create(folder.path(&format!("{number}.json")), title)?))
    };
    let cut = Split::by_session().run(open(), make).unwrap();
    assert_eq!((cut.parts, cut.torn), (2, true));
    assert_eq!(entries(&folder.path("1.json")).len() + entries(&folder.path("2.json")).len(), 16);

    write(&folder.path("whole.jsonl"), &tape(), &session()[..8]);
    let whole = tape::open(folder.path("whole.jsonl")).unwrap();
    let mut found: Vec<_> = tape::diff(whole, open(), Comparison::structural()).collect();
    assert!(found.pop().unwrap().unwrap_err().is_torn());
    let found: Vec<_> = found.into_iter().map(|call| call.unwrap().change).collect();
    assert_eq!(found, [CallChange::Added, CallChange::Added]);
}

#[cfg(all(feature = "sqlite", target_os = "linux"))]
#[test]
fn of_many_tapes_in_a_file_one_is_open_at_a_time() {
    let folder = Folder::new();
    let path = folder.path("many.db");
    for number in 0..20 {
        let title = Tape::of(TapeId::from_text(&format!("t-{number}")), UNIX_EPOCH);
        let mut writer = match number {
            0 => tape::sqlite::Writer::create(&path, &title),
            _ => tape::sqlite::Writer::add_to(&path, &title),
        };
        writer.as_mut().unwrap().finish().unwrap();
    }
    let mut listing = tape::list(&path).unwrap();
    assert_eq!(listing.next().unwrap().unwrap().tape.id.as_str(), "t-0");
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let open = open.filter(|file| std::fs::read_link(file.path()).is_ok_and(|target| target == path));
    assert_eq!(open.count(), 0);
    assert_eq!(listing.map(Result::unwrap).count(), 19);
}

#[test]
fn tapes_are_merged_by_the_time_of_day_and_their_calls_and_sessions_kept_apart() {
    let folder = Folder::new();
    let started =
        |id: &str, seconds| Tape::of(TapeId::from_text(id), UNIX_EPOCH + Duration::from_secs(seconds));
    let one = [ask(1, 0, "a", "{}"), answer(1, 4000, "{}")];
    let two = [ask(1, 0, "b", "{}"), answer(1, 1000, "{}")];
    write(&folder.path("a.jsonl"), &started("one", 100), &one);
    write(&folder.path("b.jsonl"), &started("two", 102), &two);
    let tapes = ["a.jsonl", "b.jsonl"].map(|name| tape::open(folder.path(name)).unwrap());
    let mut merged = tape::merge(tapes).unwrap();
    assert_eq!(merged.tape().created, UNIX_EPOCH + Duration::from_secs(100));
    let (all, error) = read(&mut merged);
    assert!(error.is_none(), "{error:?}");
    let order: Vec<_> =
        all.iter().map(|entry| (entry.at.as_millis(), entry.session.as_deref().unwrap())).collect();
    assert_eq!(order, [(0, "s-1"), (2000, "two/s-1"), (3000, "two/s-1"), (4000, "s-1")]);
    assert_eq!(all[0].call, all[3].call);
    assert_eq!(all[1].call, all[2].call);
    assert_ne!(all[0].call, all[1].call);
}

#[test]
fn a_tape_is_split_by_session_size_and_time() {
    let folder = Folder::new();
    let mut all = session();
    all.push(ask(20, 500, "x", "{}").session("s-2"));
    write(&folder.path("a.jsonl"), &tape(), &all);
    let parts = |split: Split, name: &str| -> Vec<(Option<String>, Option<u32>, usize)> {
        let make = |tape: &Tape, number: u32| -> Result<Box<dyn Sink>, TapeError> {
            Ok(Box::new(lines::Writer::create(folder.path(&format!("{name}{number}.jsonl")), tape)?))
        };
        let count = split.run(tape::open(folder.path("a.jsonl")).unwrap(), make).unwrap();
        let part = |number| {
            let path = folder.path(&format!("{name}{number}.jsonl"));
            let tape = tape::open(&path).unwrap().tape().clone();
            (tape.session.as_deref().map(str::to_owned), tape.part, entries(&path).len())
        };
        assert!(!count.torn);
        (1..=count.parts).map(part).collect()
    };
    // The notes are of no session, and so first.
    let session = |name: &str| Some(name.to_owned());
    assert_eq!(
        parts(Split::by_session(), "s"),
        [(session("s-1"), None, 2), (session("s-1"), None, 15), (session("s-2"), None, 1)]
            .map(|(name, part, count)| (if count == 2 { None } else { name }, part, count))
    );
    let by_time = parts(Split::by_time(Duration::from_millis(100)), "t");
    assert_eq!(
        by_time.iter().map(|part| (part.1, part.2)).collect::<Vec<_>>(),
        [(Some(1), 7), (Some(2), 9), (Some(3), 1), (Some(4), 1)]
    );
    let by_size = parts(Split::by_bytes(300), "b");
    assert_eq!(by_size.iter().map(|part| part.2).sum::<usize>(), 18);
    assert!(by_size.len() > 3);
}

#[test]
fn a_tape_of_too_many_sessions_is_not_split_by_them() {
    let folder = Folder::new();
    let all: Vec<_> = (0..300).map(|number| note("x").session(format!("s-{number}"))).collect();
    write(&folder.path("a.jsonl"), &tape(), &all);
    let make = |tape: &Tape, number: u32| -> Result<Box<dyn Sink>, TapeError> {
        Ok(Box::new(lines::Writer::create(folder.path(&format!("{number}.jsonl")), tape)?))
    };
    let error = Split::by_session().run(tape::open(folder.path("a.jsonl")).unwrap(), make).unwrap_err();
    assert!(error.to_string().contains("more than 256 sessions"), "{error}");
}

/// What a stack with the rules answers, with nothing behind it.
async fn mocked(rules: &shadowcat::layer::rules::Rules, request: &Entry) -> Option<Vec<u8>> {
    use shadowcat::layer::rules::RulesLayer;
    use shadowcat::{JsonRpcMessage, Reply};
    use tower::{ServiceBuilder, ServiceExt};

    let stack = ServiceBuilder::new()
        .layer(RulesLayer::new(rules))
        .service_fn(|_: JsonRpcMessage| async { Ok::<_, shadowcat::Error>(Reply::empty()) });
    let request = JsonRpcMessage::parse(request.bytes.clone()).unwrap();
    let reply = stack.oneshot(request).await.unwrap();
    reply.as_one().map(|message| message.bytes().to_vec())
}

#[tokio::test]
async fn mocks_answer_as_the_tape_did() {
    use shadowcat::layer::rules::Rules;
    use shadowcat::rules::RuleSet;

    let folder = Folder::new();
    let mut all = session();
    let braces = r#"{"content":[{"type":"text","text":"{{city}} {{{ \u001b"}],"n":[1,2.5,-0.1,1e300]}"#;
    all.extend([ask(10, 500, "braces", "{}"), answer(10, 501, braces)]);
    for (call, text) in [(11, r#"{"count":1}"#), (12, r#"{"count":2}"#)] {
        all.extend([ask(call, 600, "next", r#"{"a":[1,{"b":null}]}"#), answer(call, 601, text)]);
    }
    let bare = r#"{"jsonrpc":"2.0","id":13,"method":"tools/call","params":{"name":"bare"}}"#;
    all.extend([say(EntryKind::Request, Direction::ToUpstream, bare, 13, 700), answer(13, 701, "{}")]);
    write(&folder.path("a.jsonl"), &tape(), &all);
    let mocks = Mocks::of(tape::open(folder.path("a.jsonl")).unwrap()).unwrap();
    assert_eq!((mocks.rules(), mocks.left_out()), (6, 0));
    let loaded = RuleSet::from_json("mocks.json", mocks.as_json()).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    #[cfg(feature = "yaml")]
    assert_eq!(RuleSet::from_yaml("mocks.yaml", mocks.as_json()).unwrap().rules.rules().len(), 6);

    let rules = Rules::new(loaded.rules).unwrap();
    let calls = |entry: &&Entry| entry.kind == EntryKind::Request && entry.direction == Direction::ToUpstream;
    let mut answered = 0;
    for request in all.iter().filter(calls) {
        let is_answer = |entry: &&Entry| {
            entry.call == request.call
                && entry.kind == EntryKind::Response
                && entry.direction == Direction::ToClient
        };
        let expected = all.iter().find(is_answer);
        let actual = mocked(&rules, request).await;
        match (expected, actual) {
            (Some(expected), Some(actual)) => {
                let differences = Comparison::structural().differences(&expected.bytes, &actual);
                assert_eq!(differences, [], "{}", String::from_utf8_lossy(&actual));
                answered += 1;
            }
            (expected, actual) => assert_eq!(expected.is_some(), actual.is_some()),
        }
    }
    assert_eq!(answered, 7);
    // Not even the same tool with other arguments.
    assert_eq!(mocked(&rules, &ask(1, 0, "weather", r#"{"city":"Rome"}"#)).await, None);
}

#[test]
fn mocks_that_no_file_of_rules_can_hold_are_left_out_and_counted() {
    let folder = Folder::new();
    let deep = format!("{}1{}", r#"{"a":"#.repeat(70), "}".repeat(70));
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(3_000_000));
    let mut all = vec![ask(1, 0, "deep", "{}"), answer(1, 1, &deep)];
    for call in 2..4 {
        all.extend([ask(call, 0, "large", &format!("{{\"n\":{call}}}")), answer(call, 1, &large)]);
    }
    write(&folder.path("a.jsonl"), &tape(), &all);
    let mocks = Mocks::of(tape::open(folder.path("a.jsonl")).unwrap()).unwrap();
    assert_eq!((mocks.rules(), mocks.left_out()), (1, 2));
    assert!(shadowcat::rules::RuleSet::from_json("m", mocks.as_json()).is_ok());
}

#[cfg(feature = "secret")]
mod redacted {
    use super::*;
    use base64::Engine as _;
    use shadowcat::secret::Marker;
    use shadowcat::tape::{Component, Json, Redact, Snapshot, SnapshotKind};

    const KEY: &str = "ghp_5nZk2JtQ8vXw3LmB7cRd9fHs4gYp6aTe1uWi";

    #[test]
    fn no_secret_is_left_in_a_snapshot_of_what_is_no_text() {
        let bytes = [b"\xff\xfe ", KEY.as_bytes(), b" \xff"].concat();
        let kept = Redact::new().entry(Snapshot::new("x", SnapshotKind::File, bytes).entry());
        let json: serde_json::Value = serde_json::from_slice(&kept.bytes).unwrap();
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(json["base64"].as_str().unwrap()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("[REDACTED:github-token]") && !text.contains(KEY), "{text}");
        assert!(Snapshot::read(&kept).unwrap_err().to_string().contains("digest"));
        let clean = Snapshot::new("x", SnapshotKind::File, &b"\xff\xfe"[..]).entry();
        assert_eq!(Redact::new().entry(clean.clone()), clean);
    }

    #[test]
    fn a_masked_snapshot_has_no_digest_of_what_is_masked() {
        let binary = [b"\xff ", KEY.as_bytes()].concat();
        let variables = Snapshot::environment("server", [("PASSWORD", "1234")]);
        let named = Redact::new().path("/text").unwrap();
        for (redact, kept) in [
            (Redact::new(), Snapshot::new("x", SnapshotKind::File, binary)),
            (Redact::new(), Snapshot::new("x", SnapshotKind::File, format!("key: {KEY}"))),
            (named, variables),
        ] {
            let masked = redact.entry(kept.entry());
            let text = String::from_utf8_lossy(&masked.bytes);
            assert!(text.contains(r#""digest":"masked""#) && !text.contains("sha256"), "{text}");
            assert!(Snapshot::read(&masked).unwrap_err().to_string().contains("digest"));
            assert_eq!(redact.entry(masked.clone()), masked, "twice is as once");
        }
        let elsewhere = Snapshot::new(KEY, SnapshotKind::File, "x");
        let masked = Redact::new().entry(elsewhere.entry());
        assert_eq!(Snapshot::read(&masked).unwrap().unwrap().digest, elsewhere.digest);
    }

    #[test]
    fn what_is_no_json_is_read_with_its_escapes() {
        let refused = r#"{"\u0070assword":"hunter2hunter2","#;
        let refused = Entry::new(EntryKind::Refused, Direction::ToUpstream, refused);
        let bytes = Redact::new().entry(refused).bytes;
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{bytes:?}");
    }

    #[test]
    fn a_place_is_masked_in_each_message_of_a_batch() {
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"card":"4111"}}"#;
        let refused = Entry::new(EntryKind::Refused, Direction::ToUpstream, format!(" [{call},{call}]"));
        let bytes = Redact::new().path("/params/card").unwrap().entry(refused).bytes;
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!((text.matches("4111").count(), text.matches("[REDACTED:path]").count()), (0, 2));
    }

    #[test]
    fn secrets_are_gone_wherever_they_stood_and_the_tape_says_so() {
        let folder = Folder::new();
        let title = tape()
            .client_info(Json::new(format!(r#"{{"name":"{KEY}"}}"#).as_bytes()).unwrap())
            .component(
                Component::new("x")
                    .policy(format!("token: {KEY}"))
                    .uri(format!("https://u:{KEY}@a.example/x")),
            )
            .label("note", KEY)
            .label("password", "hunter2hunter2");
        let refused = [
            format!(r#"{{"password":"hunter2hunter2","{KEY}":[{{"a":"{KEY}"}}]}}"#),
            format!("not JSON {KEY} at all"),
            format!(r#"[{{"requestState":"{KEY}"}}]"#),
            format!("\"{KEY}\""),
        ];
        let mut all: Vec<_> = refused
            .iter()
            .map(|text| Entry::new(EntryKind::Refused, Direction::ToUpstream, text.clone()))
            .collect();
        let mut broken = b"\xff\xfe ".to_vec();
        broken.extend_from_slice(KEY.as_bytes());
        all.push(Entry::new(EntryKind::Refused, Direction::ToUpstream, broken));
        all.push(note(KEY));
        all.push(ask(1, 1, "login", &format!(r#"{{"a":"{KEY}"}}"#)).session(format!("s {KEY}")));
        // As only a transparent scan takes it.
        all.push(ask(2, 1, "login", &format!(r#"{{"a":"{KEY}","a":"{KEY}"}}"#)));
        write(&folder.path("a.jsonl"), &title, &all);

        let mut masked = Redact::new().apply(tape::open(folder.path("a.jsonl")).unwrap());
        let mut to = lines::Writer::create(folder.path("b.jsonl"), masked.tape()).unwrap();
        assert_eq!(tape::copy(&mut masked, &mut to).unwrap().entries, 8);
        let text = String::from_utf8_lossy(&std::fs::read(folder.path("b.jsonl")).unwrap()).into_owned();
        assert!(!text.contains(KEY) && !text.contains("hunter2"), "{text}");
        let (after, error) = read(lines::Reader::open(folder.path("b.jsonl")).unwrap());
        assert!(error.is_none(), "{error:?}");
        assert_eq!(
            lines::Reader::open(folder.path("b.jsonl")).unwrap().tape().redaction.as_deref(),
            Some("secrets")
        );
        for (before, after) in all.iter().zip(&after) {
            assert_eq!((before.kind, before.call, before.at), (after.kind, after.call, after.at));
        }
        assert_eq!(&after[0].bytes[..14], b"{\"password\":\"[");
    }

    #[test]
    fn places_that_are_named_are_masked_whole() {
        let redact = Redact::new().marker(Marker::fixed("***"));
        let redact = redact.path("/params/arguments/*/user").unwrap().path("/result").unwrap();
        let call = ask(1, 1, "x", r#"{"list":{"user":{"a":[1]},"b":1},"user":"stays","l":[1,{"user":2}]}"#);
        let masked = redact.entry(call);
        let text = String::from_utf8(masked.bytes.to_vec()).unwrap();
        assert!(
            text.ends_with(r#"{"list":{"user":"***","b":1},"user":"stays","l":[1,{"user":2}]}}}"#),
            "{text}"
        );
        let masked = redact.entry(answer(1, 1, r#"{"content":[]}"#));
        assert_eq!(masked.bytes, r#"{"jsonrpc":"2.0","id":1,"result":"***"}"#);
    }

    #[test]
    fn what_a_tape_was_redacted_by_before_is_kept() {
        let redact = |profile: &str, tape: &Tape| Redact::new().profile(profile).tape(tape);
        let once = redact("strip", &tape());
        assert_eq!(redact("more", &redact("strip", &once)).redaction.as_deref(), Some("strip, more"));
    }

    #[test]
    fn a_tape_names_the_places_that_are_masked_on_it() {
        let redact = Redact::new().path("/params/*/user").unwrap().path("/result").unwrap();
        let once = redact.tape(&tape());
        assert_eq!(once.redaction.as_deref(), Some("secrets path:/params/*/user path:/result"));
        assert_eq!(redact.tape(&once).redaction, once.redaction);
        let named = redact.profile("mine").tape(&tape());
        assert_eq!(named.redaction.as_deref(), Some("mine"));
    }
}
