//! Differences that were decided, recognised from the input and our answer. As narrow as can be: what
//! is let through here is never looked at again.

use serde_json::Value;

use crate::target::Input;

/// The widest field that we make (COMPAT-9).
const WIDTH_MAX: usize = 32_767;

/// Digits in a row: five already ask for more than we make, six would ask Python for a megabyte each.
const DIGITS_MAX: usize = 5;

/// Whether no width in it takes much memory.
pub(crate) fn is_narrow(input: &Input) -> bool {
    input.iter().all(|text| numbers(text).all(|digits| digits.len() <= DIGITS_MAX))
}

fn numbers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_digit())
}

/// COMPAT-7: a conversion without a name where Python would write all names and values. COMPAT-9: a
/// width or precision beyond ours.
pub(crate) fn expansion(input: &Input, ours: &Value, _: &Value) -> Option<&'static str> {
    let error = ours["err"].as_str()?;
    let [format] = input.as_slice() else { return None };
    if error.ends_with("not enough arguments for format string") && begins_nameless(format) {
        return Some("COMPAT-7");
    }
    let wide = numbers(format).any(|digits| digits.parse().is_ok_and(|it: usize| it > WIDTH_MAX));
    let refused = error.ends_with("width too big") || error.ends_with("precision too big");
    (refused && wide).then_some("COMPAT-9")
}

/// As [`expansion`], for a value in a whole configuration; COMPAT-8: Python that only the original can
/// import. Where the original ends with a traceback, there is nothing to compare with.
pub(crate) fn whole(_: &Input, ours: &Value, original: &Value) -> Option<&'static str> {
    if original.pointer("/ok/error/crash").is_some() {
        return Some("a crash of the original");
    }
    let error = ours.pointer("/ok/error/text")?.as_str()?;
    if error.starts_with("Could not make ") {
        return Some("what the original says when it opens its servers, later than it reads");
    }
    let unknown = |error: &str| error.starts_with("Unknown event type ");
    if unknown(error) && original.pointer("/ok/error/text")?.as_str().is_some_and(unknown) {
        return Some("the original looks at events in the order of a set, which changes");
    }
    let told = error.strip_prefix("Format string ").and_then(|it| it.rsplit_once(" for '"));
    let nameless = told.is_some_and(|(format, _)| begins_nameless(format));
    if nameless && error.contains("not enough arguments for format string") {
        return Some("COMPAT-7");
    }
    let python = error.contains(" cannot be resolved within [");
    (python && original.pointer("/ok/error").is_none()).then_some("COMPAT-8")
}

/// Whether the first conversion has no name and is one of those that take anything.
fn begins_nameless(format: &str) -> bool {
    let plain = format.replace("%%", "");
    let Some((_, rest)) = plain.split_once('%') else { return false };
    let rest = rest.trim_start_matches(['-', '+', ' ', '#', '0']);
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = match rest.strip_prefix('.') {
        Some(rest) => rest.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let rest = rest.strip_prefix(['h', 'l', 'L']).unwrap_or(rest);
    rest.starts_with(['s', 'r', 'a'])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{expansion, is_narrow};

    fn decided(format: &str, error: &str) -> Option<&'static str> {
        expansion(&vec![format.to_owned()], &json!({ "err": error }), &Value::Null)
    }

    #[test]
    fn only_what_was_decided_is_let_through() {
        let spent = "… is badly formatted: not enough arguments for format string";
        assert_eq!(decided("100%% of %-5.2ls", spent), Some("COMPAT-7"));
        assert_eq!(decided("%(here)s %s", spent), None);
        assert_eq!(decided("%d", spent), None);
        assert_eq!(decided("%s", "another"), None);
        assert_eq!(decided("%(a)99999d", "… width too big"), Some("COMPAT-9"));
        assert_eq!(decided("%(a)9d", "… width too big"), None);
        assert!(is_narrow(&vec!["%(a)99999d".to_owned()]));
        assert!(!is_narrow(&vec!["%(a)999999d".to_owned()]));
    }
}
