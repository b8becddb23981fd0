//! A sidecar: watches a process that runs already, and its log if that comes on stdin.
//!
//! `cargo run --example sidecar --features monitor -- PID`, or `wassette serve --http 2>&1 | sidecar $(pidof wassette)`.
//! Without a PID it starts a small process of its own, watches it, kills it and is told of its end.

#![allow(clippy::print_stdout, reason = "this example is no server on stdio")]

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the monitor reads /proc, so that it needs Linux");
}

#[cfg(target_os = "linux")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shadowcat::BoxError> {
    linux::main().await
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::IsTerminal;
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use futures::StreamExt;
    use shadowcat::BoxError;
    use shadowcat::monitor::{Event, Monitor, Samples, Usage};

    pub(super) async fn main() -> Result<(), BoxError> {
        match std::env::args().nth(1).as_deref() {
            Some("busy") => busy(),
            Some(pid) => watch(pid.parse()?).await,
            None => demonstrate().await,
        }
    }

    async fn watch(pid: u32) -> Result<(), BoxError> {
        let mut monitor = Monitor::attach(pid)?.descendants(true);
        if !std::io::stdin().is_terminal() {
            monitor = monitor.log(tokio::io::stdin());
        }
        let mut samples = monitor.samples();
        while let Some(event) = samples.next().await {
            show(pid, &event);
        }
        show_calls(&samples);
        Ok(())
    }

    async fn demonstrate() -> Result<(), BoxError> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program).arg("busy").stdin(Stdio::piped()).spawn()?;
        let outcome = watch_and_kill(&mut child).await;
        let _ = child.kill();
        child.wait()?;
        outcome
    }

    async fn watch_and_kill(child: &mut Child) -> Result<(), BoxError> {
        let pid = child.id();
        let mut samples = Monitor::attach(pid)?.interval(Duration::from_millis(200)).samples();
        let mut left = 3;
        while let Some(event) = samples.next().await {
            show(pid, &event);
            if matches!(event, Event::Usage(_)) {
                left -= 1;
                if left == 0 {
                    child.kill()?;
                }
            }
        }
        Ok(())
    }

    fn show(pid: u32, event: &Event) {
        match event {
            Event::Usage(usage) => println!("process {pid}: {}", describe(usage)),
            Event::Log(line) => println!("process {pid}: log: {}", line.message),
            Event::LogEnded(None) => println!("process {pid}: the log is over"),
            Event::LogEnded(Some(error)) => println!("process {pid}: {error}"),
            Event::Ended => println!("process {pid}: ended"),
            _ => {}
        }
    }

    fn describe(usage: &Usage) -> String {
        let cpu = usage.cpu.map_or("-".to_owned(), |cpu| format!("{cpu:.2}"));
        let descriptors = usage.descriptors.map_or("-".to_owned(), |count| count.to_string());
        format!(
            "cpu {cpu} cores, {} ms in all; {} KiB resident; {} threads; {descriptors} descriptors; {} processes",
            usage.cpu_time.as_millis(),
            usage.resident_bytes / 1024,
            usage.threads,
            usage.processes,
        )
    }

    fn show_calls(samples: &Samples) {
        for (tool, tally) in samples.invocations().tools() {
            println!(
                "{}: {} calls, {} failed, {} ms in all",
                tool.name,
                tally.calls,
                tally.failed,
                tally.time.as_millis()
            );
        }
    }

    /// Uses a core until it is killed, or whoever started it is gone.
    fn busy() -> Result<(), BoxError> {
        std::thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
        Ok(())
    }
}
