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

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::strip;

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
