//! Bytes → calls and answers, as leniently as supervisord reads them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::tree::{
    Element, Limits, MAX_CALL_BYTES, MAX_CALL_ELEMENTS, MAX_RESPONSE_BYTES, MAX_RESPONSE_ELEMENTS,
    Tag, parse,
};
use crate::{BadBody, Fault, Value};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Such as `supervisor.getState`; blanks are kept, and it is never empty.
    pub method: String,
    /// Empty when the call has no `<params>`.
    pub params: Vec<Value>,
}

/// Reads a call. The name of the root is not looked at, and types that supervisord does not
/// know are texts.
///
/// # Errors
///
/// [`BadBody`] for what supervisord answers with 400 (not well-formed, values that are none, no
/// method name), for text that is not UTF-8, for document types, and beyond a limit
/// ([`MAX_CALL_BYTES`], [`MAX_CALL_ELEMENTS`], [`MAX_DEPTH`](crate::MAX_DEPTH)).
pub fn parse_call(body: &[u8]) -> Result<Call, BadBody> {
    let limits =
        Limits { bytes: MAX_CALL_BYTES, elements: MAX_CALL_ELEMENTS, strict_characters: true };
    let root = parse(body, limits)?;
    let mut call = Call { method: String::new(), params: Vec::new() };
    for child in &root.children {
        match child.tag {
            Tag::MethodName => child.text().unwrap_or("").clone_into(&mut call.method),
            Tag::Params => call.params = meanings(&child.children)?,
            _ => {}
        }
    }
    if call.method.is_empty() { Err(BadBody::NoMethodName) } else { Ok(call) }
}

/// Reads an answer: a value, or a refusal. Raw control characters, which supervisord sends, are
/// accepted.
///
/// # Errors
///
/// [`BadBody`] for what is not well-formed or no answer, and beyond a limit
/// ([`MAX_RESPONSE_BYTES`], [`MAX_RESPONSE_ELEMENTS`], [`MAX_DEPTH`](crate::MAX_DEPTH)).
pub fn parse_response(body: &[u8]) -> Result<Result<Value, Fault>, BadBody> {
    let limits = Limits {
        bytes: MAX_RESPONSE_BYTES,
        elements: MAX_RESPONSE_ELEMENTS,
        strict_characters: false,
    };
    let root = parse(body, limits)?;
    match root.children.first() {
        Some(fault) if fault.tag == Tag::Fault => Ok(Err(as_fault(&first_child(fault)?)?)),
        Some(params) if params.tag == Tag::Params => Ok(Ok(first_child(params)?)),
        _ => Err(BadBody::BadShape("an answer has neither params nor fault")),
    }
}

fn as_fault(value: &Value) -> Result<Fault, BadBody> {
    match (value.get("faultCode"), value.get("faultString")) {
        (Some(Value::Int(code)), Some(Value::String(text))) => {
            Ok(Fault { code: *code, text: text.clone() })
        }
        _ => Err(BadBody::BadShape("a fault has no faultCode or no faultString")),
    }
}

/// What an element means. Recursion ends: the tree's depth is limited.
fn meaning(element: &Element) -> Result<Value, BadBody> {
    let text = element.text();
    match element.tag {
        Tag::Value if element.children.is_empty() => Ok(text.unwrap_or("").into()),
        Tag::Value | Tag::Param | Tag::Array => first_child(element),
        Tag::Data => meanings(&element.children).map(Value::Array),
        Tag::Struct => members(&element.children).map(Value::Struct),
        Tag::Int => int(text),
        Tag::Boolean => Ok(Value::Boolean(text == Some("1"))),
        Tag::String => Ok(text.unwrap_or("").into()),
        Tag::Double => double(text),
        Tag::DateTime => date_time(text),
        Tag::Base64 => base64_text(text),
        Tag::Fault | Tag::MethodName | Tag::Params | Tag::Other => {
            Ok(text.map_or(Value::Nil, Value::from))
        }
    }
}

fn meanings(elements: &[Element]) -> Result<Vec<Value>, BadBody> {
    elements.iter().map(meaning).collect()
}

fn first_child(element: &Element) -> Result<Value, BadBody> {
    let child = element.children.first();
    meaning(child.ok_or(BadBody::BadShape("an element that must hold a value is empty"))?)
}

/// A later member replaces an earlier one of the same name.
fn members(elements: &[Element]) -> Result<Vec<(String, Value)>, BadBody> {
    let mut places = std::collections::HashMap::new();
    let mut members = Vec::with_capacity(elements.len());
    for element in elements {
        let [name, value] = element.children.as_slice() else {
            return Err(BadBody::BadShape("a member is not one name and one value"));
        };
        let (name, value) = (name.text().unwrap_or(""), meaning(value)?);
        let place = *places.entry(name).or_insert(members.len());
        if place == members.len() {
            members.push((name.to_owned(), value));
        } else {
            members[place].1 = value;
        }
    }
    Ok(members)
}

fn int(text: Option<&str>) -> Result<Value, BadBody> {
    let digits = text.unwrap_or("").trim();
    if let Ok(number) = digits.parse() {
        return Ok(Value::Int(number));
    }
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadBody::value("int", text));
    }
    Ok(digits.into())
}

fn double(text: Option<&str>) -> Result<Value, BadBody> {
    let number = text.unwrap_or("").trim().parse();
    number.map(Value::Double).map_err(|_| BadBody::value("double", text))
}

fn date_time(text: Option<&str>) -> Result<Value, BadBody> {
    let stamp = text.filter(|stamp| is_date_time(stamp));
    let stamp =
        stamp.ok_or_else(|| BadBody::value("dateTime.iso8601 (YYYYMMDDTHH:MM:SS)", text))?;
    Ok(Value::DateTime(stamp.to_owned()))
}

fn is_date_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 17 || bytes[8] != b'T' || bytes[11] != b':' || bytes[14] != b':' {
        return false;
    }
    // Every index is on a character boundary only if all of it is ASCII.
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = bytes[from..to].iter().all(u8::is_ascii_digit);
        digits.then(|| text[from..to].parse().ok()).flatten()
    };
    let within = |from, to, range: std::ops::RangeInclusive<u32>| {
        number(from, to).is_some_and(|n| range.contains(&n))
    };
    let (Some(year), Some(month)) = (number(0, 4), number(4, 6)) else {
        return false;
    };
    year > 0
        && within(6, 8, 1..=days_of(year, month))
        && within(9, 11, 0..=23)
        && within(12, 14, 0..=59)
        && within(15, 17, 0..=59)
}

/// 0 for a month that there is not.
fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    }
}

/// Bytes outside the alphabet (line ends, blanks) are skipped; the decoded bytes must be text.
fn base64_text(text: Option<&str>) -> Result<Value, BadBody> {
    let in_alphabet = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let packed: Vec<u8> = text.unwrap_or("").bytes().filter(in_alphabet).collect();
    let bytes = STANDARD.decode(packed).map_err(|_| BadBody::value("base64", text))?;
    let decoded = String::from_utf8(bytes).map_err(|_| BadBody::value("base64 of UTF-8", text))?;
    Ok(Value::String(decoded))
}
