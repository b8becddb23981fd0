//! What a line asks for.

use shadowcat::{BoxError, Pointer};

#[derive(Debug)]
pub(super) enum Command {
    Nothing,
    Help,
    List,
    Breaks,
    Break(String),
    Clear(String),
    All,
    Wait,
    Quit,
    Show(u64),
    Decide(u64, Decision),
}

/// What becomes of a message.
#[derive(Debug)]
pub(super) enum Decision {
    Resume,
    Reject(String),
    /// With this result, or one that is written in the editor.
    Answer(Option<String>),
    Set(Pointer, String),
    /// In the editor.
    Edit,
}

impl Command {
    /// # Errors
    ///
    /// It is no command, or lacks something; the error says what.
    pub(super) fn parse(line: &str) -> Result<Self, BoxError> {
        let (word, rest) = split(line);
        let alone = |command| match rest {
            "" => Ok(command),
            _ => Err(format!("nothing may follow `{word}`").into()),
        };
        match word {
            "" => Ok(Self::Nothing),
            "help" | "?" => alone(Self::Help),
            "list" | "l" => alone(Self::List),
            "breaks" => alone(Self::Breaks),
            "break" => Ok(Self::Break(named(word, rest)?)),
            "clear" => Ok(Self::Clear(named(word, rest)?)),
            "all" => alone(Self::All),
            "wait" => alone(Self::Wait),
            "quit" | "q" => alone(Self::Quit),
            "show" => numbered(word, rest).and_then(|(number, rest)| nothing(word, rest, Self::Show(number))),
            "resume" => numbered(word, rest)
                .and_then(|(number, rest)| nothing(word, rest, Self::Decide(number, Decision::Resume))),
            "reject" => {
                let (number, why) = numbered(word, rest)?;
                let why = if why.is_empty() { "A person rejected the message" } else { why };
                Ok(Self::Decide(number, Decision::Reject(why.to_owned())))
            }
            "answer" => {
                let (number, json) = numbered(word, rest)?;
                Ok(Self::Decide(number, Decision::Answer((!json.is_empty()).then(|| json.to_owned()))))
            }
            "edit" => edit(rest),
            _ => Err(format!("no command {word:?}; `help` shows them").into()),
        }
    }
}

fn edit(rest: &str) -> Result<Command, BoxError> {
    let (number, rest) = numbered("edit", rest)?;
    let (place, json) = split(rest);
    if place.is_empty() {
        return Ok(Command::Decide(number, Decision::Edit));
    }
    if json.is_empty() {
        return Err("a place and JSON must follow `edit N`, or nothing: edit 0 /params/arguments/x 1".into());
    }
    let place = place.parse().map_err(|why| format!("{place:?} is no JSON Pointer: {why}"))?;
    Ok(Command::Decide(number, Decision::Set(place, json.to_owned())))
}

fn nothing(word: &str, rest: &str, command: Command) -> Result<Command, BoxError> {
    if rest.is_empty() { Ok(command) } else { Err(format!("only a number may follow `{word}`").into()) }
}

fn numbered<'a>(word: &str, rest: &'a str) -> Result<(u64, &'a str), BoxError> {
    let (number, rest) = split(rest);
    let number = number.parse().map_err(|_| {
        format!("`{word}` takes the number of what is held, not {number:?}; `list` shows the numbers")
    })?;
    Ok((number, rest))
}

fn named(word: &str, rest: &str) -> Result<String, BoxError> {
    if rest.is_empty() {
        return Err(format!("a tool or a method must follow `{word}`").into());
    }
    Ok(rest.to_owned())
}

fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    line.split_once(char::is_whitespace).map_or((line, ""), |(word, rest)| (word, rest.trim()))
}
