//! The whole, from outside: real binaries, real sockets, real children. One binary, a module per theme.

mod compat;
