//! What the core decides, as transcripts and as properties. Nothing forks, nothing sleeps.

mod births;
mod host;
mod listening;
mod machine;
mod payload;
mod play;
mod pool;
mod pool_properties;
mod properties;
mod sockets;
mod stage;
mod wall;
mod world;
