//! Pipes to and from children, as our side has them: never blocking, and in the table of
//! descriptors. Nobody else knows that they are pipes.
//!
//! A pipe's end says little: whoever shares the other one may hold it open after the child is gone.
//! A child's output has ended when the child was seen to end and what was in the pipe then was taken
//! ([`Source::waiting`]).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, fcntl_dupfd_cloexec, ioctl_fionbio, ioctl_fionread};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::descriptors::{Kept, Purpose};

/// What a child writes comes out here.
#[derive(Debug)]
pub struct Source(Kept<OwnedFd>);

/// What goes in here a child reads.
#[derive(Debug)]
pub struct Sink(Kept<OwnedFd>);

/// A pipe from a child: its end and ours.
///
/// # Errors
///
/// `EMFILE`, `ENFILE`; nothing stays open.
pub fn from_child(purpose: Purpose) -> Result<(OwnedFd, Source), Errno> {
    let (read, write) = pipe()?;
    ioctl_fionbio(&read, true)?;
    Ok((write, Source(Kept::new(read, purpose))))
}

/// A pipe to a child: its end and ours.
///
/// # Errors
///
/// As [`from_child`].
pub fn to_child(purpose: Purpose) -> Result<(OwnedFd, Sink), Errno> {
    let (read, write) = pipe()?;
    ioctl_fionbio(&write, true)?;
    Ok((read, Sink(Kept::new(write, purpose))))
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((above_stdio(read)?, above_stdio(write)?))
}

/// Moves a descriptor out of the way of 0, 1 and 2, which an agent that was started with a closed
/// stdin would get.
///
/// # Errors
///
/// `EMFILE`.
pub fn above_stdio(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    use std::os::fd::AsRawFd;
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    fcntl_dupfd_cloexec(fd.as_fd(), 3)
}

impl Source {
    /// Reads what is there; 0 when all who could write are gone.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when nothing is there, `EINTR`.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        rustix::io::read(self, buffer)
    }

    /// How many bytes are there.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let bytes = ioctl_fionread(self).unwrap_or(0);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

impl Sink {
    /// Writes as much as there is room for.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when there is none, `EPIPE` when nobody reads any more, `EINTR`.
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        rustix::io::write(self, bytes)
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for Sink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
