//! Picking values out of answers. What is missing there is trouble, not a panic.

use proto_xmlrpc::Value;

use crate::reach::trouble::Trouble;

/// The items of an answer that is an array.
#[track_caller]
pub fn array(value: &Value) -> Result<&[Value], Trouble> {
    value.as_array().ok_or_else(|| Trouble::value("TypeError", "the answer is not an array"))
}

/// An answer that is an integer.
#[track_caller]
pub fn int(value: &Value) -> Result<i64, Trouble> {
    value.to_int().ok_or_else(|| Trouble::value("TypeError", "the answer is not an integer"))
}

/// A member of a struct.
#[track_caller]
pub fn member<'a>(value: &'a Value, name: &str) -> Result<&'a Value, Trouble> {
    value.get(name).ok_or_else(|| Trouble::value("KeyError", proto_words::repr(name)))
}

/// A member that is an integer.
#[track_caller]
pub fn int_of(value: &Value, name: &str) -> Result<i64, Trouble> {
    int(member(value, name)?)
}

/// A member that is a text.
#[track_caller]
pub fn text_of<'a>(value: &'a Value, name: &str) -> Result<&'a str, Trouble> {
    let text = member(value, name)?.as_str();
    text.ok_or_else(|| Trouble::value("TypeError", format!("{name} is not a string")))
}
