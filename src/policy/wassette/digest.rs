use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

#[cfg(feature = "tape")]
use crate::wassette::{ComponentUri, UriParts};

/// A SHA-256, written as OCI writes it: `sha256:` and 64 digits.
///
/// ```
/// use shadowcat::policy::wassette::Digest;
///
/// let digest = Digest::of(&b"abc"[..], 3)?.unwrap();
/// assert_eq!(digest.to_string(), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
/// assert_eq!(digest.to_string().parse(), Ok(digest));
/// assert_eq!(Digest::of(&b"abc"[..], 2)?, None); // more than may be read
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// What is no digest by SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is written as `sha256:` and 64 digits from 0 to 9 and a to f")]
#[non_exhaustive]
pub struct BadDigest;

impl Digest {
    /// Of all that can be read, if that is at most `most` bytes. It blocks, as reading does.
    ///
    /// # Errors
    ///
    /// Reading fails.
    pub fn of(from: impl Read, most: u64) -> io::Result<Option<Self>> {
        let (mut hash, mut from) = (Sha256::new(), from.take(most.saturating_add(1)));
        let (mut piece, mut read) = ([0; 16 << 10], 0);
        loop {
            match from.read(&mut piece) {
                Ok(0) => break,
                Ok(more) => {
                    hash.update(&piece[..more]);
                    read += more as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((read <= most).then(|| Self(hash.finalize().into())))
    }

    /// Of a component's file on this machine: a regular one, up to a GiB. It blocks.
    #[cfg(feature = "tape")]
    pub(crate) fn of_file(uri: &str) -> io::Result<Self> {
        const MOST: u64 = 1 << 30;
        let uri: ComponentUri = uri.parse().map_err(|why| io::Error::other(format!("{uri:?}: {why}")))?;
        let UriParts::File { path } = uri.parts() else {
            return Err(io::Error::other(format!("{uri} is no file")));
        };
        let explained = |why| io::Error::other(format!("{uri}: {why}"));
        let digest =
            crate::file::read(path.as_ref()).and_then(|file| Self::of(file, MOST)).map_err(explained)?;
        digest.ok_or_else(|| io::Error::other(format!("{uri} has more than {MOST} bytes")))
    }
}

impl FromStr for Digest {
    type Err = BadDigest;

    fn from_str(text: &str) -> Result<Self, BadDigest> {
        let digits = text.strip_prefix("sha256:").ok_or(BadDigest)?.as_bytes();
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(BadDigest),
        };
        if digits.len() != 64 {
            return Err(BadDigest);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
