//! In the place of `seal.rs`, where the feature `encryption` is off: nothing is sealed, and nothing opened.

use std::io;
use std::path::Path;

use crate::key::Key;
use crate::tape::{TapeError, TapeId};

pub(super) const TAIL: usize = 32;

#[derive(Clone, Debug)]
pub(super) enum Seal {}

impl Seal {
    pub(super) fn open(_: &[u8], _: Option<&Key>, _: &TapeId, path: &Path) -> Result<Self, TapeError> {
        Err(TapeError::version(path, "an encrypted tape needs the feature `encryption` of shadowcat"))
    }

    pub(super) fn hides_names(&self) -> bool {
        match *self {}
    }

    pub(super) fn chain(&self) -> Key {
        match *self {}
    }

    pub(super) fn renew(&mut self) {
        match *self {}
    }

    pub(super) fn row(&mut self, _: i64, _: &[u8], _: &[u8]) -> io::Result<Vec<u8>> {
        match *self {}
    }

    pub(super) fn open_row(&mut self, _: i64, _: &[u8], _: Vec<u8>) -> Option<Vec<u8>> {
        match *self {}
    }

    pub(super) fn title(&self, _: &[u8], _: &[u8]) -> io::Result<Vec<u8>> {
        match *self {}
    }

    pub(super) fn open_title(&self, _: &[u8], _: Vec<u8>) -> Option<Vec<u8>> {
        match *self {}
    }
}
