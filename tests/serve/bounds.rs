//! The stdio front end toward clients that flood it, do not read, or send what is no message; and the order of
//! what it writes.

use futures::stream;
use proptest::prelude::*;
use shadowcat::{Error, JsonRpcMessage, Reply, RpcService, ScanOptions, connect, serve};
use tower::service_fn;

use crate::support::{self, Peer, call_text, done, echo, leaf, msg, note, peer, progress, settled};

fn serve_with<S: RpcService>(front: serve::Stdio<S>, buffer: usize) -> Peer {
    let (peer, read, write) = peer(buffer);
    tokio::spawn(front.run_on(read, write));
    peer
}

fn hanging() -> impl RpcService {
    service_fn(|_: JsonRpcMessage| async { Ok::<_, Error>(Reply::stream(stream::pending())) })
}

#[tokio::test(start_paused = true)]
async fn more_than_may_be_in_flight_is_refused() {
    let mut client = serve_with(serve::stdio(hanging()).max_in_flight(3), 1 << 20);
    for id in 1..=4 {
        client.say(call_text(id)).await;
    }
    client.hear_error(Some("4"), -32603).await;
    client.say(support::cancelled(2)).await;
    client.say(call_text(5)).await;
    client.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_is_answered_with_its_id_where_one_can_be_read() {
    let leaf = leaf(echo);
    let seen = leaf.seen.clone();
    let mut client = serve_with(serve::stdio(leaf).scan(ScanOptions::new().max_bytes(300)), 1 << 20);
    let deep = "[".repeat(130) + &"]".repeat(130);
    let long = format!(r#"{{"jsonrpc":"2.0","id":8,"method":"x","params":{{"x":"{}"}}}}"#, "y".repeat(300));
    for (line, id, code) in [
        ("garbage", None, -32700),
        (r#"{"jsonrpc":"2.0","id":1,"method":"x""#, Some("1"), -32700),
        ("{\"jsonrpc\":\"2.0\",\r\"id\":2,\"method\":\"x\"}", Some("2"), -32700),
        ("\u{feff}{}", None, -32700),
        (r#"{"jsonrpc":"2.0","id":3,"method":"x","method":"y"}"#, Some("3"), -32600),
        (r#"{"jsonrpc":"2.0","id":4,"id":5,"method":"x"}"#, None, -32600),
        (r#"{"jsonrpc":"1.0","id":"six","method":"x"}"#, Some("\"six\""), -32600),
        (r#"[{"jsonrpc":"2.0","id":7,"method":"x"}]"#, None, -32600),
        (&*format!(r#"{{"jsonrpc":"2.0","id":9,"method":"x","params":{{"x":{deep}}}}}"#), Some("9"), -32600),
        (&*long, Some("8"), -32600),
    ] {
        client.say(line).await;
        client.hear_error(id, code).await;
    }
    for quiet in ["", " \t", "\r", r#"{"jsonrpc":"2.0","method":"tools/call","params":{}}"#] {
        client.say(quiet).await;
    }
    client.hears_nothing().await;
    assert_eq!(seen.len(), 1, "nothing but the listen reached the stack: {seen:?}");
    client.say(call_text(1)).await;
    assert_eq!(client.hear().await.unwrap(), done(1));
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_request_under_an_id_in_flight_does_not_settle_the_call() {
    let mut client = serve_with(serve::stdio(hanging()), 1 << 20);
    client.say(call_text(1)).await;
    client.say(r#"{"jsonrpc":"2.0","id":1,"method":"x","method":"y"}"#).await;
    client.hear_error(None, -32600).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_cut_off_by_the_end_is_told() {
    let (mut client, read, write) = peer(1 << 20);
    let served = tokio::spawn(serve::stdio(leaf(echo)).run_on(read, write));
    client.say_raw(call_text(1).as_bytes()).await;
    client.close().await;
    client.hear_error(Some("1"), -32700).await;
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_still_heard() {
    let leaf = leaf(echo);
    let seen = leaf.seen.clone();
    let mut client = serve_with(serve::stdio(leaf).max_in_flight(100_000), 1024);
    for id in 0..5000 {
        client.say(call_text(id)).await;
    }
    settled().await;
    assert_eq!(seen.len(), 1 + 5000);
    for id in 0..5000 {
        assert_eq!(client.hear().await.unwrap(), done(id));
    }
}

/// Sends `count` times `line` without reading, then tells how many bytes of answers were kept for it.
async fn kept<S: RpcService>(front: serve::Stdio<S>, line: impl Fn(usize) -> String, count: usize) -> usize {
    let mut client = serve_with(front, 64 << 10);
    for at in 0..count {
        client.say(line(at)).await;
    }
    settled().await;
    client.close().await;
    let mut bytes = 0;
    while let Some(line) = client.hear().await {
        bytes += line.len() + 1;
    }
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_client_that_floods_and_never_reads_takes_bounded_memory() {
    let result = format!("\"{}\"", "x".repeat(2000));
    let answers = leaf(move |message: JsonRpcMessage| {
        let answer = message.responder().result(&result).unwrap().unwrap();
        async move { Ok(if message.is_listen() { Reply::stream(stream::pending()) } else { Reply::one(answer) }) }
    });
    let bytes = kept(serve::stdio(answers), call_text, 20_000).await;
    assert!(bytes < 16 << 20, "{bytes} bytes of answers");

    let bytes = kept(serve::stdio(leaf(echo)), |_| "garbage".repeat(20), 200_000).await;
    assert!(bytes < 16 << 20, "{bytes} bytes of refusals");

    let bytes = kept(serve::stdio(hanging()).max_in_flight(1), |_| call_text(1), 200_000).await;
    assert!(bytes < 16 << 20, "{bytes} bytes about one id");
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_always_has_more_starves_nobody() {
    let chatty =
        msg(format!(r#"{{"jsonrpc":"2.0","method":"n","params":{{"x":"{}"}}}}"#, "x".repeat(10_000)));
    let stack = service_fn(move |message: JsonRpcMessage| {
        let chatty = chatty.clone();
        async move {
            match message.id().and_then(|id| id.as_i64()) {
                Some(1) => Ok(Reply::stream(stream::repeat_with(move || Ok(chatty.clone())))),
                _ => echo(message).await,
            }
        }
    });
    let mut client = serve_with(serve::stdio(stack), 64 << 10);
    for line in [call_text(1), call_text(2), support::cancelled(1)] {
        client.say(line).await;
    }
    let mut lines = 0;
    while client.hear().await.unwrap() != done(2) {
        lines += 1;
        assert!(lines < 1000, "the second call waits for the end of the first");
    }
}

/// What a scripted server says, in its order.
fn script() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..4_u8, 1..40)
}

/// The lines that the client must see, in order; `calls` is how many calls it has made.
fn lines(script: &[u8], calls: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open: Vec<usize> = (1..=calls).collect();
    for (at, step) in script.iter().enumerate() {
        let call = open.get(at % open.len().max(1)).copied();
        lines.push(match (step, call) {
            (0, _) | (_, None) => note(&format!("notifications/n{at}")),
            (1, Some(call)) => progress(call, at as u32),
            (2, _) => format!(r#"{{"jsonrpc":"2.0","id":"q{at}","method":"roots/list"}}"#),
            (_, Some(call)) => {
                open.retain(|id| *id != call);
                done(call)
            }
        });
    }
    lines.extend(open.into_iter().map(done));
    lines
}

fn call_with_token(id: usize) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"_meta":{{"progressToken":{id}}}}}}}"#
    )
}

/// The server says `lines`, of which each `chunk` comes in one read.
async fn order_of(lines: &[String], calls: usize, chunk: usize) -> Vec<String> {
    let (mut server, read, write) = peer(1 << 20);
    let mut client = serve_with(serve::stdio(connect::pipe(read, write)), 1 << 20);
    for id in 1..=calls {
        client.say(call_with_token(id)).await;
        server.hear().await.unwrap();
    }
    let mut heard = Vec::new();
    for lines in lines.chunks(chunk) {
        server.say(lines.join("\n")).await;
        tokio::task::yield_now().await;
    }
    for _ in lines {
        heard.push(client.hear().await.unwrap());
    }
    heard
}

fn run<T>(multi_thread: bool, future: impl Future<Output = T>) -> T {
    let mut builder = match multi_thread {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    builder.worker_threads(2).enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_client_hears_everything_in_the_order_in_which_the_server_said_it(
        script in script(), calls in 1..6_usize, chunk in 1..12_usize, multi_thread in any::<bool>(),
    ) {
        let lines = lines(&script, calls);
        let heard = run(multi_thread, order_of(&lines, calls, chunk));
        prop_assert_eq!(heard, lines);
    }
}

#[tokio::test(start_paused = true)]
async fn a_notification_queued_before_a_response_is_never_behind_it() {
    let (to_stack, mut senders) = tokio::sync::mpsc::channel(10);
    let stack = service_fn(move |_: JsonRpcMessage| {
        let (sender, reply) = Reply::channel(1000);
        to_stack.try_send(sender).unwrap();
        async { Ok::<_, Error>(reply) }
    });
    let mut client = serve_with(serve::stdio(stack), 1 << 20);
    let listen = senders.recv().await.unwrap();
    let mut calls = Vec::new();
    for id in 1..=8 {
        client.say(call_text(id)).await;
        calls.push((id, senders.recv().await.unwrap()));
    }
    let mut before = Vec::new();
    for (at, (id, call)) in calls.into_iter().rev().enumerate() {
        listen.try_send(msg(note(&format!("n{at}")))).unwrap();
        before.push((note(&format!("n{at}")), done(id)));
        call.finish(msg(done(id)));
        if at % 3 == 0 {
            settled().await;
        }
    }
    let mut heard = Vec::new();
    for _ in 0..16 {
        heard.push(client.hear().await.unwrap());
    }
    let place = |line: &String| heard.iter().position(|heard| heard == line).unwrap();
    for (notification, response) in &before {
        assert!(place(notification) < place(response), "{heard:?}");
    }
}

/// Never ready.
struct Busy;

impl tower::Service<JsonRpcMessage> for Busy {
    type Response = Reply;
    type Error = Error;
    type Future = std::future::Pending<Result<Reply, Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        std::task::Poll::Pending
    }

    fn call(&mut self, _: JsonRpcMessage) -> Self::Future {
        unreachable!("it was never ready")
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_stack_is_bounded_by_its_size() {
    let mut client = serve_with(serve::stdio(Busy), 1 << 20);
    let large = |id: i64| {
        let text = "x".repeat(3 << 20);
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t","arguments":{{"x":"{text}"}}}}}}"#
        )
    };
    for id in 1..=3 {
        client.say(large(id)).await;
    }
    client.say(call_text(4)).await;
    client.hear_error(Some("4"), -32603).await;
}
