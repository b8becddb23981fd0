//! Tapes that not everybody replays: with keys, private ones, checked ones; and who is told.

use std::path::Path;
use std::sync::{Arc, Mutex};

use shadowcat::connect::Replay;
use shadowcat::connect::replay::{Mode, Options, ReplayError, Taped};
use shadowcat::tape::{self, Key, OpenOptions, Purpose, Sink, Tape, lines};
use shadowcat::{Error, JsonRpcMessage, Reply, RpcService};
use tower::{ServiceExt, service_fn};

use crate::replayed::{down, only, result, up};
use crate::support::{msg, soon};
use crate::taped::Folder;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

fn key(byte: u8) -> Key {
    Key::new([byte; 32])
}

fn write(path: &Path, options: &lines::Options) {
    let mut sink =
        lines::Writer::create_with(path, &Tape::new().unwrap().label("team", "red"), options).unwrap();
    sink.append(&up(PING)).unwrap();
    sink.append(&down(result("1", "{}"))).unwrap();
    sink.finish().unwrap();
}

fn open(path: &Path, options: OpenOptions) -> Result<Replay, ReplayError> {
    Replay::options().open_options(options).open(path)
}

fn refused(outcome: Result<Replay, ReplayError>) -> tape::TapeError {
    match outcome.unwrap_err() {
        ReplayError::Tape(error) => error,
        other => panic!("{other}"),
    }
}

fn of_team(team: &'static str) -> OpenOptions {
    OpenOptions::new().check(move |tape| {
        let is_of = tape.labels.get("team").is_some_and(|its| its == team);
        if is_of { Ok(()) } else { Err("another team's".to_owned()) }
    })
}

async fn answers(mut replay: Replay) {
    assert_eq!(only(&mut replay, PING).await, result("1", "{}"));
}

#[cfg(feature = "encryption")]
#[tokio::test]
async fn an_encrypted_tape_is_replayed_by_its_key_only() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    write(&path, &lines::Options::new().encrypt(key(7)));
    answers(open(&path, OpenOptions::new().key(key(7))).unwrap()).await;
    assert!(refused(open(&path, OpenOptions::new().key(key(8)))).is_key());
    assert!(refused(Replay::from_path(&path)).is_key());
    let plain = folder.path("plain.jsonl");
    write(&plain, &lines::Options::new());
    assert!(
        refused(open(&plain, OpenOptions::new().key(key(7)))).is_key(),
        "it may stand in another's place"
    );
}

#[tokio::test]
async fn a_tape_with_a_chain_is_replayed_as_far_as_it_holds() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    write(&path, &lines::Options::new().chain(key(7)));
    answers(open(&path, OpenOptions::new().chain(key(7))).unwrap()).await;
    let text = std::fs::read_to_string(&path).unwrap().replace("ping", "pong");
    std::fs::write(&path, text).unwrap();
    assert!(refused(open(&path, OpenOptions::new().chain(key(7)))).is_damaged());
}

#[tokio::test]
async fn a_tape_is_replayed_only_where_the_check_allows_it() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    write(&path, &lines::Options::new());
    answers(open(&path, of_team("red")).unwrap()).await;
    let error = refused(open(&path, of_team("blue")));
    assert!(error.is_refused() && error.to_string().ends_with("another team's"), "{error}");
    let recorded = Options::new().mode(Mode::Missing).open_options(of_team("blue"));
    let never = || Err::<Replay, _>(Error::closed("the tape is there"));
    assert!(
        matches!(recorded.open_or_record(&path, never), Err(ReplayError::Tape(error)) if error.is_refused())
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_tape_that_others_may_read_is_not_replayed_where_it_must_be_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    write(&path, &lines::Options::new());
    let private = || OpenOptions::new().require_private_file();
    answers(open(&path, private()).unwrap()).await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refused(open(&path, private())).is_refused());
    answers(Replay::from_path(&path).unwrap()).await;
}

/// What was told, as `purpose outcome`.
fn telling(options: OpenOptions) -> (OpenOptions, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let options = options.on_open(move |opening| {
        let line = format!("{} {}", opening.purpose, opening.outcome.is_ok());
        assert!(opening.to_string().contains("a.jsonl"), "{opening}");
        log.lock().unwrap().push(line);
    });
    (options, told)
}

#[test]
fn who_is_told_of_a_tape_is_told_what_it_was_opened_for() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    write(&path, &lines::Options::new());
    let (options, told) = telling(OpenOptions::new());
    open(&path, options.clone()).unwrap();
    tape::open_with(&path, &options).unwrap();
    tape::open_with(&path, &options.clone().purpose(Purpose::Verify)).unwrap();
    assert_eq!(tape::list_with(&path, &options).unwrap().count(), 1);
    open(&path, options.check(|_| Err("no".to_owned()))).unwrap_err();
    assert_eq!(
        *told.lock().unwrap(),
        ["replay true", "read true", "verify true", "list true", "replay false"]
    );
}

fn server() -> impl RpcService<Error = Error> + Clone {
    service_fn(|message: JsonRpcMessage| async move {
        Ok(message.responder().result("{}").unwrap().map_or_else(Reply::empty, Reply::one))
    })
}

/// Records a ping, or replays it.
async fn run(path: &Path, mode: Mode, opening: OpenOptions) -> Result<(), ReplayError> {
    let options = Options::new().mode(mode).open_options(opening);
    let taped: Taped<_> = options.open_or_record(path, || Ok::<_, Error>(server()))?;
    drop(soon(taped.clone().oneshot(msg(PING))).await.unwrap());
    taped.finish().map(drop)
}

#[cfg(feature = "encryption")]
#[tokio::test]
async fn a_recording_is_encrypted_and_chained_with_the_keys_that_open_it() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    let keys = || OpenOptions::new().key(key(7)).chain(key(8));
    for mode in [Mode::Missing, Mode::Update, Mode::Replay, Mode::Missing] {
        run(&path, mode, keys()).await.unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(4).any(|part| part == b"ping"), "{mode:?}");
        assert_eq!(lines::verify([&path], &keys()).unwrap().entries, 3);
    }
    let before = std::fs::read(&path).unwrap();
    for other in [OpenOptions::new(), OpenOptions::new().key(key(9)), OpenOptions::new().chain(key(8))] {
        let error = run(&path, Mode::Update, other).await.unwrap_err();
        assert!(matches!(&error, ReplayError::Tape(error) if error.is_key()), "{error}");
    }
    // With the one key, but not with that of the chain.
    let error = run(&path, Mode::Update, OpenOptions::new().key(key(7))).await.unwrap_err().to_string();
    assert!(error.contains("it has a chain, of which the key is missing"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn what_would_lose_its_chain_or_could_not_have_one_is_not_recorded() {
    let folder = Folder::new();
    let (path, document) = (folder.path("a.jsonl"), folder.path("a.json"));
    write(&folder.path("labels.jsonl"), &lines::Options::new().chain(key(7)));
    let error = run(&folder.path("labels.jsonl"), Mode::Update, OpenOptions::new()).await.unwrap_err();
    assert!(error.to_string().contains("it has a chain, of which the key is missing"), "{error}");

    let error = run(&document, Mode::Missing, OpenOptions::new().chain(key(7))).await.unwrap_err();
    assert!(error.to_string().contains("only a .jsonl tape can be encrypted or have a chain"), "{error}");
    assert!(!document.exists());
    // Nobody could replay it.
    let error = run(&path, Mode::Missing, of_team("red")).await.unwrap_err();
    assert!(matches!(&error, ReplayError::Tape(error) if error.is_refused()), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn whoever_records_a_tape_anew_must_be_let_read_it_and_is_told_of() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    run(&path, Mode::Missing, OpenOptions::new()).await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let (options, told) = telling(OpenOptions::new().check(|_| Err("not yours".to_owned())));
    run(&path, Mode::Update, options).await.unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(*told.lock().unwrap(), ["update false"]);
    let (options, told) = telling(OpenOptions::new());
    run(&path, Mode::Update, options).await.unwrap();
    assert_eq!(told.lock().unwrap().first().map(String::as_str), Some("update true"));
}
