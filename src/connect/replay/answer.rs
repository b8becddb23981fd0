//! What the client answers to the server's questions.

use tokio::time::Instant;

use super::mismatch::{Mismatch, MismatchKind};
use super::options::Matching;
use super::script::Question;
use super::state::{Asked, Shared, State};
use crate::message::JsonRpcMessage;

impl Shared {
    /// Whatever the client says, the question is answered; a strict replay does not go on with another answer.
    pub(super) fn answered(&self, message: &JsonRpcMessage) {
        self.change(|state| {
            let Some(asked) = message.owned_id().and_then(|id| state.asked.remove(&id)) else {
                state.stats.unmatched_answers += 1;
                return;
            };
            if let Some(question) = self.script.questions.get(&asked.question) {
                self.take(state, &asked, question, message);
            }
        });
    }

    fn take(&self, state: &mut State, asked: &Asked, question: &Question, message: &JsonRpcMessage) {
        match asked.play {
            Some(play) => {
                if let Some(playing) = state.plays.get_mut(&play) {
                    playing.answered.insert(asked.question, Instant::now());
                }
            }
            None => self.hear(state, [asked.question]),
        }
        let Some(recorded) = &question.answer else { return };
        match asked.play {
            Some(play) => state.reach_in(play, recorded.frame, recorded.at),
            None => state.reach(recorded.frame, recorded.at),
        }
        let differences = self.index.answer(&recorded.message, message);
        if differences.is_empty() {
            return;
        }
        state.stats.differing_answers += 1;
        let mismatch =
            Mismatch::new(MismatchKind::Answer, question.what.clone()).nearest(recorded.frame, differences);
        if self.options.matching != Matching::Lenient
            && let Some(playing) = asked.play.and_then(|play| state.plays.get_mut(&play))
        {
            playing.refused = Some(mismatch.clone());
        }
        state.mismatch(mismatch);
    }
}
