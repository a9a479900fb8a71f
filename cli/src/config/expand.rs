//! `%(name)s` in a value.

use std::collections::BTreeMap;

use proto_words::repr;
use thiserror::Error;

/// A value that cannot be expanded, in supervisord's words.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ExpandError {
    /// A name that stands for nothing.
    #[error(
        "Format string {} for {} contains names ({}) which cannot be expanded. \
         Available names: {available}", repr(.value), repr(.key), repr(.name)
    )]
    Unknown {
        /// The value.
        value: String,
        /// Section and key, with a point between.
        key: String,
        /// The name.
        name: String,
        /// The names that there are, with commas between.
        available: String,
    },
    /// A `%` that begins nothing; `%%` is a percent sign.
    #[error("Format string {} for {} is badly formatted: {why}", repr(.value), repr(.key))]
    Malformed {
        /// The value.
        value: String,
        /// Section and key, with a point between.
        key: String,
        /// What is wrong.
        why: &'static str,
    },
}

/// What names stand for.
pub type Names = BTreeMap<String, String>;

/// Replaces `%(name)s`, and `%%` by a percent sign.
///
/// # Errors
///
/// [`ExpandError`] for an unknown name and for any other use of `%`.
pub fn expand(value: &str, key: &str, names: &Names) -> Result<String, ExpandError> {
    let malformed = |why| ExpandError::Malformed { value: value.into(), key: key.into(), why };
    let (mut out, mut rest) = (String::with_capacity(value.len()), value);
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let opened = after.strip_prefix('(').ok_or_else(|| malformed(NOT_A_NAME))?;
        let (name, after) = opened.split_once(')').ok_or_else(|| malformed(UNCLOSED))?;
        out.push_str(names.get(name).ok_or_else(|| ExpandError::Unknown {
            value: value.to_owned(),
            key: key.to_owned(),
            name: name.to_owned(),
            available: names.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        })?);
        rest = after.strip_prefix('s').ok_or_else(|| malformed(NOT_A_STRING))?;
    }
    out.push_str(rest);
    Ok(out)
}

const NOT_A_NAME: &str = "% must be followed by (name)s, or doubled";
const UNCLOSED: &str = "incomplete format key";
const NOT_A_STRING: &str = "only %(name)s can be expanded here";

#[cfg(test)]
mod tests {
    use super::{Names, expand};

    #[test]
    fn names_are_replaced_and_mistakes_told() {
        let names = Names::from([("ENV_A".into(), "1".into()), ("here".into(), "/etc".into())]);
        let run =
            |value| expand(value, "supervisorctl.serverurl", &names).map_err(|e| e.to_string());
        assert_eq!(run("unix://%(here)s/%(ENV_A)s%%"), Ok("unix:///etc/1%".to_owned()));
        assert_eq!(
            run("%(x)s"),
            Err("Format string '%(x)s' for 'supervisorctl.serverurl' contains names ('x') which \
                 cannot be expanded. Available names: ENV_A, here"
                .to_owned())
        );
        for bad in ["50%", "%d", "%(here", "%(here)d"] {
            assert!(run(bad).is_err_and(|e| e.contains("is badly formatted")), "{bad}");
        }
    }
}
