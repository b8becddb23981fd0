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
pub(super) enum Input {
    Pipe(pipe::Receiver, Restore),
    Socket(UnixStream, Restore),
    /// A terminal or a file: other processes may share it, and files cannot be polled.
    Thread(tokio::io::Stdin),
}

/// Standard output.
pub(super) enum Output {
    Pipe(pipe::Sender, Restore),
    Socket(UnixStream, Restore),
    Thread(tokio::io::Stdout),
}

/// Both are duplicates, so that closing them leaves 0 and 1 open.
pub(super) fn open() -> io::Result<(Input, Output)> {
    let (read, write) = (io::stdin().as_fd().try_clone_to_owned()?, io::stdout().as_fd().try_clone_to_owned()?);
    let input = match kind(&read)? {
        FileType::Fifo => Input::Pipe(pipe::Receiver::from_owned_fd(read.try_clone()?)?, Restore::new(read)?),
        FileType::Socket => Input::Socket(socket(&read)?, Restore::new(read)?),
        _ => Input::Thread(tokio::io::stdin()),
    };
    let output = match kind(&write)? {
        FileType::Fifo => Output::Pipe(pipe::Sender::from_owned_fd(write.try_clone()?)?, Restore::new(write)?),
        FileType::Socket => Output::Socket(socket(&write)?, Restore::new(write)?),
        _ => Output::Thread(tokio::io::stdout()),
    };
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
pub(super) struct Restore(OwnedFd);

impl Restore {
    fn new(fd: OwnedFd) -> io::Result<Self> {
        let flags = fcntl_getfl(&fd)?;
        fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
        Ok(Self(fd))
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        if let Ok(flags) = fcntl_getfl(&self.0) {
            let _ = fcntl_setfl(&self.0, flags - OFlags::NONBLOCK);
        }
    }
}

impl AsyncRead for Input {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Pipe(pipe, _) => Pin::new(pipe).poll_read(cx, buf),
            Self::Socket(socket, _) => Pin::new(socket).poll_read(cx, buf),
            Self::Thread(stdin) => Pin::new(stdin).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Pipe(pipe, _) => Pin::new(pipe).poll_write(cx, buf),
            Self::Socket(socket, _) => Pin::new(socket).poll_write(cx, buf),
            Self::Thread(stdout) => Pin::new(stdout).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Pipe(pipe, _) => Pin::new(pipe).poll_write_vectored(cx, bufs),
            Self::Socket(socket, _) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Thread(stdout) => Pin::new(stdout).poll_write_vectored(cx, bufs),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Thread(stdout) => Pin::new(stdout).poll_flush(cx),
            Self::Pipe(..) | Self::Socket(..) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
