//! Tells whether an audit log is what was written.
//!
//! `audit_verify [--key-file FILE] [--expect SEQ:HASH] [--from-the-middle] FILE…`, the oldest file first. The key file holds
//! the 32 bytes of the key. Without arguments it writes a log, changes a byte of it, and finds that.

#![allow(clippy::print_stdout, reason = "it speaks no protocol")]

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<std::process::ExitCode, shadowcat::BoxError> {
    use shadowcat::audit::{Anchor, Key, Verifier};

    let mut verifier = Verifier::new();
    let (mut arguments, mut paths) = (std::env::args().skip(1), Vec::new());
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--key-file" => {
                let bytes = std::fs::read(value()?)?;
                let key = bytes.try_into().map_err(|_| "a key has 32 bytes")?;
                verifier = verifier.key(Key::new(key));
            }
            "--expect" => {
                let value = value()?;
                let (seq, hash) = value.split_once(':').ok_or("--expect SEQ:HASH")?;
                verifier = verifier.expect(Anchor::new(seq.parse()?, hash));
            }
            "--from-the-middle" => verifier = verifier.from_the_middle(),
            _ => paths.push(argument.into()),
        }
    }
    let is_demo = paths.is_empty();
    if is_demo {
        paths.push(demo().await?);
    }
    let findings = verifier.verify(&paths)?;
    for flaw in &findings.flaws {
        println!("{flaw}");
    }
    println!(
        "{} records, {} lost for want of room, {} recoveries, {} flaws",
        findings.records, findings.lost, findings.recoveries, findings.flaw_count
    );
    if let Some(last) = &findings.last {
        println!("the last is {}:{}", last.seq, last.hash);
    }
    if is_demo {
        std::fs::remove_file(&paths[0])?;
    }
    Ok(std::process::ExitCode::from(u8::from(!findings.is_whole() && !is_demo)))
}

/// A log that somebody changed.
#[cfg(unix)]
async fn demo() -> Result<std::path::PathBuf, shadowcat::BoxError> {
    use shadowcat::audit::{Options, Record, Writer};

    let path = std::env::temp_dir().join(format!("audit_verify-{}.jsonl", std::process::id()));
    let log = Writer::open(&path, Options::new())?;
    log.record(Record::note("rm was allowed").by("mallory"));
    log.record(Record::note("nothing else happened").by("alice"));
    log.flushed().await;
    let text = std::fs::read_to_string(&path)?.replace("mallory", "alice");
    std::fs::write(&path, text)?;
    Ok(path)
}
