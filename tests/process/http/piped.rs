//! Class `framing`: bodies, toward a server on HTTP and toward one on a pipe.

use std::time::Duration;

use serde_json::Value;
use shadowcat::connect::{self, Command};

use super::server::Server;
use super::{Front, builder, bytes, exchange, guarded, scan, show};
use crate::process::{self, Folder};

fn post(body: &[u8]) -> Vec<u8> {
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\n";
    [format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// A body that goes on as it is.
pub(crate) async fn body(case: &Value) -> Result<(), String> {
    let server = Server::start(Vec::new(), super::requests::answers).await;
    let front = Front::before(server.address).await;
    let body = bytes(&case["bytes_base64"]);
    let told = exchange(front.address, &post(&body), false).await;
    let heard = server.heard();
    let is_it = heard.len() == 1 && heard[0].body == body;
    if is_it { Ok(()) } else { Err(format!("{told:?}; the server heard {heard:?}")) }
}

/// A body that becomes one line.
pub(crate) async fn body_to_pipe(case: &Value) -> Result<(), String> {
    let folder = Folder::new();
    for file in ["first", "play"] {
        folder.write(file, b"");
    }
    folder.write("await", "0");
    let command = Command::new(process::peer()).args(["script", folder.name()]);
    let child =
        command.options(connect::Options::new().scan(scan())).spawn().map_err(|error| error.to_string())?;
    let front = Front::serve(builder().stateless(guarded(child.clone())), None).await;
    // The peer answers nothing but the probe, and ends then.
    let sent = post(&bytes(&case["bytes_base64"]));
    let probe = post(crate::PROBE.trim_ascii_end());
    let _ = tokio::join!(exchange(front.address, &sent, false), async {
        while !folder.has("received") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        exchange(front.address, &probe, false).await
    });
    child.shutdown().await;
    let received = folder.read("received");
    let due = [bytes(&case["forward_base64"]), b"\n".to_vec()].concat();
    if received.starts_with(&due) { Ok(()) } else { Err(format!("the server received {}", show(&received))) }
}
