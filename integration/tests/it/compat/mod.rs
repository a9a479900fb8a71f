//! What supervisord does, expected of Supervisor 4.3.0 and of our agent alike.

mod broken;
mod command_line;
mod companions;
mod compare;
mod config;
mod configurations;
mod corpora;
mod daemonizing;
mod fastcgi;
mod processes;
mod restart;
mod scenarios;
mod search;
mod signals;
mod startup;
