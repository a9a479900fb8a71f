//! Values → bytes, in the layout of Python's `xmlrpc.client`, which is supervisord's.

use crate::Value;
use crate::chars::allowed;

const DECLARATION: &str = "<?xml version='1.0'?>\n";

/// The body of a call.
#[must_use]
pub fn write_call(method: &str, params: &[Value]) -> Vec<u8> {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodCall>\n<methodName>");
    push_escaped(&mut out, method);
    out.push_str("</methodName>\n<params>\n");
    for param in params {
        push_param(&mut out, param);
    }
    out.push_str("</params>\n</methodCall>\n");
    out.into_bytes()
}

/// The body of an answer that is not a refusal.
#[must_use]
pub fn write_response(value: &Value) -> Vec<u8> {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodResponse>\n<params>\n");
    push_param(&mut out, value);
    out.push_str("</params>\n</methodResponse>\n");
    out.into_bytes()
}

/// The body of a refusal; it too goes out with status 200.
#[must_use]
pub fn write_fault(code: i32, text: &str) -> Vec<u8> {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodResponse>\n<fault>\n");
    let fault = [("faultCode", code.into()), ("faultString", text.into())];
    push_value(&mut out, &Value::record(fault));
    out.push_str("</fault>\n</methodResponse>\n");
    out.into_bytes()
}

fn push_param(out: &mut String, value: &Value) {
    out.push_str("<param>\n");
    push_value(out, value);
    out.push_str("</param>\n");
}

fn push_value(out: &mut String, value: &Value) {
    match value {
        Value::Nil => out.push_str("<value><nil/></value>\n"),
        Value::Int(number) => push_scalar(out, "int", &number.to_string()),
        Value::Boolean(yes) => push_scalar(out, "boolean", if *yes { "1" } else { "0" }),
        Value::String(text) => push_scalar(out, "string", text),
        Value::Double(number) => push_scalar(out, "double", &format!("{number:?}")),
        Value::DateTime(text) => push_scalar(out, "dateTime.iso8601", text),
        Value::Array(items) => push_array(out, items),
        Value::Struct(members) => push_struct(out, members),
    }
}

fn push_scalar(out: &mut String, tag: &str, text: &str) {
    for part in ["<value><", tag, ">"] {
        out.push_str(part);
    }
    push_escaped(out, text);
    for part in ["</", tag, "></value>\n"] {
        out.push_str(part);
    }
}

fn push_array(out: &mut String, items: &[Value]) {
    out.push_str("<value><array><data>\n");
    for item in items {
        push_value(out, item);
    }
    out.push_str("</data></array></value>\n");
}

fn push_struct(out: &mut String, members: &[(String, Value)]) {
    out.push_str("<value><struct>\n");
    for (name, value) in members {
        out.push_str("<member>\n<name>");
        push_escaped(out, name);
        out.push_str("</name>\n");
        push_value(out, value);
        out.push_str("</member>\n");
    }
    out.push_str("</struct></value>\n");
}

/// Escapes the three characters that supervisord escapes. What XML cannot say at all becomes
/// U+FFFD, so that a log with control characters can still be read (supervisord sends them
/// raw, and its clients choke).
fn push_escaped(out: &mut String, text: &str) {
    out.reserve(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if allowed(c) => out.push(c),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }
}
