//! What the server asked.

use std::collections::VecDeque;

use crate::message::{IdMap, OwnedId};

/// Open questions; more are refused.
const MOST: usize = 1024;
/// How many questions that are over are remembered: rmcp repeats them on each new stream.
const REMEMBERED: usize = 1024;

/// Whose reply a question went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A call's, by its number.
    Call(u64),
    /// The session's listen of this number.
    Listen(u64),
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    New,
    /// The server has asked it before.
    Again,
    TooMany,
}

/// The server's own requests, by their ids.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: IdMap<Asked>,
    over: VecDeque<OwnedId>,
    known: IdMap<()>,
}

impl Questions {
    /// Opens a question. One on the session's own stream may be a repetition of one that is over.
    pub(super) fn ask(&mut self, id: &OwnedId, asked: Asked) -> Asking {
        let on_listen = matches!(asked, Asked::Listen(_));
        if self.open.contains(id) || (on_listen && self.known.contains(id)) {
            return Asking::Again;
        }
        if self.open.len() >= MOST {
            return Asking::TooMany;
        }
        self.open.insert(id, asked);
        Asking::New
    }

    /// Closes a question; false where it is not open.
    pub(super) fn close(&mut self, id: &OwnedId) -> bool {
        let was_open = self.open.remove(id).is_some();
        if was_open && self.known.insert(id, ()).is_none() {
            self.over.push_back(id.clone());
        }
        if self.over.len() > REMEMBERED
            && let Some(oldest) = self.over.pop_front()
        {
            self.known.remove(&oldest);
        }
        was_open
    }

    /// Closes what went to a reply that nobody reads any more.
    pub(super) fn give_up(&mut self, asked: Asked) -> Vec<OwnedId> {
        if self.open.is_empty() {
            return Vec::new();
        }
        let all = self.open.ids().zip(self.open.values());
        let lost: Vec<_> = all.filter(|(_, to)| *to == asked).map(|(id, _)| id).collect();
        lost.iter().for_each(|id| _ = self.close(id));
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_asked_once_and_remembered() {
        let (mut questions, id) = (Questions::default(), OwnedId::from(0));
        assert_eq!(questions.ask(&id, Asked::Listen(0)), Asking::New);
        assert_eq!(questions.ask(&id, Asked::Listen(0)), Asking::Again);
        assert!(questions.close(&id) && !questions.close(&id));
        assert_eq!(questions.ask(&id, Asked::Listen(1)), Asking::Again);
        // A stream of a call repeats nothing; a stateless server numbers each anew.
        assert_eq!(questions.ask(&id, Asked::Call(7)), Asking::New);
        assert_eq!(questions.give_up(Asked::Call(8)), []);
        assert_eq!(questions.give_up(Asked::Call(7)), [id]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut questions = Questions::default();
        for id in 0..3000 {
            assert_eq!(questions.ask(&OwnedId::from(id), Asked::Listen(0)), Asking::New);
            assert!(questions.close(&OwnedId::from(id)));
        }
        assert_eq!(questions.over.len(), REMEMBERED);
        assert_eq!(questions.known.len(), REMEMBERED);
        assert_eq!(questions.ask(&OwnedId::from(0), Asked::Listen(0)), Asking::New);
    }
}
