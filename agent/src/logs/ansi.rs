//! `strip_ansi`: colours and cursor moves are taken out, chunk by chunk (ANS-02..05).

/// What a sequence begins with.
const BEGIN: &[u8] = b"\x1b[";

/// What a sequence ends with.
const TERMINATORS: &[u8] = b"HfABCDRsuJKhlpm";

/// The chunk without its sequences: from `ESC [` through the first terminator. A sequence without
/// an end takes the rest of the chunk with it; one that is split over two chunks is not recognised
/// in the second. supervisord does the same.
pub(super) fn strip(chunk: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(chunk.len());
    let mut rest = chunk;
    while let Some(at) = find(rest, BEGIN) {
        let (before, sequence) = rest.split_at(at);
        kept.extend_from_slice(before);
        let end = sequence.iter().position(|byte| TERMINATORS.contains(byte));
        rest = end.and_then(|end| sequence.get(end + 1..)).unwrap_or(&[]);
    }
    kept.extend_from_slice(rest);
    kept
}

/// Where the first `what` begins. Its first byte is looked for alone, since it is rare in output:
/// that is several times faster than comparing at every place.
pub(super) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    let (first, _) = what.split_first()?;
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = from + rest.iter().position(|byte| byte == first)?;
        if text.get(at..)?.starts_with(what) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{find, strip};

    #[test]
    fn what_is_there_is_found() {
        for (text, at) in
            [("ab", Some(0)), ("aab", Some(1)), ("aaa", None), ("", None), ("xaxab", Some(3))]
        {
            assert_eq!(find(text.as_bytes(), b"ab"), at, "{text}");
        }
    }

    #[test]
    fn sequences_go_and_everything_else_stays() {
        for (chunk, kept) in [
            ("plain", "plain"),
            ("a\x1b[31mred\x1b[0mb", "aredb"),
            ("\x1b[2;3Htop", "top"),
            ("\x1b]0;title\x07x", "\x1b]0;title\x07x"),
            ("split 1\x1b[3", "split 1"),
            ("1mX", "1mX"),
            ("\x1b[?25lq", "q"),
            ("\x1b[9z8mx", "x"),
            ("", ""),
            ("\x1b", "\x1b"),
        ] {
            assert_eq!(strip(chunk.as_bytes()), kept.as_bytes(), "{chunk:?}");
        }
    }
}
