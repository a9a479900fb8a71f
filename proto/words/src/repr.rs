//! Python's `repr` of a text, since supervisord's messages show names that way.

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

fn push_escaped(out: &mut String, code: u32) {
    // Writing to a String cannot fail.
    let _ = match code {
        0..=0xff => write!(out, "\\x{code:02x}"),
        0x100..=0xffff => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// Close to Python's `str.isprintable`: controls, separators other than the blank, marks of
/// direction, surrogates and private use are escaped.
fn is_printable(c: char) -> bool {
    c == ' '
        || !(c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}'
                | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{f0000}'..='\u{10ffff}'))
}

#[cfg(test)]
mod tests {
    use super::repr;

    #[test]
    fn quotes_and_escapes_are_pythons() {
        for (text, shown) in [
            ("x", "'x'"),
            ("it's", "\"it's\""),
            ("a\"'b", "'a\"\\'b'"),
            ("a\nb\t\\", "'a\\nb\\t\\\\'"),
            ("\u{1b}\u{e9}\u{feff}", "'\\x1b\u{e9}\\ufeff'"),
        ] {
            assert_eq!(repr(text), shown);
        }
    }
}
