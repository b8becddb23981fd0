//! Whatever clients and a server do in whatever order: a question about one client's call reaches no other.

use futures::StreamExt;
use proptest::prelude::*;
use shadowcat::Reply;
use shadowcat::connect::{Multiplex, Shared, pipe, shared::Client};
use tokio::task::JoinHandle;
use tower::Service;

use crate::support::{Peer, Seen, done, msg, peer, session_listen, settled, text};

const CLIENTS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    /// A client calls.
    Call(usize),
    /// It gives a call up.
    Cancel(usize),
    /// The server asks, or logs, about a call that it works on, cancelled or not.
    Ask(usize),
    Log(usize),
    Answer(usize),
    /// Everybody else does what there is to do.
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..CLIENTS).prop_map(Step::Call),
        1 => (0_usize..8).prop_map(Step::Cancel),
        4 => (0_usize..8).prop_map(Step::Ask),
        2 => (0_usize..8).prop_map(Step::Log),
        3 => (0_usize..8).prop_map(Step::Answer),
        3 => Just(Step::Settle),
    ]
}

/// Notes what a client hears, and checks that it is about that client.
async fn read(mut reply: Reply, client: usize, heard: Seen) {
    while let Some(Ok(message)) = reply.next().await {
        let line = text(&message);
        if message.method().is_some() {
            assert!(line.contains(&format!("about-{client}")), "client {client} heard {line}");
            heard.push(line);
        }
    }
}

struct World {
    peer: Peer,
    clients: Vec<Client<Multiplex>>,
    readers: Vec<JoinHandle<()>>,
    calls: Vec<JoinHandle<()>>,
    /// Ids on the wire and clients of what the server works on.
    work: Vec<(String, usize)>,
    heard: Seen,
    questions: usize,
}

impl World {
    async fn new() -> Self {
        let (peer, read_half, write_half) = peer(1 << 16);
        let shared = Shared::new(pipe(read_half, write_half));
        let (mut clients, mut readers, heard) = (Vec::new(), Vec::new(), Seen::default());
        for number in 0..CLIENTS {
            let mut client = shared.client().unwrap();
            let listen = client.call(session_listen()).await.unwrap();
            readers.push(tokio::spawn(read(listen, number, heard.clone())));
            clients.push(client);
        }
        settled().await;
        Self { peer, clients, readers, calls: Vec::new(), work: Vec::new(), heard, questions: 0 }
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Call(client) => {
                let request =
                    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"of":{client}}}}}"#);
                let call = self.clients[client].call(msg(request));
                let heard = self.heard.clone();
                self.calls.push(tokio::spawn(async move {
                    if let Ok(reply) = call.await {
                        read(reply, client, heard).await;
                    }
                }));
                self.hear(client).await;
            }
            Step::Cancel(at) if at < self.calls.len() => self.calls[at].abort(),
            Step::Ask(at) if at < self.work.len() => {
                let (id, client) = (self.questions, self.work[at].1);
                self.questions += 1;
                let params = format!(r#"{{"to":"about-{client}"}}"#);
                let line =
                    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"sampling/x","params":{params}}}"#);
                self.peer.say(line).await;
            }
            Step::Log(at) if at < self.work.len() => {
                let data = format!("about-{}", self.work[at].1);
                let params = format!(r#"{{"level":"info","data":"{data}"}}"#);
                let line =
                    format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{params}}}"#);
                self.peer.say(line).await;
            }
            Step::Answer(at) if at < self.work.len() => {
                let (id, _) = self.work.swap_remove(at);
                self.peer.say(done(id)).await;
            }
            Step::Settle => settled().await,
            _ => {}
        }
    }

    /// Reads on until the call of this client has come; refusals and cancellations come too.
    async fn hear(&mut self, client: usize) {
        loop {
            let message = self.peer.hear_message().await;
            if message.is_method("tools/call") {
                return self.work.push((message.id().unwrap().as_str().to_owned(), client));
            }
        }
    }

    async fn end(self) -> usize {
        settled().await;
        for task in self.calls.into_iter().chain(self.readers) {
            if task.is_finished()
                && let Err(error) = task.await
            {
                assert!(error.is_cancelled(), "{error}");
            }
        }
        self.heard.len()
    }
}

fn run(steps: Vec<Step>) -> usize {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new().await;
        for step in steps {
            world.take(step).await;
        }
        world.end().await
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn nobody_hears_what_is_anothers(steps in prop::collection::vec(step(), 1..40)) {
        run(steps);
    }
}

#[test]
fn and_what_is_ones_own_is_heard() {
    let own = [Step::Call(1), Step::Ask(0), Step::Log(0), Step::Call(1), Step::Ask(1), Step::Settle];
    assert_eq!(run(own.to_vec()), 3);
}
