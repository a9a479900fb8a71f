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
            let digit = digit(c).filter(|digit| *digit < base)?;
            value = value.saturating_mul(i128::from(base)).saturating_add(i128::from(digit));
        }
    }
    Some(value)
}

/// Where the ten digits of each script begin, `0` itself aside: Python reads all of them.
#[rustfmt::skip]
const ZEROS: [u32; 65] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20, 0x1040,
    0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0,
    0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0,
    0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8,
    0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// The value of a decimal digit of any script.
pub(crate) fn digit(c: char) -> Option<u32> {
    if c.is_ascii() {
        return c.to_digit(10);
    }
    let code = u32::from(c);
    let after = ZEROS.partition_point(|zero| *zero <= code);
    let zero = ZEROS.get(after.checked_sub(1)?)?;
    Some(code - zero).filter(|digit| *digit < 10)
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
            ("\u{661}\u{ff10}5", 10, Some(105)),
            ("-\u{1d7ff}", 10, Some(-9)),
            ("\u{669}", 8, None),
            ("\u{66a}", 10, None),
            ("\u{b2}", 10, None),
            ("\u{10ffff}", 10, None),
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
