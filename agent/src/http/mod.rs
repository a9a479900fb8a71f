//! Door: the HTTP servers of `[unix_http_server]` and `[inet_http_server]`.
//!
//! [`open`] binds them before the agent daemonizes and before it has threads; [`serve`] answers on
//! them inside the doors' runtime until it is told to stop. A request is authenticated (`auth`),
//! routed (`route`) and answered: by the [`Rpc`] that it is given, by a log that is followed
//! (`tail`), or by a short error page (`reply`). Nothing here decides about a process: what has to be decided goes
//! through the [`crate::mailbox::Mailbox`].
//!
//! ```text
//! accept → seat (seats) → patience (patience) → hyper → auth → route → answer
//! ```

mod auth;
mod bind;
mod body;
mod patience;
mod reply;
mod route;
mod seats;
mod serve;
mod tail;
mod unix_socket;

use std::pin::Pin;
use std::sync::Arc;

use agent_core::spec::Level;
use bytes::Bytes;

pub use bind::{BindError, BoundServer, open};
pub use serve::serve;
pub use unix_socket::SocketFile;

/// Where a door's lines for the activity log go.
pub type Log = Arc<dyn Fn(Level, String) + Send + Sync>;

/// A call that is being answered: the body of the response, or the HTTP status in its place.
pub type RpcAnswer = Pin<Box<dyn Future<Output = Result<Vec<u8>, u16>> + Send>>;

/// What answers the body of a POST to `/RPC2`. The XML-RPC door is another one; neither names the
/// other, and whoever starts both brings them together.
pub type Rpc = Arc<dyn Fn(Bytes) -> RpcAnswer + Send + Sync>;

#[cfg(test)]
mod tests;
