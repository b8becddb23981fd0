//! What is done with a layer while it records.

use std::sync::Arc;

use super::layer::RecordLayer;
use super::sessions::Sessions;
use super::stack::{Place, Stats};
use crate::message::RefusedFrame;
use crate::tape::{Recorder, Snapshot, TapeError};

impl RecordLayer {
    /// Records into this from now on, in all stacks. What was recorded into before is given back, with its tape open.
    /// Calls that have begun stay where they began. A layer that records [per session](Self::per_session) goes on as it
    /// is, and gives `recorder` back: see [`start_sessions`](Self::start_sessions).
    pub fn start(&self, recorder: Recorder) -> Option<Recorder> {
        self.settings.install(&recorder);
        self.switch(Some(recorder))
    }

    /// Records nothing more of what begins from now on. The recorder is given back. A layer that records
    /// [per session](Self::per_session) has none to give: sessions that have no tape yet get none, until
    /// [`start_sessions`](Self::start_sessions), and those that have one go on with it; each of
    /// [`recorders`](Self::recorders) can be paused.
    ///
    /// ```
    /// use shadowcat::layer::RecordLayer;
    ///
    /// assert!(RecordLayer::stopped().stop().is_none());
    /// ```
    pub fn stop(&self) -> Option<Recorder> {
        self.switch(None)
    }

    fn switch(&self, to: Option<Recorder>) -> Option<Recorder> {
        match &self.settings.place {
            Place::Shared(now) => now.switch(to),
            Place::PerStack(sessions) => {
                if to.is_none() {
                    sessions.stop(true);
                }
                to
            }
        }
    }

    /// After [`stop`](Self::stop), where there is a tape [per session](Self::per_session): sessions are recorded again,
    /// also those that go on without a tape, from their next message.
    pub fn start_sessions(&self) {
        if let Place::PerStack(sessions) = &self.settings.place {
            sessions.stop(false);
        }
    }

    /// The recorders that there are now: one, or that of each session, until its stack is gone. They are told apart by
    /// their [tapes](Recorder::tape). Who keeps one keeps its tape open.
    ///
    /// ```
    /// use shadowcat::layer::RecordLayer;
    /// # use shadowcat::tape::{RecorderOptions, Sink, lines};
    /// # let layer = RecordLayer::per_session(RecorderOptions::new(), |tape| {
    /// #     Ok(Box::new(lines::Writer::create("/dev/null", tape)?) as Box<dyn Sink>)
    /// # });
    ///
    /// let recorders = layer.recorders();
    /// let of_session = recorders.iter().find(|recorder| recorder.tape().session.as_deref() == Some("s-1"));
    /// if let Some(recorder) = of_session {
    ///     recorder.annotate("the user complains");
    ///     recorder.pause();
    /// }
    /// ```
    pub fn recorders(&self) -> Vec<Recorder> {
        match &self.settings.place {
            Place::Shared(now) => now.recorder().into_iter().collect(),
            Place::PerStack(sessions) => sessions.recorders(),
        }
    }

    /// Keeps state from outside on the tape that there is now, or on those of all sessions. What this layer takes for a
    /// secret is masked in it: then it can be looked at, and not be put back.
    ///
    /// ```
    /// use shadowcat::layer::RecordLayer;
    /// use shadowcat::tape::{self, Recorder, RecorderOptions, Snapshot, SnapshotKind, Tape, lines};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = std::env::temp_dir().join(format!("shadowcat-keep-{}.jsonl", std::process::id()));
    /// let tape = Tape::new()?;
    /// let recorder = Recorder::start(lines::Writer::create(&path, &tape)?, tape, RecorderOptions::new())?;
    /// let notes = Snapshot::new("notes.txt", SnapshotKind::File, "buy milk");
    /// RecordLayer::new(recorder.clone()).snapshot(&notes);
    /// recorder.finish().await?;
    ///
    /// let entry = tape::open(&path)?.next().expect("there is one")?;
    /// assert_eq!(Snapshot::read(&entry)?, Some(notes));
    /// # std::fs::remove_file(path)?;
    /// # Ok(()) }
    /// ```
    pub fn snapshot(&self, snapshot: &Snapshot) {
        let entry = self.settings.mask.snapshot(snapshot.entry());
        self.recorders().iter().for_each(|recorder| recorder.keep(entry.clone()));
    }

    /// Waits until everything that was recorded before is committed, or lost: on the tape that there is now, or on those
    /// of all sessions.
    ///
    /// # Errors
    ///
    /// As [`Recorder::flushed`]; the first of all.
    pub async fn flushed(&self) -> Result<(), TapeError> {
        let one = |recorder: Recorder| async move { recorder.flushed().await };
        self.all(one, |sessions| async move { sessions.flushed().await }).await
    }

    /// Ends the tape that there is now, or those of all sessions, and waits until they are written. For the end of a
    /// process, when the front end is done: a session that goes on is not recorded further, one that begins afterwards
    /// has a tape of its own again. A session that ended before is waited for, too.
    ///
    /// ```
    /// use shadowcat::layer::RecordLayer;
    /// use shadowcat::tape::{self, RecorderOptions, Sink, lines};
    /// use shadowcat::{JsonRpcMessage, Reply};
    /// use tower::{Layer, Service, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = std::env::temp_dir().join(format!("shadowcat-finish-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let path = folder.join("session.jsonl");
    /// # let at = path.clone();
    /// let layer = RecordLayer::per_session(RecorderOptions::new(), move |tape| {
    ///     Ok(Box::new(lines::Writer::create(&at, tape)?) as Box<dyn Sink>)
    /// });
    /// let mut stack = layer.layer(service_fn(|_| async { Ok::<_, shadowcat::Error>(Reply::empty()) }));
    /// let _ = stack.call(JsonRpcMessage::notification("notifications/initialized", "{}")?).await?;
    /// layer.finish().await?;
    /// assert_eq!(layer.stats().recorders.recorded, 1);
    /// assert_eq!(tape::open(&path)?.count(), 1);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Recorder::finish`]; the first of all.
    pub async fn finish(&self) -> Result<(), TapeError> {
        let one = |recorder: Recorder| async move { recorder.finish().await };
        self.all(one, |sessions| async move { sessions.finish().await }).await
    }

    /// Does it with the recorder that there is now, or with all sessions.
    async fn all<R, S>(
        &self,
        one: impl FnOnce(Recorder) -> R,
        each: impl FnOnce(Arc<Sessions>) -> S,
    ) -> Result<(), TapeError>
    where
        R: Future<Output = Result<(), TapeError>>,
        S: Future<Output = Result<(), TapeError>>,
    {
        match &self.settings.place {
            Place::Shared(now) => match now.recorder() {
                Some(recorder) => one(recorder).await,
                None => Ok(()),
            },
            Place::PerStack(sessions) => each(sessions.clone()).await,
        }
    }

    /// What it did so far, in all stacks.
    pub fn stats(&self) -> Stats {
        let recorders = match &self.settings.place {
            Place::Shared(now) => now.recorder().map(|recorder| recorder.stats()).unwrap_or_default(),
            Place::PerStack(sessions) => sessions.stats(),
        };
        Stats { recorders, ..self.settings.counts.read() }
    }

    /// What a front end is given, so that what it refuses is recorded as well: `serve::stdio(stack).on_refused(…)`, and
    /// the same on HTTP. It is masked as what is accepted; where it is no JSON, as text, and then only that and how much
    /// was refused is recorded if [paths](Self::mask_path) are masked. Of a layer that records
    /// [per session](Self::per_session), the tape of its session has it; what is of no session has only a tape if there
    /// is one stack without a session, as on stdio.
    pub fn on_refused(&self) -> impl Fn(&RefusedFrame<'_>) + Clone + Send + Sync + 'static {
        let settings = self.settings.clone();
        move |frame| {
            let recorder = match &settings.place {
                Place::Shared(now) => now.recorder(),
                Place::PerStack(sessions) => sessions.recorder_of(frame.session),
            };
            recorder.iter().for_each(|recorder| settings.refused(recorder, frame));
        }
    }
}
