//! Text as Python sees it: what is a blank, and what is a number.

/// Whether Python's `str.isspace` says so: Unicode's blanks and four separators of ASCII.
#[must_use]
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Python's `str.strip`.
#[must_use]
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Python's `str.rstrip`.
#[must_use]
pub(crate) fn strip_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// Python's `int(text, base)` for base 8 and 10: blanks around it, a sign, leading zeros and single
/// `_` between digits are taken; base 8 also takes `0o`. A number beyond 128 bits becomes the
/// largest one.
#[must_use]
pub(crate) fn python_int(text: &str, base: u32) -> Option<i128> {
    let text = strip(text);
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = magnitude(without_prefix(digits, base), base)?;
    Some(if negative { -value } else { value })
}

/// After the prefix `0o` one `_` may follow.
fn without_prefix(digits: &str, base: u32) -> &str {
    if base != 8 {
        return digits;
    }
    match digits.strip_prefix("0o").or(digits.strip_prefix("0O")) {
        Some(rest) => rest.strip_prefix('_').unwrap_or(rest),
        None => digits,
    }
}

fn magnitude(digits: &str, base: u32) -> Option<i128> {
    let mut value: i128 = 0;
    for part in digits.split('_') {
        if part.is_empty() {
            return None;
        }
        for c in part.chars() {
            let digit = c.to_digit(base)?;
            value = value.saturating_mul(i128::from(base)).saturating_add(i128::from(digit));
        }
    }
    Some(value)
}

/// The nearest number that the specs can hold.
#[must_use]
pub(crate) fn clamp(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::{python_int, strip};

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (text, base, value) in [
            (" 7 ", 10, Some(7)),
            ("+007", 10, Some(7)),
            ("-1_000", 10, Some(-1000)),
            ("1__0", 10, None),
            ("_1", 10, None),
            ("1_", 10, None),
            ("", 10, None),
            ("-", 10, None),
            ("- 1", 10, None),
            ("0x1", 10, None),
            ("1.0", 10, None),
            ("0o22", 8, Some(18)),
            ("0o_22", 8, Some(18)),
            ("0o", 8, None),
            ("022", 8, Some(18)),
            ("9", 8, None),
            ("0o22", 10, None),
        ] {
            assert_eq!(python_int(text, base), value, "{text:?} base {base}");
        }
        assert_eq!(python_int(&"9".repeat(60), 10), Some(i128::MAX));
    }

    #[test]
    fn the_separators_of_ascii_are_blanks() {
        assert_eq!(strip("\u{1f}\t a \u{a0}\u{1c}\n"), "a");
    }
}
