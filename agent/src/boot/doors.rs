//! The doors' thread: HTTP and the fleet link, in a runtime of their own, so that a client that
//! pulls hundreds of megabytes of logs does not delay a stop.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use agent_core::spec::{Configuration, Level};
use tokio::sync::watch;

use crate::http::{self, BoundServer};
use crate::logs::Orders;
use crate::mailbox::Mailbox;
use crate::xmlrpc::Xmlrpc;

/// Starts the thread; it ends when `stopped` becomes true or its sender is gone, and has by then
/// answered what it was asked.
///
/// # Errors
///
/// When no thread or runtime can be made.
pub fn start(
    configuration: &Configuration,
    epoch: u64,
    servers: Vec<BoundServer>,
    mailbox: Mailbox,
    orders: &Orders,
    stopped: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    let log_orders = orders.clone();
    let log: http::Log = Arc::new(move |level: Level, text: String| log_orders.log(level, text));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _ = (configuration, epoch);
    let rpc = Xmlrpc::new(mailbox.clone(), Arc::clone(&log)).handler();
    std::thread::Builder::new()
        .name("doors".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                let serving = http::serve(servers, mailbox, rpc, Arc::clone(&log), stopped);
                if let Err(error) = serving.await {
                    log(
                        Level::Critical,
                        format!("the HTTP servers cannot be served: {error}"),
                    );
                }
            });
        })
}
