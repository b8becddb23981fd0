//! Reading sealed blocks.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::path::Path;

use ring::aead::{Aad, LessSafeKey};

use super::input::{damaged, read_from, torn};
use super::sealed::{BLOCK_HEAD, HEAD, Head, Place, SALT, STRETCH, Secret, TAG, TEXT, VERSION, block_head};
use crate::key::Key;
use crate::tape::{MAX_FRAME_BYTES, TapeError};

/// A frame, and what waited before it.
const MAX_BLOCK: usize = MAX_FRAME_BYTES + (1 << 20);

/// Text out of sealed blocks.
pub(in crate::tape) struct Unseal<R> {
    input: R,
    secret: Secret,
    key: Option<LessSafeKey>,
    place: Place,
    is_zstd: bool,
    /// The block that is read, or was.
    block: Vec<u8>,
    used: usize,
    filled: usize,
    /// Where whole blocks end.
    whole: u64,
}

/// How a sealed file ends, to go on with it.
#[derive(Clone)]
pub(in crate::tape) struct End {
    pub(super) secret: Secret,
    pub(super) place: Place,
}

impl<R: BufRead> Unseal<R> {
    /// Reads the head.
    pub(super) fn open(mut input: R, path: &Path, key: Option<&Key>) -> Result<Self, TapeError> {
        let mut head = Head([0; HEAD]);
        input.read_exact(&mut head.0).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => TapeError::torn(path.display(), "in the head of a sealed tape"),
            _ => TapeError::io(path.display(), error),
        })?;
        if head.version() != VERSION {
            let why = format!("a sealed tape of version {}; use a later shadowcat", head.version());
            return Err(TapeError::version(path, why));
        }
        let key = key.ok_or_else(|| TapeError::key(path, "it is encrypted; open it with its key"))?;
        let secret = head.secret(key);
        if !head.fits(&secret) {
            let why = "this is not the key that it was made with, or its first 96 bytes were changed; try its own key";
            return Err(TapeError::key(path, why));
        }
        Ok(Self {
            input,
            secret,
            key: None,
            place: Place::default(),
            is_zstd: head.is_zstd(),
            block: Vec::new(),
            used: 0,
            filled: 0,
            whole: HEAD as u64,
        })
    }

    pub(super) fn is_zstd(&self) -> bool {
        self.is_zstd
    }

    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Behind the last whole block.
    pub(super) fn end(&self) -> End {
        End { secret: self.secret.clone(), place: self.place }
    }

    /// Opens the next block of text; at the end there is none.
    fn open_block(&mut self) -> io::Result<()> {
        if self.filled > 0 {
            self.block.clear();
            self.block.shrink_to(1 << 20);
            (self.used, self.filled) = (0, 0);
        }
        while self.read_block()? {
            let (place, length) = (self.place.after(&self.block), self.block.len() as u64);
            match self.block[0] {
                TEXT => {
                    (self.used, self.filled) = (BLOCK_HEAD, BLOCK_HEAD + self.text()?);
                    (self.place, self.whole) = (place, self.whole + length);
                    return Ok(());
                }
                _ => self.key = Some(self.stretch()?),
            }
            (self.place, self.whole) = (place, self.whole + length);
            self.block.clear();
        }
        Ok(())
    }

    /// Reads on until the block is whole. What is there of it is kept.
    fn read_block(&mut self) -> io::Result<bool> {
        loop {
            let wanted = self.wanted()?;
            if self.block.len() == wanted {
                return Ok(true);
            }
            let more = self.input.fill_buf()?;
            if more.is_empty() {
                return if self.block.is_empty() { Ok(false) } else { Err(torn("in a sealed block")) };
            }
            let taken = more.len().min(wanted - self.block.len());
            self.block.extend_from_slice(&more[..taken]);
            self.input.consume(taken);
        }
    }

    /// Bytes of this block, as far as it is known.
    fn wanted(&self) -> io::Result<usize> {
        let Some((head, _)) = self.block.split_first_chunk::<BLOCK_HEAD>() else { return Ok(BLOCK_HEAD) };
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let fits = match head[0] {
            TEXT => (TAG..=MAX_BLOCK).contains(&length),
            STRETCH => length == SALT + TAG,
            _ => false,
        };
        if fits { Ok(BLOCK_HEAD + length) } else { Err(self.wrong()) }
    }

    /// Opens the text where it stands; its length.
    fn text(&mut self) -> io::Result<usize> {
        let wrong = self.wrong();
        let Some(key) = &self.key else { return Err(wrong) };
        let head = block_head(TEXT, self.block.len() - BLOCK_HEAD);
        let opened = key.open_in_place(self.place.nonce(), Aad::from(head), &mut self.block[BLOCK_HEAD..]);
        opened.map(|text| text.len()).map_err(|_| wrong)
    }

    fn stretch(&mut self) -> io::Result<LessSafeKey> {
        let wrong = self.wrong();
        let (bound, tag) = self.block.split_at_mut(BLOCK_HEAD + SALT);
        let mut salt = [0; SALT];
        salt.copy_from_slice(&bound[BLOCK_HEAD..]);
        let key = self.secret.stretch(&salt, &self.place);
        let opened = key.open_in_place(self.place.nonce(), Aad::from(&*bound), tag).is_ok();
        if opened { Ok(key) } else { Err(wrong) }
    }

    fn wrong(&self) -> io::Error {
        damaged(format_args!(
            "the block at byte {} was changed, moved, or is of another file; trust only what stands before it",
            self.whole
        ))
    }
}

impl<R: BufRead> BufRead for Unseal<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.used == self.filled {
            self.open_block()?;
            if self.filled == 0 {
                return Ok(&[]);
            }
        }
        Ok(&self.block[self.used..self.filled])
    }

    fn consume(&mut self, bytes: usize) {
        self.used += bytes;
    }
}

impl<R: BufRead> Read for Unseal<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_from(self, out)
    }
}

impl<R> fmt::Debug for Unseal<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unseal").field("place", &self.place).finish_non_exhaustive()
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End").field("place", &self.place).finish_non_exhaustive()
    }
}
