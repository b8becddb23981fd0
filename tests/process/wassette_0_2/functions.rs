//! What components do, by name: `echo`, `add`, `fail`, `spin`, `hog` and `filesystem`. A name may have an ending
//! after a `-` (`echo-b.wasm`), for two components with the same tools.

use std::sync::Mutex;
use std::thread;

use serde_json::{Map, Value, json};

use crate::components::Components;
use crate::{filesystem, recorded};

pub(crate) type Arguments = Map<String, Value>;

fn name(id: &str) -> &str {
    id.split_once('-').map_or(id, |(name, _)| name)
}

/// `{"tools": […]}` with each tool's name and schemas.
pub(crate) fn exports(id: &str) -> Option<Value> {
    recorded::schema(name(id))
}

/// The text of the tool's result. What the component itself gives as an error is a result, too.
pub(crate) fn call(
    components: &Components,
    id: &str,
    tool: &str,
    arguments: &Arguments,
) -> Result<String, String> {
    match name(id) {
        "echo" => text(arguments, "s").map(str::to_owned),
        "add" => Ok(number(arguments, "a")?.wrapping_add(number(arguments, "b")?).to_string()),
        "fail" => Ok(json!({"err": "it fails, as asked"}).to_string()),
        "hog" => hog(number(arguments, "mib")?),
        "spin" => spin(),
        _ => filesystem::call(&components.policy(id), tool, arguments),
    }
}

/// Takes a worker thread for ever, as it does there, but without the heat: no cancellation is heard, and with
/// one call for each processor nothing else is.
fn spin() -> ! {
    loop {
        thread::park();
    }
}

/// Resident memory that stays, so that a limit on the process can be seen to act. The real component's memory is
/// given back after the call; the result is the same.
fn hog(mib: i32) -> Result<String, String> {
    static HELD: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    let size = usize::try_from(mib).map_err(|error| error.to_string())? << 20;
    HELD.lock().expect("nothing panics while it is held").push(vec![1; size]);
    Ok((size + (64 << 10)).to_string())
}

pub(crate) fn text<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, String> {
    let value = argument(arguments, name)?;
    value.as_str().ok_or_else(|| format!("expected object shape for string, found: {value:?}"))
}

fn number(arguments: &Arguments, name: &str) -> Result<i32, String> {
    let value = argument(arguments, name)?;
    if !value.is_number() {
        return Err(format!("expected object shape for s32, found: {value:?}"));
    }
    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| format!("cannot interpret number as i64 or f64: {value:?}"))
}

fn argument<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a Value, String> {
    arguments
        .get(name)
        .ok_or_else(|| format!("expected object shape for object, found: missing field {name}"))
}
