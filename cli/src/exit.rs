//! The exit codes of one action, as scripts know them from supervisorctl.

/// All went well, or what was wanted was so already.
pub const SUCCESS: u8 = 0;
/// Something failed: an unknown action, a refused call, a process that does not exist.
pub const GENERIC: u8 = 1;
/// The command line is wrong.
pub const INVALID_ARGS: u8 = 2;
/// The server does not know the methods that we need.
pub const UNIMPLEMENTED: u8 = 3;
/// The server refused the connection.
pub const REFUSED: u8 = 4;
/// The server speaks another version of the interface.
pub const NOT_INSTALLED: u8 = 5;
/// The server or the process does not run.
pub const NOT_RUNNING: u8 = 7;

/// `status`: a process that was listed does not run.
pub const STATUS_NOT_RUNNING: u8 = 3;
/// `status`: the server did not answer, or a name is unknown.
pub const STATUS_UNKNOWN: u8 = 4;
