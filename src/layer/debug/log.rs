//! The log of messages: a thread that writes what traffic leaves it.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::thread;

use super::Payload;
use super::colour::{Colour, Paint};
use super::record::{self, Record};
use crate::layer::tap::{Receiver, Sender, Taken, queue};

/// Bytes of messages that wait to be written.
const MAX_QUEUED: usize = 8 << 20;
/// Less has no room for what surrounds a payload.
const MIN_RECORD: usize = 1024;

/// How a record is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A line for people.
    #[default]
    Human,
    /// JSON Lines: an object for each record.
    Json,
}

/// Where messages are written to, and how much of them: give it to [`Options::log`](super::Options::log).
///
/// A thread of its own writes; the messages wait for it in a queue. What finds no room there is lost, and the log says
/// how much at the place where it is missing. A writer that fails ends the log.
///
/// ```
/// use shadowcat::layer::debug::{Format, Log, Payload};
///
/// let log = Log::stderr().payload(Payload::Hidden).format(Format::Json).max_record(4096);
/// ```
#[must_use = "a log writes nothing before a debugger has it"]
pub struct Log {
    writer: Box<dyn Write + Send>,
    is_terminal: bool,
    format: Format,
    payload: Payload,
    colour: Colour,
    max_record: usize,
    max_queued: usize,
}

impl Log {
    /// To any writer, without colours unless they are [asked for](Self::colour).
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self {
            writer: Box::new(writer),
            is_terminal: false,
            format: Format::default(),
            payload: Payload::default(),
            colour: Colour::default(),
            max_record: 2048,
            max_queued: 1024,
        }
    }

    /// To what may be a terminal, in colours if it is one.
    pub fn terminal(writer: impl Write + IsTerminal + Send + 'static) -> Self {
        let is_terminal = writer.is_terminal();
        Self { is_terminal, ..Self::new(writer) }
    }

    /// To standard error: standard output may be the protocol.
    pub fn stderr() -> Self {
        Self::terminal(io::stderr())
    }

    /// For people, or for programs.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// How much of payloads is shown: their shape, unless it is said otherwise. In full and without the feature
    /// `secret`, the log holds every secret that passes.
    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Whether lines for people are coloured.
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = colour;
        self
    }

    /// Bytes of one record, 2 KiB unless it is said otherwise and never less than 1 KiB. Of a payload that has no
    /// room, the record says how much is left out. Colours are not counted.
    pub fn max_record(mut self, bytes: usize) -> Self {
        self.max_record = bytes.max(MIN_RECORD);
        self
    }

    /// Records that wait to be written: 1,024 unless it is said otherwise. Their messages have 8 MiB together, whatever
    /// their number.
    pub fn max_queued(mut self, records: usize) -> Self {
        self.max_queued = records;
        self
    }

    pub(super) fn start(self) -> io::Result<Sender<Record>> {
        let (sender, receiver) = queue(self.max_queued, MAX_QUEUED);
        let paint = self.colour.paint(self.is_terminal);
        thread::Builder::new().name("shadowcat-debug".to_owned()).spawn(move || {
            if let Err(error) = self.write(receiver, paint) {
                tracing::warn!(%error, "the log of messages cannot be written any more");
            }
        })?;
        Ok(sender)
    }

    fn write(mut self, mut records: Receiver<Record>, paint: Paint) -> io::Result<()> {
        while records.wait() {
            while let Some(taken) = records.try_next() {
                let text = match taken {
                    Taken::Lost(count) => record::lost(count, self.format == Format::Json),
                    Taken::Item(record) => self.text(&record, paint),
                };
                self.writer.write_all(text.as_bytes())?;
                if records.is_empty() {
                    self.writer.flush()?;
                }
            }
        }
        Ok(())
    }

    fn text(&self, record: &Record, paint: Paint) -> String {
        match self.format {
            Format::Human => record.line(self.payload, self.max_record, paint),
            Format::Json => record.json(self.payload, self.max_record),
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("format", &self.format)
            .field("payload", &self.payload)
            .field("colour", &self.colour)
            .field("max_record", &self.max_record)
            .finish_non_exhaustive()
    }
}
