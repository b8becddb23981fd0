//! The process's own descriptors, without a thread in between where the platform allows.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::fs::{FileType, OFlags, fcntl_getfl, fcntl_setfl, fstat};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixStream, unix::pipe};

/// Standard input.
pub(super) struct Input {
    source: Source,
    _restore: Option<Restore>,
}

enum Source {
    Pipe(pipe::Receiver),
    Socket(UnixStream),
    /// A terminal or a file: other processes may share it, and files cannot be polled.
    Thread(tokio::io::Stdin),
}

/// Standard output.
pub(super) struct Output {
    sink: Sink,
    _restore: Option<Restore>,
}

enum Sink {
    Pipe(pipe::Sender),
    Socket(UnixStream),
    Thread(tokio::io::Stdout),
}

/// Both are duplicates, so that closing them leaves 0 and 1 open.
pub(super) fn open() -> io::Result<(Input, Output)> {
    let (read, write) =
        (io::stdin().as_fd().try_clone_to_owned()?, io::stdout().as_fd().try_clone_to_owned()?);
    let source = match kind(&read)? {
        FileType::Fifo => Source::Pipe(pipe::Receiver::from_owned_fd(read.try_clone()?)?),
        FileType::Socket => Source::Socket(socket(&read)?),
        _ => Source::Thread(tokio::io::stdin()),
    };
    let sink = match kind(&write)? {
        FileType::Fifo => Sink::Pipe(pipe::Sender::from_owned_fd(write.try_clone()?)?),
        FileType::Socket => Sink::Socket(socket(&write)?),
        _ => Sink::Thread(tokio::io::stdout()),
    };
    let input = Input { _restore: (!matches!(source, Source::Thread(_))).then_some(Restore(read)), source };
    let output = Output { _restore: (!matches!(sink, Sink::Thread(_))).then_some(Restore(write)), sink };
    Ok((input, output))
}

fn kind(fd: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(fstat(fd)?.st_mode))
}

/// Node and others use socket pairs for stdio.
fn socket(fd: &OwnedFd) -> io::Result<UnixStream> {
    let stream = net::UnixStream::from(fd.try_clone()?);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// Makes the descriptor blocking again when dropped: the flag belongs to the open file, which others share.
struct Restore(OwnedFd);

impl Drop for Restore {
    fn drop(&mut self) {
        if let Ok(flags) = fcntl_getfl(&self.0) {
            let _ = fcntl_setfl(&self.0, flags - OFlags::NONBLOCK);
        }
    }
}

impl AsyncRead for Input {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().source {
            Source::Pipe(pipe) => Pin::new(pipe).poll_read(cx, buf),
            Source::Socket(socket) => Pin::new(socket).poll_read(cx, buf),
            Source::Thread(stdin) => Pin::new(stdin).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().sink {
            Sink::Pipe(pipe) => Pin::new(pipe).poll_write(cx, buf),
            Sink::Socket(socket) => Pin::new(socket).poll_write(cx, buf),
            Sink::Thread(stdout) => Pin::new(stdout).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().sink {
            Sink::Pipe(pipe) => Pin::new(pipe).poll_write_vectored(cx, bufs),
            Sink::Socket(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Sink::Thread(stdout) => Pin::new(stdout).poll_write_vectored(cx, bufs),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().sink {
            Sink::Thread(stdout) => Pin::new(stdout).poll_flush(cx),
            Sink::Pipe(_) | Sink::Socket(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
