//! The operator's lines, read without a thread: one that waits for a line would swallow the next
//! one when the waiting is over.

use std::cell::RefCell;
use std::io::{self, BufRead as _};
use std::rc::Rc;

use tokio::io::unix::AsyncFd;

/// Bytes that were read and not yet used. Every reader takes them over and gives them back.
pub type Leftover = Rc<RefCell<Vec<u8>>>;

/// Reads lines for as long as it lives.
pub struct Input {
    partial: Vec<u8>,
    leftover: Leftover,
}

impl Input {
    /// Goes on where the last reader stopped.
    pub fn new(leftover: &Leftover) -> Self {
        Self { partial: leftover.take(), leftover: Rc::clone(leftover) }
    }

    /// The next line without its end; `None` when there are no more. Nothing is lost if the
    /// waiting is given up.
    pub async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.partial.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.partial.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if !self.more().await {
                let rest = std::mem::take(&mut self.partial);
                return (!rest.is_empty()).then(|| String::from_utf8_lossy(&rest).into_owned());
            }
        }
    }

    /// Reads once; `false` at the end.
    async fn more(&mut self) -> bool {
        // Registered anew each time: a terminal gives one line per read, and an old registration
        // would not tell of a second one that is there already. Files cannot be registered, and
        // need not be.
        #[expect(deprecated, reason = "its successor is unsafe; standard input stays open")]
        let ready = AsyncFd::new(io::stdin());
        if let Ok(ready) = ready
            && ready.readable().await.is_err()
        {
            return false;
        }
        let mut stdin = io::stdin().lock();
        let Ok(bytes) = stdin.fill_buf() else {
            return false;
        };
        let count = bytes.len();
        self.partial.extend_from_slice(bytes);
        stdin.consume(count);
        count > 0
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.leftover.replace(std::mem::take(&mut self.partial));
    }
}
