//! Answers → text, to the letter of supervisorctl. Pure: nothing in here prints or asks.

pub mod answer;
pub mod avail;
pub mod changes;
pub mod columns;
pub mod help;
pub mod json;
pub mod results;
pub mod status;
