//! Calls that are woken again and again leave the executor its turn, and with it the clock.

use std::future::poll_fn;
use std::io::Write as _;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use shadowcat::{Error, JsonRpcMessage, Reply, RpcService, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

/// Far more than it takes.
const LIMIT: Duration = Duration::from_secs(30);
const CALLS: usize = 200;

fn pong(message: &JsonRpcMessage) -> Reply {
    message.responder().result("{}").unwrap().map_or_else(Reply::empty, Reply::one)
}

/// Serves that many pings, on a thread of its own, as what never gives way could not be ended. How many lines came back.
fn served(runtime: Runtime, stack: impl RpcService) -> usize {
    let (tell, told) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let lines = runtime.block_on(async {
            let (client, server) = tokio::io::duplex(1 << 20);
            let (mut hear, mut say) = tokio::io::split(client);
            let (read, write) = tokio::io::split(server);
            let mut pings = Vec::new();
            for id in 0..CALLS {
                writeln!(pings, r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#).unwrap();
            }
            say.write_all(&pings).await.unwrap();
            say.shutdown().await.unwrap();
            serve::stdio(stack).max_in_flight(2 * CALLS).run_on(read, write).await.unwrap();
            drop(say);
            let mut heard = String::new();
            hear.read_to_string(&mut heard).await.unwrap();
            heard.lines().count()
        });
        let _ = tell.send(lines);
    });
    told.recv_timeout(LIMIT).expect("the executor has no turn")
}

/// On the thread that blocks on a runtime of several, tokio wakes at once who waits for it with a spent budget.
#[test]
fn many_calls_that_wait_for_the_clock_are_answered_on_any_runtime() {
    let several = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let one = Builder::new_current_thread().enable_all().build().unwrap();
    for runtime in [several, one] {
        let stack = tower::service_fn(|message: JsonRpcMessage| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, Error>(pong(&message))
        });
        assert_eq!(served(runtime, stack), CALLS);
    }
}

#[test]
fn a_call_that_wakes_itself_over_and_over_does_not_stop_the_clock() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let stack = tower::service_fn(|message: JsonRpcMessage| async move {
        let (tell, mut told) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = tell.send(());
        });
        poll_fn(|cx| {
            if told.try_recv().is_ok() {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        Ok::<_, Error>(pong(&message))
    });
    assert_eq!(served(runtime, stack), CALLS);
}
