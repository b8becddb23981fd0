//! Where a person decides about what is held: commands from stdin, line by line, and what is said to the terminal.

mod command;
mod editor;
mod lines;
mod print;

use std::io::{self, Write};

use shadowcat::layer::hold::{Breakpoint, Held, Holds};
use shadowcat::layer::intercept::{Block, Interest};
use shadowcat::protocol::{method, peek};
use shadowcat::{BoxError, Code, Direction, JsonRpcMessage, Kind, Reply};

use command::{Command, Decision};
use lines::Lines;
pub(crate) use print::visible;

const HELP: &str = "\
list                 what is held
show N               the message N
edit N               change it in $VISUAL, $EDITOR or vi, and let it go on
edit N PLACE JSON    put JSON at PLACE, a JSON Pointer (/params/arguments/x), and let it go on
resume N             let it go on as it is
answer N [JSON]      answer it with this result, or one that you write in the editor
reject N [WHY]       refuse it
all                  let everything go on
break WHAT           hold a tool, a method, or the response to one of them (reply:WHAT)
clear WHAT           hold it no more
breaks               what is held when it comes
wait                 wait until something is held (for scripts)
quit                 reject what is held, and end";

pub(crate) struct Desk {
    holds: Holds,
}

impl Desk {
    pub(crate) fn new(holds: Holds) -> Self {
        Self { holds }
    }

    /// Sets a breakpoint.
    pub(crate) fn set(&self, what: &str) -> Result<(), BoxError> {
        Ok(self.holds.set(breakpoint(what)?)?)
    }

    /// Takes commands until `quit` or the end of stdin. Then nobody is left to decide: what is held is rejected.
    pub(crate) async fn attend(&self) -> io::Result<()> {
        let mut lines = Lines::of_stdin();
        say("Waiting for what the breakpoints meet. `help` says what you can do.")?;
        let ended = loop {
            tokio::select! {
                held = self.holds.next() => say(&format!("held {}", title(&held)))?,
                line = lines.next() => match line {
                    None => break "end of input",
                    Some(line) => match self.obey(&line?).await {
                        Ok(true) => {}
                        Ok(false) => break "quit",
                        Err(error) => say(&format!("error: {error}"))?,
                    },
                },
            }
        };
        self.holds.breakpoints().iter().for_each(|name| _ = self.holds.clear(name));
        let left = Block::error(Code::INTERNAL_ERROR, "Nobody is left to decide about the message");
        say(&format!("{ended}: {} rejected", self.holds.reject_all(&left)))
    }

    /// Does what a line says; false at `quit`.
    async fn obey(&self, line: &str) -> Result<bool, BoxError> {
        match Command::parse(line)? {
            Command::Nothing => {}
            Command::Help => say(HELP)?,
            Command::List => self.list()?,
            Command::Breaks => say(&self.holds.breakpoints().join("\n"))?,
            Command::Break(what) => self.set(&what)?,
            Command::Clear(what) if self.holds.clear(&what) => {}
            Command::Clear(what) => return Err(format!("no breakpoint {what:?}; `breaks` shows them").into()),
            Command::All => say(&format!("{} resumed", self.holds.resume_all()))?,
            Command::Wait => say(&format!("held {}", title(&self.waited().await)))?,
            Command::Quit => return Ok(false),
            Command::Show(number) => show(&self.held(number)?)?,
            Command::Decide(number, decision) => {
                let done = self.decide(&self.held(number)?, decision).await?;
                say(&format!("{number} {done}"))?;
            }
        }
        Ok(true)
    }

    /// What has become of it.
    async fn decide(&self, held: &Held, decision: Decision) -> Result<&'static str, BoxError> {
        match decision {
            Decision::Resume => held.resume()?,
            Decision::Reject(why) => {
                held.reject(Block::error(Code::INVALID_REQUEST, why))?;
                return Ok("rejected");
            }
            Decision::Answer(json) => {
                let id = held.message().owned_id().ok_or("a notification has no answer")?;
                let written = match json {
                    Some(json) => Some(json.into_bytes()),
                    None => editor::changed(TEMPLATE, held.number()).await?,
                };
                let Some(result) = written else { return Ok("is held still: nothing was written") };
                held.answer(Reply::one(JsonRpcMessage::response(id, result)?))?;
                return Ok("answered");
            }
            Decision::Set(place, json) => {
                held.edit(held.message().clone().edit().set(&place, json).finish()?)?;
            }
            Decision::Edit => match editor::changed(held.message().bytes(), held.number()).await? {
                Some(changed) => held.edit(JsonRpcMessage::parse(changed)?)?,
                None => return Ok("is held still: nothing was changed"),
            },
        }
        Ok("goes on")
    }

    fn held(&self, number: u64) -> Result<Held, BoxError> {
        let held = self.holds.get(number);
        Ok(held.ok_or_else(|| {
            format!("nothing is held under {number}: it was decided about, expired, or nobody waits for it; `list` shows what is")
        })?)
    }

    fn list(&self) -> io::Result<()> {
        let held = self.holds.held();
        held.iter().try_for_each(|held| say(&title(held)))?;
        if held.is_empty() { say("nothing is held") } else { Ok(()) }
    }

    /// The first that is held, now or later.
    async fn waited(&self) -> Held {
        match self.holds.held().into_iter().next() {
            Some(held) => held,
            None => self.holds.next().await,
        }
    }
}

/// Where the answer to a `tools/call` begins.
const TEMPLATE: &[u8] = br#"{"content":[{"type":"text","text":""}]}"#;

/// `tools/call`, `echo`, `reply:tools/call`, `reply:echo`.
fn breakpoint(what: &str) -> Result<Breakpoint, BoxError> {
    let (name, reply) = match what.strip_prefix("reply:") {
        Some(name) => (name, true),
        None => (what, false),
    };
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!("{what:?} is no tool and no method").into());
    }
    let is_method = name.contains('/') || ["initialize", "ping"].contains(&name);
    let kind = match (reply, name.starts_with("notifications/")) {
        (true, _) => Kind::Response,
        (false, true) => Kind::Notification,
        (false, false) => Kind::Request,
    };
    let interest = Interest::everything().kind(kind);
    if is_method {
        return Ok(Breakpoint::new(what, interest.method(name)));
    }
    let name = name.to_owned();
    let calls = Breakpoint::new(what, interest.method(method::TOOLS_CALL));
    // What names its tool in a way that can be read in two is held as well.
    Ok(calls.when(move |seen| seen.tool().map_or(true, |tool| tool.is_some_and(|tool| tool == name))))
}

/// One line about what is held.
fn title(held: &Held) -> String {
    let (message, way) = (held.message(), if held.direction() == Direction::ToUpstream { "→" } else { "←" });
    let request = held.request().unwrap_or(message);
    let method = message.method().or_else(|| request.method()).unwrap_or("?");
    let tool = peek::tool_name(request).ok().flatten().filter(|_| method == method::TOOLS_CALL);
    let kind = if message.kind() == Kind::Response { "response to " } else { "" };
    let session = held.session_id().unwrap_or("none");
    format!(
        "{} {way} {kind}{method} {} ({} s left, {} bytes, session {session})",
        held.number(),
        tool.unwrap_or_default(),
        held.time_left().as_secs(),
        message.bytes().len(),
    )
}

fn show(held: &Held) -> io::Result<()> {
    say(&title(held))?;
    if let Some(principal) = held.principal() {
        say(&format!("of {}", principal.as_str()))?;
    }
    say(&format!("digest {}", held.digest()))?;
    say(&String::from_utf8_lossy(&print::pretty(held.message().bytes())))
}

/// The only way to the terminal: nothing that a peer wrote reaches it raw.
fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in text.split('\n') {
        writeln!(out, "{}", visible(line))?;
    }
    out.flush()
}
