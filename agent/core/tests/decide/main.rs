//! What the core decides, as transcripts and as properties. Nothing forks, nothing sleeps.

mod host;
mod machine;
mod play;
mod properties;
mod sockets;
mod stage;
