//! The stdio proxy with the limits and the layers of the hostile corpus: `profile_proxy COMMAND ARGS…`.

#[cfg(unix)]
mod profile;

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    use shadowcat::{ScanOptions, connect, serve};

    let mut words = std::env::args_os().skip(1);
    let command = connect::Command::new(words.next().expect("a command to run")).args(words);
    let limits = ScanOptions::new().max_bytes(262_144);
    let child = command.options(connect::Options::new().scan(limits)).spawn().expect("the peer starts");
    let served = serve::stdio(profile::guarded(child.clone())).scan(limits).run().await;
    child.shutdown().await;
    if let Err(error) = served {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

#[cfg(not(unix))]
fn main() {}
