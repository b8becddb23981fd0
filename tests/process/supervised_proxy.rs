//! A proxy whose server is made again whenever it ends: `supervised_proxy COMMAND ARGS…`.

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    use std::time::Duration;

    use shadowcat::connect::supervise::{Backoff, Restart};
    use shadowcat::connect::{Command, Supervisor};

    let mut words = std::env::args_os().skip(1);
    let command = Command::new(words.next().expect("a command")).args(words);
    let soon = Duration::from_millis(1);
    let supervisor = Supervisor::new(command).restart(Restart::Always).backoff(Backoff::new(soon, soon));
    if let Err(error) = shadowcat::serve::stdio(supervisor.start()).run().await {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

#[cfg(not(unix))]
fn main() {}
