//! The roles of the whole, seen from outside: real binaries, real sockets, real children.
//!
//! A test says who acts ([`subject`]: Supervisor itself or ours, [`fleet`]: a controller and its
//! agents, [`operator`]: who commands them, [`relay`]: the wire between them) and what must be seen ([`wait`], [`transcript`]); [`facts`] keeps count of what was.
//! Nothing in here imports a core; everything that it starts, it ends ([`owned`]), also when a test
//! panics. A fault of the harness is a panic with a text that says what to do.

pub mod background;
pub mod bare;
pub mod ears;
pub mod facts;
pub mod fastcgi;
pub mod feed;
pub mod fleet;
pub mod home;
pub mod hung;
pub mod journal;
pub mod loaded;
pub mod native;
pub mod nobody;
pub mod normal;
pub mod once;
pub mod operator;
pub mod oracle;
pub mod own;
pub mod owned;
pub mod parsers;
pub mod places;
pub mod prepared;
pub mod processes;
pub mod ran;
pub mod relay;
pub mod rpc;
pub mod runs;
pub mod sleeper;
pub mod stamps;
pub mod subject;
pub mod transcript;
pub mod wait;
pub mod wall_clock;
