//! What a call carries and an answer brings.

/// One XML-RPC value, as supervisord understands it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `<nil/>`; only ever read.
    Nil,
    /// `<int>` or `<i4>`. An integer outside 32 bits is read as the [`Value::String`] of its
    /// digits, which counts as an integer wherever one is expected.
    Int(i32),
    /// `<boolean>`: true only when it is written `1`.
    Boolean(bool),
    /// `<string>`, untyped text, `<base64>` (decoded, since supervisord takes it as text), and
    /// the text of any type that supervisord does not know.
    String(String),
    /// `<double>`.
    Double(f64),
    /// `<dateTime.iso8601>`, checked: `YYYYMMDDTHH:MM:SS`, no zone.
    DateTime(String),
    /// `<array>`.
    Array(Vec<Value>),
    /// `<struct>`: the members in the order in which they are written. Reading keeps one
    /// member of each name, the last one, at the place of the first.
    Struct(Vec<(String, Value)>),
}

impl Value {
    /// A struct with these members, in this order.
    #[must_use]
    pub fn record<const N: usize>(members: [(&str, Value); N]) -> Self {
        Self::Struct(members.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// The text of a string, and of nothing else.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items of an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The member of a struct with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Struct(members) => members.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The integer that supervisord would take this for: integers and booleans as they are,
    /// doubles cut at the point, texts that are a decimal number.
    #[must_use]
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(i64::from(*number)),
            Self::Boolean(yes) => Some(i64::from(*yes)),
            Self::String(text) => text.trim().parse().ok(),
            Self::Double(number) => whole(*number),
            Self::Nil | Self::DateTime(_) | Self::Array(_) | Self::Struct(_) => None,
        }
    }

    /// Whether supervisord would take this for "yes": everything but nil, false, zero and
    /// what is empty.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Int(number) => *number != 0,
            Self::Boolean(yes) => *yes,
            Self::String(text) => !text.is_empty(),
            Self::Double(number) => *number != 0.0,
            Self::DateTime(_) => true,
            Self::Array(items) => !items.is_empty(),
            Self::Struct(members) => !members.is_empty(),
        }
    }
}

/// The part before the point, if it fits.
fn whole(number: f64) -> Option<i64> {
    /// 2^63: the first double that is too large.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let cut = number.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (-LIMIT..LIMIT).contains(&cut).then_some(cut as i64)
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Boolean(yes)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(items)
    }
}

/// A refusal, as an answer carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `faultCode`: supervisord's numbers, such as 10 for `BAD_NAME`.
    pub code: i32,
    /// `faultString`: the code's name, then often a colon and what it is about.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn whatever_looks_like_an_integer_counts_as_one() {
        for (value, int) in [
            (Value::Int(-7), Some(-7)),
            (Value::Boolean(true), Some(1)),
            (" 5000000000 ".into(), Some(5_000_000_000)),
            ("1.5".into(), None),
            ("".into(), None),
            (Value::Double(1.9), Some(1)),
            (Value::Double(-1.9), Some(-1)),
            (Value::Double(1e30), None),
            (Value::Double(f64::NAN), None),
            (Value::Nil, None),
        ] {
            assert_eq!(value.to_int(), int, "{value:?}");
        }
    }

    #[test]
    fn nil_zero_and_the_empty_are_no() {
        for no in [Value::Nil, 0.into(), false.into(), "".into(), Value::Array(vec![])] {
            assert!(!no.is_true(), "{no:?}");
        }
        for yes in [Value::Int(2), "0".into(), Value::record([("a", Value::Nil)])] {
            assert!(yes.is_true(), "{yes:?}");
        }
    }
}
