//! XML-RPC as supervisord and its clients speak it: calls, answers and faults ⇄ bytes.
//!
//! The agent's and the controller's doors read calls and write answers; the client does the
//! reverse. The bytes we write have supervisord's layout, line by line; what we read is judged
//! as leniently as supervisord judges it, but under hard limits (size, depth, number of
//! elements), without document types, and with no entities but the five that XML predefines.
//!
//! Nothing in here opens a socket or knows a method.

mod chars;
mod error;
mod read;
mod tree;
mod value;
mod write;

pub use error::BadBody;
pub use read::{Call, parse_call, parse_response};
pub use tree::{
    MAX_ATTRIBUTES, MAX_CALL_BYTES, MAX_CALL_ELEMENTS, MAX_DEPTH, MAX_RESPONSE_BYTES,
    MAX_RESPONSE_ELEMENTS,
};
pub use value::{Fault, Value};
pub use write::{write_call, write_fault, write_response};
