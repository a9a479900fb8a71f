//! As much of URLs as supervisorctl looks at.

/// Whether this counts as a URL: a scheme, and a host or a path.
pub fn is_url(text: &str) -> bool {
    scheme(text).is_some_and(|(_, rest)| {
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        end > 0
    })
}

/// The scheme in lower case, and what follows its colon.
pub fn scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.trim_start().split_once(':')?;
    let mut chars = scheme.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic());
    let goes_on = chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    (begins && goes_on).then(|| (scheme.to_ascii_lowercase(), rest))
}

#[cfg(test)]
mod tests {
    use super::is_url;

    #[test]
    fn a_url_has_a_scheme_and_a_host_or_a_path() {
        for yes in ["http://h", "unix:///s", "localhost:9001", "http:x", "unix:///"] {
            assert!(is_url(yes), "{yes}");
        }
        for no in ["foo", "", "http:", "http://", "://h", "9:x", "a b:c", "http:?x"] {
            assert!(!is_url(no), "{no}");
        }
    }
}
