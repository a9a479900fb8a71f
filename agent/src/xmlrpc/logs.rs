//! Methods that read and clear logs.

use std::io::ErrorKind;
use std::path::PathBuf;

use agent_core::command::{Command, LogFiles, Refusal, Reply};
use proto_words::{FaultCode, Namespec};
use proto_xmlrpc::{Fault, Value};
use tokio::task::spawn_blocking;

use super::args::{Args, int};
use super::faults::{bare, fault, with};
use super::log_file::{self, NoSlice, SLICE_BYTES_MAX, Tail};
use super::{Failure, Outcome, Xmlrpc, unexpected};

/// One of a process's two outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Stdout,
    Stderr,
}

impl Channel {
    fn of(self, files: LogFiles) -> Option<PathBuf> {
        match self {
            Self::Stdout => files.stdout,
            Self::Stderr => files.stderr,
        }
        .map(PathBuf::from)
    }
}

impl Xmlrpc {
    pub(super) async fn read_main_log(&self, args: &Args) -> Outcome {
        let path = self.mailbox.facts.logfile.clone();
        read(path, args, 0).await
    }

    pub(super) async fn read_log(&self, args: &Args, channel: Channel) -> Outcome {
        let path = channel.of(self.log_files(args).await?);
        read(path, args, 1).await
    }

    pub(super) async fn tail_log(&self, args: &Args, channel: Channel) -> Outcome {
        let path = channel.of(self.log_files(args).await?);
        let Some(path) = existing(path).await? else {
            return Ok(vec!["".into(), 0.into(), false.into()].into());
        };
        let (offset, length) = (args.number(1)?, args.number(2)?);
        let tail = off_thread(move || {
            log_file::tail(&path, offset, length).map(|Tail { bytes, offset, overflow }| {
                vec![text(bytes), int(offset), overflow.into()]
            })
        });
        Ok(tail.await?.map_err(refused)?.into())
    }

    pub(super) async fn clear_main_log(&self) -> Outcome {
        match self.ask(Command::ClearMainLog).await {
            Reply::Done => Ok(true.into()),
            Reply::Refused(Refusal::NoFile(_)) => Err(bare(FaultCode::NoFile).into()),
            Reply::Refused(Refusal::Failed(_)) => Err(bare(FaultCode::Failed).into()),
            Reply::Refused(other) => Err(fault(other, "").into()),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn clear_logs(&self, args: &Args) -> Outcome {
        let subject = args.process(0)?;
        let command = Command::ClearLogs(Namespec::parse(subject));
        match self.ask(command).await {
            Reply::Done => Ok(true.into()),
            Reply::Refused(Refusal::Failed(_)) => Err(with(FaultCode::Failed, subject).into()),
            Reply::Refused(other) => Err(fault(other, subject).into()),
            other => Err(unexpected(&other)),
        }
    }

    async fn log_files(&self, args: &Args) -> Result<LogFiles, Failure> {
        let subject = args.process(0)?;
        match self.ask(Command::Files(Namespec::parse(subject))).await {
            Reply::Files(files) => Ok(files),
            Reply::Refused(refusal) => Err(fault(refusal, subject).into()),
            other => Err(unexpected(&other)),
        }
    }
}

/// Reads a slice; the offset is the argument at `first`, the length the one after it.
async fn read(path: Option<PathBuf>, args: &Args, first: usize) -> Outcome {
    let Some(configured) = path else {
        return Err(bare(FaultCode::NoFile).into());
    };
    let shown = configured.display().to_string();
    let Some(path) = existing(Some(configured)).await? else {
        return Err(with(FaultCode::NoFile, &shown).into());
    };
    let (offset, length) = (args.number(first)?, args.number(first + 1)?);
    let slice = off_thread(move || log_file::read(&path, offset, length).map(text));
    Ok(slice.await?.map_err(refused)?)
}

/// The path, if there is something there.
async fn existing(path: Option<PathBuf>) -> Result<Option<PathBuf>, Failure> {
    let Some(path) = path else {
        return Ok(None);
    };
    off_thread(move || match std::fs::metadata(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Ok(_) | Err(_) => Some(path),
    })
    .await
}

/// Files may hang: they are touched on the blocking pool.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let done = spawn_blocking(work).await;
    done.map_err(|failed| Failure::Internal(failed.to_string()))
}

/// What is not UTF-8 becomes U+FFFD; what XML cannot say, the codec replaces likewise.
fn text(bytes: Vec<u8>) -> Value {
    String::from_utf8(bytes)
        .unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned())
        .into()
}

fn refused(why: NoSlice) -> Fault {
    match why {
        NoSlice::BadArguments => bare(FaultCode::BadArguments),
        NoSlice::Failed => bare(FaultCode::Failed),
        NoSlice::TooLarge => with(
            FaultCode::Failed,
            &format!("more than {SLICE_BYTES_MAX} bytes in one call; ask for less"),
        ),
    }
}
