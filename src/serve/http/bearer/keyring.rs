//! The keys that are in force.

use std::sync::{Arc, Mutex, PoisonError};

use super::Keys;

/// The issuer's keys that are in force; cheap to clone, all clones are one.
///
/// ```
/// use shadowcat::serve::http::bearer::{Keyring, Keys};
///
/// let keyring = Keyring::new(Keys::from_jwks(br#"{"keys":[]}"#)?);
/// let before = keyring.replace(Keys::from_jwks(br#"{"keys":[]}"#)?);
/// assert!(before.is_empty(), "no token was accepted");
/// # Ok::<(), shadowcat::serve::http::bearer::InvalidKeys>(())
/// ```
#[derive(Clone, Debug)]
pub struct Keyring(Arc<Mutex<Arc<Keys>>>);

impl Keyring {
    /// With these keys.
    pub fn new(keys: Keys) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(keys))))
    }

    /// The keys in force.
    pub fn current(&self) -> Arc<Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other keys in force, at once and whole, and returns those before. A token of a key that is gone is not
    /// accepted any more.
    pub fn replace(&self, keys: Keys) -> Arc<Keys> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), Arc::new(keys))
    }
}
