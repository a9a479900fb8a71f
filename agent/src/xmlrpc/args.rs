//! A call's arguments, and how supervisord takes each type where another is expected.

use proto_words::{FaultCode, repr};
use proto_xmlrpc::{Fault, Value};

use super::Failure;
use super::faults::{bare, with};

/// Positional arguments; their number has been checked against the table.
pub(super) struct Args(Vec<Value>);

impl Args {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// The argument, or nil when it was left out.
    pub(super) fn value(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Nil)
    }

    pub(super) fn into_first(self) -> Value {
        self.0.into_iter().next().unwrap_or(Value::Nil)
    }

    /// The name of a process, which has to be a text.
    pub(super) fn process(&self, index: usize) -> Result<&str, Failure> {
        let value = self.value(index);
        value.as_str().ok_or_else(|| Failure::Internal(format!("{} is no name", shown(value))))
    }

    /// The name of a group. A number is nobody's name; a list or struct is no name at all.
    pub(super) fn group(&self, index: usize) -> Result<&str, Failure> {
        match self.value(index) {
            Value::String(name) => Ok(name),
            Value::Array(_) | Value::Struct(_) => Err(bare(FaultCode::IncorrectParameters).into()),
            other @ (Value::Nil
            | Value::Int(_)
            | Value::Boolean(_)
            | Value::Double(_)
            | Value::DateTime(_)) => Err(about(FaultCode::BadName, other).into()),
        }
    }

    /// The name of a group that may not be active: whatever is no text is nobody's name.
    pub(super) fn configured_group(&self, index: usize) -> Result<&str, Failure> {
        let value = self.value(index);
        value.as_str().ok_or_else(|| about(FaultCode::BadName, value).into())
    }

    /// An offset or a length: numbers, booleans and texts of digits count.
    pub(super) fn number(&self, index: usize) -> Result<i64, Failure> {
        let value = self.value(index);
        match (value.to_int(), value) {
            (Some(number), _) => Ok(number),
            (None, Value::Nil | Value::DateTime(_) | Value::Array(_) | Value::Struct(_)) => {
                Err(bare(FaultCode::IncorrectParameters).into())
            }
            (None, Value::String(_) | Value::Double(_) | Value::Int(_) | Value::Boolean(_)) => {
                Err(Failure::Internal(format!("{} is no number", shown(value))))
            }
        }
    }

    /// `wait`: true when it was left out.
    pub(super) fn wait(&self, index: usize) -> bool {
        self.0.get(index).is_none_or(Value::is_true)
    }
}

/// `NAME: value`; nil is nothing to speak of.
pub(super) fn about(code: FaultCode, value: &Value) -> Fault {
    match value {
        Value::Nil => bare(code),
        Value::Int(_)
        | Value::Boolean(_)
        | Value::String(_)
        | Value::Double(_)
        | Value::DateTime(_)
        | Value::Array(_)
        | Value::Struct(_) => with(code, &shown(value)),
    }
}

/// A number as XML-RPC can say it: 32 bits, and the nearest end beyond.
pub(super) fn int(number: i64) -> Value {
    let nearest = if number < 0 { i32::MIN } else { i32::MAX };
    Value::Int(i32::try_from(number).unwrap_or(nearest))
}

/// A value as Python's `str` shows it, for faults and events that repeat what was given.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::DateTime(stamp) => shown_stamp(stamp),
        Value::Nil
        | Value::Int(_)
        | Value::Boolean(_)
        | Value::Double(_)
        | Value::Array(_)
        | Value::Struct(_) => shown_inside(value),
    }
}

/// A value as Python's `repr` shows it.
fn shown_inside(value: &Value) -> String {
    match value {
        Value::Nil => "None".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Boolean(true) => "True".to_owned(),
        Value::Boolean(false) => "False".to_owned(),
        Value::String(text) => repr(text),
        Value::Double(number) => format!("{number:?}"),
        Value::DateTime(stamp) => repr(&shown_stamp(stamp)),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(shown_inside).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Struct(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}: {}", repr(name), shown_inside(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

/// `YYYYMMDDTHH:MM:SS` as `YYYY-MM-DD HH:MM:SS`.
fn shown_stamp(stamp: &str) -> String {
    match (stamp.get(..4), stamp.get(4..6), stamp.get(6..8), stamp.get(9..)) {
        (Some(year), Some(month), Some(day), Some(time)) => format!("{year}-{month}-{day} {time}"),
        _ => stamp.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proto_xmlrpc::Value;

    use super::{int, shown};

    #[test]
    fn values_are_shown_as_python_shows_them() {
        let list = Value::Array(vec![1.into(), "it's".into(), true.into(), Value::Nil]);
        for (value, text) in [
            (Value::Int(5), "5"),
            (Value::Double(1.0), "1.0"),
            (Value::Boolean(false), "False"),
            ("x".into(), "x"),
            (list, "[1, \"it's\", True, None]"),
            (Value::record([("a", 1.into())]), "{'a': 1}"),
            (Value::DateTime("20261120T10:00:00".into()), "2026-11-20 10:00:00"),
        ] {
            assert_eq!(shown(&value), text);
        }
    }

    #[test]
    fn numbers_beyond_32_bits_are_the_nearest_end() {
        assert_eq!(int(5), Value::Int(5));
        assert_eq!(int(1 << 40), Value::Int(i32::MAX));
        assert_eq!(int(-(1 << 40)), Value::Int(i32::MIN));
    }
}
