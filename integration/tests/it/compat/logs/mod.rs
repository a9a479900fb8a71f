//! Logs: the activity log, programs' files and their rotation, syslog.

mod activity;
mod ansi;
mod auto;
mod capture;
mod child;
mod levels;
mod rotation;
mod streams;
mod syslog;
