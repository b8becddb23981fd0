//! What stands in a row, as the bytes that a seal or a MAC is over.

use rusqlite::types::ValueRef;

/// Values one after the other, each with its type and its length, so that no two rows are the same bytes.
#[derive(Default)]
pub(super) struct Bound(Vec<u8>);

impl Bound {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn value(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.0.push(0),
            ValueRef::Integer(number) => self.put(1, &number.to_be_bytes()),
            ValueRef::Real(number) => self.put(2, &number.to_bits().to_be_bytes()),
            ValueRef::Text(text) => self.put(3, text),
            ValueRef::Blob(bytes) => self.put(4, bytes),
        }
    }

    pub(super) fn number(&mut self, number: Option<i64>) {
        self.value(number.map_or(ValueRef::Null, ValueRef::Integer));
    }

    pub(super) fn text(&mut self, text: Option<&str>) {
        self.value(text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())));
    }

    pub(super) fn blob(&mut self, bytes: Option<&[u8]>) {
        self.value(bytes.map_or(ValueRef::Null, ValueRef::Blob));
    }

    fn put(&mut self, kind: u8, bytes: &[u8]) {
        self.0.push(kind);
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_are_the_same_bytes() {
        let rows: [&[ValueRef<'_>]; 8] = [
            &[],
            &[ValueRef::Null],
            &[ValueRef::Null, ValueRef::Null],
            &[ValueRef::Text(b"ab"), ValueRef::Text(b"")],
            &[ValueRef::Text(b"a"), ValueRef::Text(b"b")],
            &[ValueRef::Blob(b"a"), ValueRef::Text(b"b")],
            &[ValueRef::Integer(0), ValueRef::Null],
            &[ValueRef::Real(0.0), ValueRef::Null],
        ];
        let bytes = rows.map(|row| {
            let mut bound = Bound::default();
            row.iter().for_each(|value| bound.value(*value));
            bound.0
        });
        for (at, one) in bytes.iter().enumerate() {
            assert!(!bytes[at + 1..].contains(one), "{:?}", rows[at]);
        }
    }
}
