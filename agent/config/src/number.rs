//! How Python lays out one value of a `%` conversion.

use std::fmt::Write as _;

use proto_words::repr;

use crate::names::Value;

/// Flags, width and precision of a conversion.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Layout {
    /// `-`: blanks go to the right.
    pub left: bool,
    /// `+`: a sign always.
    pub sign: bool,
    /// A blank where a sign would be.
    pub blank: bool,
    /// `#`: the other form, with a prefix or a decimal point.
    pub alternate: bool,
    /// `0`: zeros instead of blanks.
    pub zero: bool,
    /// The least number of characters.
    pub width: Option<usize>,
    /// What stands after the dot.
    pub precision: Option<usize>,
}

impl Layout {
    /// Notes one of the characters `-+ #0`.
    pub(crate) fn set_flag(&mut self, flag: char) {
        match flag {
            '-' => self.left = true,
            '+' => self.sign = true,
            ' ' => self.blank = true,
            '#' => self.alternate = true,
            '0' => self.zero = true,
            _ => {}
        }
    }
}

/// A value as `letter` asks for it. `Err(None)` means that there is no such letter.
pub(crate) fn convert(
    letter: char,
    layout: &Layout,
    value: &Value,
) -> Result<String, Option<String>> {
    match (letter, value) {
        ('s', Value::Text(text)) => Ok(cut_and_padded(text, layout)),
        ('r', Value::Text(text)) => Ok(cut_and_padded(&repr(text), layout)),
        ('a', Value::Text(text)) => Ok(cut_and_padded(&ascii(&repr(text)), layout)),
        ('s' | 'r' | 'a', Value::Number(number)) => Ok(cut_and_padded(&number.to_string(), layout)),
        ('d' | 'i' | 'u' | 'o' | 'x' | 'X', Value::Number(number)) => {
            Ok(integer(letter, layout, *number))
        }
        ('e' | 'E' | 'f' | 'F' | 'g' | 'G', Value::Number(number)) => {
            Ok(real(letter, layout, *number))
        }
        ('c', value) => character(value).map(|c| padded("", "", &c, layout, false)),
        ('d' | 'i' | 'u', Value::Text(_)) => {
            Err(Some(format!("%{letter} format: a real number is required, not str")))
        }
        ('o' | 'x' | 'X', Value::Text(_)) => {
            Err(Some(format!("%{letter} format: an integer is required, not str")))
        }
        ('e' | 'E' | 'f' | 'F' | 'g' | 'G', Value::Text(_)) => {
            Err(Some("must be real number, not str".to_owned()))
        }
        _ => Err(None),
    }
}

fn cut_and_padded(text: &str, layout: &Layout) -> String {
    let cut: String = match layout.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    padded("", "", &cut, layout, false)
}

/// Python's `ascii`, given its `repr`.
fn ascii(shown: &str) -> String {
    let mut out = String::new();
    for c in shown.chars() {
        let code = u32::from(c);
        // Writing to a String cannot fail.
        let _ = match code {
            0..=0x7f => write!(out, "{c}"),
            0x80..=0xff => write!(out, "\\x{code:02x}"),
            0x100..=0xffff => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out
}

fn character(value: &Value) -> Result<String, Option<String>> {
    match value {
        Value::Text(text) if text.chars().count() == 1 => Ok(text.clone()),
        Value::Text(_) => Err(Some("%c requires int or char".to_owned())),
        Value::Number(number) => u32::try_from(*number)
            .ok()
            .and_then(char::from_u32)
            .map(String::from)
            .ok_or_else(|| Some("%c arg not in range(0x110000)".to_owned())),
    }
}

fn integer(letter: char, layout: &Layout, number: i64) -> String {
    let magnitude = number.unsigned_abs();
    let (prefix, digits) = match letter {
        'o' => ("0o", format!("{magnitude:o}")),
        'x' => ("0x", format!("{magnitude:x}")),
        'X' => ("0X", format!("{magnitude:X}")),
        _ => ("", magnitude.to_string()),
    };
    let precision = layout.precision.unwrap_or(0);
    let digits = format!("{digits:0>precision$}");
    let prefix = if layout.alternate { prefix } else { "" };
    padded(sign(layout, number < 0), prefix, &digits, layout, true)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Python rounds a number to the nearest double here, too"
)]
fn real(letter: char, layout: &Layout, number: i64) -> String {
    let precision = layout.precision.unwrap_or(6);
    let magnitude = (number as f64).abs();
    let digits = match letter.to_ascii_lowercase() {
        'e' => exponential(magnitude, precision, layout.alternate),
        'f' => fixed(magnitude, precision, layout.alternate),
        _ => general(magnitude, precision.max(1), layout.alternate),
    };
    let digits = if letter.is_ascii_uppercase() { digits.to_ascii_uppercase() } else { digits };
    padded(sign(layout, number < 0), "", &digits, layout, true)
}

fn fixed(magnitude: f64, precision: usize, point: bool) -> String {
    let point = if point && precision == 0 { "." } else { "" };
    format!("{magnitude:.precision$}{point}")
}

/// Python writes at least two digits of the exponent, and its sign.
fn exponential(magnitude: f64, precision: usize, point: bool) -> String {
    let text = format!("{magnitude:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if point && precision == 0 { "." } else { "" };
    format!("{mantissa}{point}e+{exponent:0>2}")
}

/// `%g`: exponential only when the number has more digits than the precision.
fn general(magnitude: f64, precision: usize, keep_zeros: bool) -> String {
    let rounded = format!("{magnitude:.*e}", precision - 1);
    let exponent: usize =
        rounded.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    if exponent < precision {
        let text = fixed(magnitude, precision - 1 - exponent, keep_zeros);
        return if keep_zeros { text } else { without_zeros(&text) };
    }
    let text = exponential(magnitude, precision - 1, keep_zeros);
    match text.split_once('e') {
        Some((mantissa, exponent)) if !keep_zeros => {
            format!("{}e{exponent}", without_zeros(mantissa))
        }
        _ => text,
    }
}

fn without_zeros(text: &str) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn sign(layout: &Layout, negative: bool) -> &'static str {
    match (negative, layout.sign, layout.blank) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

fn padded(sign: &str, prefix: &str, body: &str, layout: &Layout, numeric: bool) -> String {
    let length = sign.len() + prefix.len() + body.chars().count();
    let missing = layout.width.unwrap_or(0).saturating_sub(length);
    let (blanks, zeros, after) = match (layout.left, layout.zero && numeric) {
        (true, _) => (0, 0, missing),
        (false, true) => (0, missing, 0),
        (false, false) => (missing, 0, 0),
    };
    format!("{}{sign}{prefix}{}{body}{}", " ".repeat(blanks), "0".repeat(zeros), " ".repeat(after))
}
