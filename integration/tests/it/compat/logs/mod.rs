//! Logs: the activity log, programs' files and their rotation, syslog.

mod activity;
mod levels;
mod rotation;
mod syslog;
