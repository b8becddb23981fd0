//! Which answer it is.

use super::{Answer, Mock, Then};

impl Mock {
    /// The answer to a message that came behind so many others; `None` where the server itself answers.
    ///
    /// ```
    /// use shadowcat::rules::{Answer, Mock, Then};
    ///
    /// let mut mock = Mock::from(Answer::ToolError("not yet".into()));
    /// mock.then = Then::Pass;
    /// assert!(mock.answer(0).is_some() && mock.answer(1).is_none());
    /// ```
    pub fn answer(&self, before: u64) -> Option<&Answer> {
        let count = self.answers.len();
        let nth = usize::try_from(before).unwrap_or(usize::MAX);
        self.answers.get(nth).or_else(|| match self.then {
            Then::Repeat => self.answers.last(),
            Then::Cycle => nth.checked_rem(count).and_then(|at| self.answers.get(at)),
            Then::Pass => None,
        })
    }
}

impl From<Answer> for Mock {
    /// The same each time.
    fn from(answer: Answer) -> Self {
        Self { answers: vec![answer], then: Then::Repeat }
    }
}
