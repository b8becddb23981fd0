//! What the real program said, read from its transcripts: the fixture invents no text or schema that is there.

use serde_json::{Value, from_str};

const MANAGING: &str = include_str!("../../wassette/transcripts/stdio-components.jsonl");
const WORKING: &str = include_str!("../../wassette/transcripts/stdio-real-components.jsonl");

/// What the answer to `initialize` tells the model.
pub(crate) fn instructions() -> String {
    let told = results(MANAGING).find_map(|result| result["instructions"].as_str().map(str::to_owned));
    told.expect("the transcript begins with `initialize`")
}

/// The tools that are there before any component is.
pub(crate) fn management_tools() -> Vec<Value> {
    let tools = results(MANAGING).find_map(|result| result["tools"].as_array().cloned());
    tools.expect("the transcript lists tools before it loads a component")
}

/// What `list-components` said of the component: `{"tools": […]}`.
pub(crate) fn schema(component: &str) -> Option<Value> {
    results(MANAGING).chain(results(WORKING)).find_map(|result| {
        let said: Value = from_str(result["content"][0]["text"].as_str()?).ok()?;
        let mut listed = said["components"].as_array()?.iter();
        listed.find(|one| one["id"] == component).map(|one| one["schema"].clone())
    })
}

/// The results of the server's answers, in order.
fn results(transcript: &str) -> impl Iterator<Item = Value> {
    transcript.lines().filter_map(|entry| {
        let entry: Value = from_str(entry).expect("a transcript has one JSON object a line");
        let said = entry["line"].as_str().filter(|_| entry["dir"] == "server_to_client")?;
        let mut message: Value = from_str(said).ok()?;
        message.get_mut("result").map(Value::take)
    })
}
