//! What is held.

use std::fmt;
use std::sync::Arc;

use crate::layer::intercept::{Interception, Interest};
use crate::rules::Matcher;

type Condition = Arc<dyn Fn(&Interception) -> bool + Send + Sync>;

/// Which messages are held.
///
/// ```
/// use shadowcat::layer::hold::Breakpoint;
/// use shadowcat::layer::intercept::{Interest, Point};
///
/// let loads = Breakpoint::new("loads", Interest::requests().method("tools/call"))
///     .when(|seen| seen.point() == Point::PreComponentLoad);
/// assert_eq!(loads.name(), "loads");
/// ```
#[derive(Clone)]
#[must_use = "a breakpoint is set before it holds anything"]
pub struct Breakpoint {
    pub(super) name: Arc<str>,
    pub(super) interest: Interest,
    pub(super) condition: Option<Condition>,
}

impl Breakpoint {
    /// Every message of `interest`; a listen only where its method is named.
    pub fn new(name: &str, interest: Interest) -> Self {
        Self { name: name.into(), interest, condition: None }
    }

    /// Every message that a rule's matcher matches, and every one about which it cannot be told.
    ///
    /// ```
    /// use shadowcat::layer::hold::Breakpoint;
    /// use shadowcat::rules::{Matcher, Test, Text};
    ///
    /// let path: shadowcat::Pointer = "/params/arguments/path".parse()?;
    /// let outside = Matcher::new().tool(Text::exact("write")).when(path, Test::Text(Text::glob("/etc/*")));
    /// let writes = Breakpoint::on("writes", outside);
    /// # Ok::<(), shadowcat::message::InvalidPointer>(())
    /// ```
    pub fn on(name: &str, matcher: Matcher) -> Self {
        let (direction, kind) = matcher.phase();
        let interest = direction.into_iter().fold(Interest::everything(), Interest::direction);
        let interest = kind.into_iter().fold(interest, Interest::kind);
        let methods = matcher.methods().unwrap_or_default();
        let interest = methods.into_iter().fold(interest, Interest::method);
        Self::new(name, interest).when(move |seen| matcher.matches(&seen.facts()).unwrap_or(true))
    }

    /// Only those that this is true of. It is asked in the way of traffic, and must not wait.
    pub fn when(mut self, condition: impl Fn(&Interception) -> bool + Send + Sync + 'static) -> Self {
        self.condition = Some(Arc::new(condition));
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Breakpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breakpoint")
            .field("name", &self.name)
            .field("interest", &self.interest)
            .field("conditional", &self.condition.is_some())
            .finish()
    }
}
