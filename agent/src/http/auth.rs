//! Basic authentication, as supervisord reads it.

use agent_core::spec::Credentials;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::HeaderValue;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

/// Marks a password that is stored as the lower-case hex SHA-1 of the plain one.
const HASHED: &str = "{SHA}";

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on.
    Admitted,
    /// 401.
    Unauthorized,
    /// 400: the header is not base64 of a text.
    Malformed,
}

/// Compares an `Authorization` header with what the server wants. Without credentials everybody
/// is admitted.
pub(super) fn check(wanted: Option<&Credentials>, header: Option<&HeaderValue>) -> Verdict {
    let Some(wanted) = wanted else {
        return Verdict::Admitted;
    };
    let text = header.and_then(|value| value.to_str().ok()).unwrap_or("");
    let (scheme, cookie) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Verdict::Unauthorized;
    }
    let Some(decoded) = decode(cookie) else {
        return Verdict::Malformed;
    };
    match decoded.split_once(':') {
        Some((user, password)) if is_right(wanted, user, password) => Verdict::Admitted,
        Some(_) | None => Verdict::Unauthorized,
    }
}

/// What is no letter of the alphabet is skipped, as Python skips it.
fn decode(cookie: &str) -> Option<String> {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical);
    let letters: Vec<u8> = cookie
        .bytes()
        .filter(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
        .collect();
    let bytes = GeneralPurpose::new(&STANDARD, config.with_decode_allow_trailing_bits(true))
        .decode(letters)
        .ok()?;
    String::from_utf8(bytes).ok()
}

/// In a time that does not tell how much of either was right.
fn is_right(wanted: &Credentials, user: &str, password: &str) -> bool {
    let password_right = match wanted.password.strip_prefix(HASHED) {
        Some(stored) => stored.as_bytes().ct_eq(hex_sha1(password).as_bytes()),
        None => wanted.password.as_bytes().ct_eq(password.as_bytes()),
    };
    let user_right = wanted.username.as_bytes().ct_eq(user.as_bytes());
    (user_right & password_right).into()
}

fn hex_sha1(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(40);
    for byte in Sha1::digest(text.as_bytes()) {
        hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hex.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    hex
}

#[cfg(test)]
mod tests {
    use agent_core::spec::Credentials;
    use base64::Engine as _;
    use hyper::header::HeaderValue;

    use super::Verdict::{Admitted, Malformed, Unauthorized};
    use super::check;

    fn wanted(password: &str) -> Credentials {
        Credentials { username: "joe".into(), password: password.into() }
    }

    fn basic(scheme: &str, text: &str) -> String {
        let cookie = base64::engine::general_purpose::STANDARD.encode(text);
        format!("{scheme} {cookie}")
    }

    #[test]
    fn the_matrix_of_headers_and_stored_passwords() {
        let sha = "{SHA}e04f8c0f6a1f5b4f3b3c1b1f4a0d7a7a0e6ab6ae";
        let right_sha = "{SHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"; // "password"
        let upper_sha = "{SHA}5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
        for (stored, header, verdict) in [
            ("pw", None, Unauthorized),
            ("pw", Some(basic("Basic", "joe:pw")), Admitted),
            ("pw", Some(basic("bASIC", "joe:pw")), Admitted),
            ("pw", Some(basic("Digest", "joe:pw")), Unauthorized),
            ("pw", Some(basic("Basic", "joe:pwx")), Unauthorized),
            ("pw", Some(basic("Basic", "jo:pw")), Unauthorized),
            ("pw", Some(basic("Basic", "joe")), Unauthorized),
            ("p:w", Some(basic("Basic", "joe:p:w")), Admitted),
            ("p\u{e9}", Some(basic("Basic", "joe:p\u{e9}")), Admitted),
            ("pw", Some("Basic abc".to_owned()), Malformed),
            ("pw", Some("Basic /w==".to_owned()), Malformed),
            (sha, Some(basic("Basic", "joe:password")), Unauthorized),
            (right_sha, Some(basic("Basic", "joe:password")), Admitted),
            (right_sha, Some(basic("Basic", "joe:{SHA}x")), Unauthorized),
            (upper_sha, Some(basic("Basic", "joe:password")), Unauthorized),
        ] {
            let value = header.as_ref().map(|text| HeaderValue::from_str(text).unwrap());
            let found = check(Some(&wanted(stored)), value.as_ref());
            assert_eq!(found, verdict, "{stored} {header:?}");
        }
        assert_eq!(check(None, None), Admitted);
    }
}
