//! From JSON to what expressions know.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value;
use cel::objects::Key;
use serde_json::Value as Json;

/// More bytes are not looked at.
const MAX_BYTES: usize = 64 << 10;
/// Nor are more values.
const MAX_VALUES: usize = 1_024;

/// `None` if it is too much.
pub(super) fn read(json: &[u8]) -> Option<Value> {
    if json.len() > MAX_BYTES {
        return None;
    }
    let mut left = MAX_VALUES;
    value(serde_json::from_slice(json).ok()?, &mut left)
}

fn value(json: Json, left: &mut usize) -> Option<Value> {
    *left = left.checked_sub(1)?;
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(is) => Value::Bool(is),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Int(number),
            (_, Some(number)) => Value::UInt(number),
            _ => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::String(Arc::new(text)),
        Json::Array(items) => {
            let items = items.into_iter().map(|item| value(item, left));
            Value::List(Arc::new(items.collect::<Option<_>>()?))
        }
        Json::Object(members) => {
            let members = members.into_iter().map(|(key, item)| Some((Key::from(key), value(item, left)?)));
            members.collect::<Option<HashMap<Key, Value>>>()?.into()
        }
    })
}
