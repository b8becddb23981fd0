//! What rules say about a message.

/// The names and values that rules left on a message: among what its
/// [interceptors know](crate::layer::intercept::Interception::metadata), and among the message's
/// [extensions](crate::JsonRpcMessage::extensions).
///
/// ```
/// use shadowcat::layer::rules::Tags;
///
/// fn is_slow(message: &shadowcat::JsonRpcMessage) -> bool {
///     message.extensions().get::<Tags>().and_then(|tags| tags.get("speed")) == Some("slow")
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<(String, String)>);

impl Tags {
    /// The value of this name, the one that was said last.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Every name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }
}
