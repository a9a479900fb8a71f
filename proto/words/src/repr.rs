//! Python's `repr` of texts and bytes, since supervisord's messages show names that way.

use std::fmt::Write as _;

/// Quotes `text` as Python would: single quotes, or double ones when it has a single and no
/// double quote; backslash, control and other unprintable characters escaped.
#[must_use]
pub fn repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if is_printable(c) => out.push(c),
            c => push_escaped(&mut out, c as u32),
        }
    }
    out.push(quote);
    out
}

/// Bytes as Python shows them: `b'\xff\n'`.
#[must_use]
pub fn repr_of_bytes(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut out = format!("b{quote}");
    for &byte in bytes {
        match char::from(byte) {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if c == ' ' || c.is_ascii_graphic() => out.push(c),
            _ => push_escaped(&mut out, u32::from(byte)),
        }
    }
    out.push(quote);
    out
}

fn push_escaped(out: &mut String, code: u32) {
    // Writing to a String cannot fail.
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Python's `str.isprintable`: neither control, format, private, unassigned nor a separator, the
/// blank aside. The standard library escapes by the same classes, but for a mark that begins a
/// text and combines with what is before it; behind a letter it does not. Only for characters that
/// came to Unicode lately can the two differ, as two releases of Python do.
fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    String::from_iter(['a', c]).escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::{repr, repr_of_bytes};

    #[test]
    fn quotes_and_escapes_are_pythons() {
        for (text, shown) in [
            ("x", "'x'"),
            ("it's", "\"it's\""),
            ("a\"'b", "'a\"\\'b'"),
            ("a\nb\t\\", "'a\\nb\\t\\\\'"),
            ("\u{1b}\u{e9}\u{feff}", "'\\x1b\u{e9}\\ufeff'"),
            ("\u{301}\u{a0}\u{85}", "'\u{301}\\xa0\\x85'"),
            ("\u{378}\u{e0001}\u{1f600}", "'\\u0378\\U000e0001\u{1f600}'"),
        ] {
            assert_eq!(repr(text), shown);
        }
    }

    #[test]
    fn bytes_are_shown_as_python_shows_them() {
        for (bytes, shown) in [
            (&b"\xff\xfe\n"[..], r"b'\xff\xfe\n'"),
            (b"it's", r#"b"it's""#),
            (b"'\"", r#"b'\'"'"#),
            (b"\\ \x00", r"b'\\ \x00'"),
        ] {
            assert_eq!(repr_of_bytes(bytes), shown);
        }
    }
}
