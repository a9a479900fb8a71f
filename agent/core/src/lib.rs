//! What one host decides: processes, groups, order, refusals. Pure.
//!
//! Words come in as an [`Input`], are decided here, and leave as [`Effect`]s for hands to perform.
//! There is no clock, no descriptor, no await, no lock and no log in this crate; time comes in as
//! plain numbers, so the whole state can be written out and read back.

pub mod command;
pub mod effect;
pub mod input;
pub mod spec;

pub use command::{Ask, Command, Refusal, Reply, Ticket};
pub use effect::Effect;
pub use input::Input;
