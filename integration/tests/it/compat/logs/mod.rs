//! Logs: the activity log, programs' files and their rotation, syslog.

mod activity;
mod auto;
mod child;
mod levels;
mod rotation;
mod syslog;
