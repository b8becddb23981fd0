//! Keys of a tape, from files.

use std::fs::File;
use std::io::Read;

use shadowcat::BoxError;
use shadowcat::tape::{Key, OpenOptions, lines, sqlite};

/// `[--key FILE] [--chain-key FILE]`
#[derive(Default)]
pub(crate) struct Keys {
    key: Option<String>,
    chain: Option<String>,
}

impl Keys {
    pub(super) fn take(
        &mut self,
        arg: &str,
        args: &mut impl Iterator<Item = String>,
    ) -> Result<bool, String> {
        let file = match arg {
            "--key" => &mut self.key,
            "--chain-key" => &mut self.chain,
            _ => return Ok(false),
        };
        *file = Some(args.next().ok_or_else(|| format!("{arg}: which FILE?"))?);
        Ok(true)
    }

    pub(crate) fn is_none(&self) -> bool {
        self.key.is_none() && self.chain.is_none()
    }

    /// To write lines with.
    pub(crate) fn lines(&self) -> Result<lines::Options, BoxError> {
        let (key, chain) = self.read()?;
        let options = key.into_iter().fold(lines::Options::new(), lines::Options::encrypt);
        Ok(chain.into_iter().fold(options, lines::Options::chain))
    }

    /// To write into SQLite with.
    pub(crate) fn sqlite(&self) -> Result<sqlite::Options, BoxError> {
        let (key, chain) = self.read()?;
        let options = key.into_iter().fold(sqlite::Options::new(), sqlite::Options::encrypt);
        Ok(chain.into_iter().fold(options, sqlite::Options::chain))
    }

    /// To read with, whatever the format.
    pub(crate) fn open(&self, options: OpenOptions) -> Result<OpenOptions, BoxError> {
        let (key, chain) = self.read()?;
        let options = key.into_iter().fold(options, OpenOptions::key);
        Ok(chain.into_iter().fold(options, OpenOptions::chain))
    }

    fn read(&self) -> Result<(Option<Key>, Option<Key>), BoxError> {
        let read = |file: &String| key(file).map_err(|why| format!("{file}: {why}"));
        Ok((self.key.as_ref().map(read).transpose()?, self.chain.as_ref().map(read).transpose()?))
    }
}

/// 32 bytes, or 64 hexadecimal digits and the end of a line.
fn key(file: &str) -> Result<Key, BoxError> {
    let mut file = File::open(file)?;
    check_mode(&file)?;
    let mut bytes = Vec::new();
    file.by_ref().take(128).read_to_end(&mut bytes)?;
    if let Ok(bytes) = <[u8; 32]>::try_from(&*bytes) {
        return Ok(Key::new(bytes));
    }
    let digits = bytes.trim_ascii();
    let digit = |at: usize| char::from(digits[at]).to_digit(16);
    let byte = |at: usize| u8::try_from(digit(2 * at)? << 4 | digit(2 * at + 1)?).ok();
    let bytes = (digits.len() == 64).then(|| (0..32).map(byte).collect::<Option<Vec<_>>>()).flatten();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    Ok(Key::new(bytes.ok_or("neither 32 bytes nor 64 hexadecimal digits")?))
}

/// A key that others can read keeps nothing from them.
#[cfg(unix)]
fn check_mode(file: &File) -> Result<(), BoxError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("others may open this key (mode {mode:o}): chmod 600").into())
}

#[cfg(not(unix))]
fn check_mode(_: &File) -> Result<(), BoxError> {
    Ok(())
}
