//! The agent: one host's supervisord. This crate is the shell around `agent-core`: doors that turn
//! words into commands, hands that perform effects, and the loop between them.

pub mod boot;
pub mod clock;
pub mod descriptors;
pub mod fleet;
pub mod hosts;
pub mod http;
pub mod ledger;
pub mod logs;
pub mod mailbox;
pub mod pidproxy;
pub mod pipe;
#[cfg(test)]
mod played;
pub mod run;
pub mod signals;
pub mod spawn;
pub mod xmlrpc;
