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
    _restore: Restore,
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
    _restore: Restore,
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
    // Taken before anything is changed, so that a failure half-way leaves nothing changed.
    let (restore_read, restore_write) = (Restore::of(&read)?, Restore::of(&write)?);
    let source = match kind(&read)? {
        FileType::Fifo => Source::Pipe(pipe::Receiver::from_owned_fd(read)?),
        FileType::Socket => Source::Socket(socket(read)?),
        _ => Source::Thread(tokio::io::stdin()),
    };
    let sink = match kind(&write)? {
        FileType::Fifo => Sink::Pipe(pipe::Sender::from_owned_fd(write)?),
        FileType::Socket => Sink::Socket(socket(write)?),
        _ => Sink::Thread(tokio::io::stdout()),
    };
    Ok((Input { source, _restore: restore_read }, Output { sink, _restore: restore_write }))
}

fn kind(fd: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(fstat(fd)?.st_mode))
}

/// Node and others use socket pairs for stdio.
fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let stream = net::UnixStream::from(fd);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// Gives the descriptor its flags back when dropped: they belong to the open file, which others share.
struct Restore {
    fd: OwnedFd,
    flags: OFlags,
}

impl Restore {
    fn of(fd: &OwnedFd) -> io::Result<Self> {
        Ok(Self { flags: fcntl_getfl(fd)?, fd: fd.try_clone()? })
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        let _ = fcntl_setfl(&self.fd, self.flags);
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
