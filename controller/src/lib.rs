//! The controller's shell: doors for agents and operators, a store, and the loop between them and
//! the core.
//!
//! Doors (`link`, `api`) translate and ask; the loop in `run` owns the core and performs its
//! effects; [`store`] keeps what must survive. Nothing in here decides about hosts or operations.

mod access;
mod api;
mod audit;
pub mod config;
mod hands;
mod link;
mod listen;
mod mailbox;
mod run;
pub mod start;
pub mod store;
mod tasks;
