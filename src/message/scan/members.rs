//! The message object and its payload: the two levels whose members have a meaning.

use super::super::envelope::Span;
use super::super::parse_error::Fault;
use super::Scanner;
use super::envelope_key::Member;
use super::keys::{Key, key_word};
use super::value::expected_end;

/// Where the known members of a message stand.
#[derive(Default)]
pub(super) struct Found {
    spans: [Span; Member::COUNT],
    pub(super) params: Payload,
    pub(super) result: Payload,
    pub(super) error: Payload,
}

/// Where the members of a payload stand that the scanner reports or judges.
#[derive(Default)]
pub(super) struct Payload {
    pub(super) meta: Span,
    pub(super) code: Span,
    pub(super) message: Span,
}

impl Found {
    pub(super) fn span(&self, member: Member) -> Span {
        self.spans[member as usize]
    }

    /// One member of the message object, from the first byte of its value to behind its last one.
    pub(super) fn member(&mut self, scanner: &mut Scanner<'_>, key: Key, at: usize) -> Option<usize> {
        let Some(member) = scanner.envelope_key(&key)? else { return scanner.value(at) };
        let end = match member {
            Member::Params => self.params.read(scanner, at),
            Member::Result => self.result.read(scanner, at),
            Member::Error => self.error.read(scanner, at),
            _ => scanner.value(at),
        }?;
        let span = &mut self.spans[member as usize];
        if span.is_some() {
            // Transparent scans allow this further down, but not where it decides what the message is.
            return scanner.fail(Fault::DuplicateKey, key.quote());
        }
        *span = Span::new(at, end);
        Some(end)
    }
}

impl Payload {
    fn read(&mut self, scanner: &mut Scanner<'_>, at: usize) -> Option<usize> {
        if scanner.byte(at) != b'{' {
            return scanner.value(at);
        }
        scanner.object(at, |scanner, key, value| {
            let end = scanner.value(value)?;
            if let Some(span) = self.of(&key, scanner.bytes) {
                *span = Span::new(value, end);
            }
            Some(end)
        })
    }

    fn of(&mut self, key: &Key, bytes: &[u8]) -> Option<&mut Span> {
        const META: u64 = key_word(b"_meta");
        const CODE: u64 = key_word(b"code");
        const MESSAGE: u64 = key_word(b"message");
        match key.word {
            META => Some(&mut self.meta),
            CODE => Some(&mut self.code),
            MESSAGE => Some(&mut self.message),
            0 => self.named(&key.text(bytes)),
            _ => None,
        }
    }

    fn named(&mut self, key: &[u8]) -> Option<&mut Span> {
        match key {
            b"_meta" => Some(&mut self.meta),
            b"code" => Some(&mut self.code),
            b"message" => Some(&mut self.message),
            _ => None,
        }
    }
}

impl Scanner<'_> {
    /// From an object's opening brace to behind its closing one. `member` is given each key and the first
    /// byte of its value, and returns the place behind the value.
    #[inline(always)]
    pub(super) fn object(
        &mut self,
        open: usize,
        mut member: impl FnMut(&mut Self, Key, usize) -> Option<usize>,
    ) -> Option<usize> {
        self.enter(open, true)?;
        let (mut at, mut byte) = self.token(open + 1);
        if byte != b'}' {
            loop {
                let (key, (value, _)) = self.key(at, byte)?;
                let end = member(self, key, value)?;
                (at, byte) = self.token(end);
                if byte != b',' {
                    break;
                }
                (at, byte) = self.token(at + 1);
            }
        }
        if byte != b'}' {
            return self.fail(Fault::Syntax(expected_end(true)), at);
        }
        self.leave()?;
        Some(at + 1)
    }
}
