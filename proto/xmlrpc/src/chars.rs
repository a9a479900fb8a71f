//! Which characters XML 1.0 has.

/// Whether XML 1.0 lets this character stand in a document, raw or by number.
pub(crate) fn allowed(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        c => c >= ' ',
    }
}

/// Whether a name may begin with this character; close to XML's table, which has more gaps.
fn begins_name(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == ':'
}

/// Whether this can be the name of an element.
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(begins_name)
        && chars.all(|c| begins_name(c) || c.is_alphanumeric() || matches!(c, '-' | '.' | '\u{b7}'))
}
