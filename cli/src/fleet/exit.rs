//! The exit codes of fleet mode. Those of an operation (0, 10, 11, 12, 13, 15) come from the
//! controller, with its record.

/// Everything is as it should be.
pub const SUCCESS: u8 = 0;
/// The command line, a selector or the configuration cannot be used.
pub const USAGE: u8 = 2;
/// `status`: a process that was meant does not run.
pub const STATUS_NOT_RUNNING: u8 = 3;
/// `status`: a name is unknown, or a host is not there to tell.
pub const STATUS_UNKNOWN: u8 = 4;
/// The selection matched nothing.
pub const EMPTY: u8 = 16;
/// More hosts than may be asked without agreement.
pub const GUARD: u8 = 17;
/// Another operation holds the targets.
pub const LOCKED: u8 = 18;
/// The controller does not let this certificate do this.
pub const NOT_AUTHORISED: u8 = 19;
/// The controller cannot be reached, or cannot do it now.
pub const UNAVAILABLE: u8 = 20;
/// Ctrl-C, as a shell says it.
pub const INTERRUPTED: u8 = 130;
