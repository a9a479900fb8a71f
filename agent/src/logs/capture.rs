//! The capture mode's tokens: what stands between them is not for the log (CAP-01..05).

const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";
const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// Where a channel is: outside or between the tokens, and what may be the start of one.
#[derive(Debug, Default)]
pub(super) struct Capture {
    capturing: bool,
    held: Vec<u8>,
}

/// A piece of output, tokens taken out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub bytes: Vec<u8>,
    /// It stood between the tokens. Nobody hears of it yet: the event door will.
    pub captured: bool,
}

impl Capture {
    /// Cuts a chunk into pieces. A token may be split over any number of chunks; only what may
    /// still become one is held back.
    pub(super) fn feed(&mut self, chunk: &[u8]) -> Vec<Piece> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(chunk);
        let mut pieces = Vec::new();
        let mut rest = text.as_slice();
        loop {
            let token = if self.capturing { END } else { BEGIN };
            let at = rest.windows(token.len()).position(|window| window == token);
            let Some((before, after)) = at.and_then(|at| rest.split_at_checked(at)) else {
                break;
            };
            self.push(&mut pieces, before);
            self.capturing = !self.capturing;
            rest = after.get(token.len()..).unwrap_or(&[]);
        }
        let token = if self.capturing { END } else { BEGIN };
        let (certain, held) = rest.split_at(rest.len() - prefix_at_end(rest, token));
        self.push(&mut pieces, certain);
        self.held = held.to_vec();
        pieces
    }

    /// What was held back, now that nothing follows. (supervisord loses it: CAP-04.)
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        let held = std::mem::take(&mut self.held);
        let mut pieces = Vec::new();
        self.push(&mut pieces, &held);
        pieces
    }

    fn push(&self, pieces: &mut Vec<Piece>, bytes: &[u8]) {
        if !bytes.is_empty() {
            pieces.push(Piece { bytes: bytes.to_vec(), captured: self.capturing });
        }
    }
}

/// How many bytes at the end of `text` may be the beginning of `token`.
fn prefix_at_end(text: &[u8], token: &[u8]) -> usize {
    (1..token.len().min(text.len() + 1))
        .rev()
        .find(|length| token.get(..*length).is_some_and(|start| text.ends_with(start)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Capture;

    fn logged_and_captured(chunks: &[&[u8]]) -> (String, String) {
        let mut capture = Capture::default();
        let mut pieces = Vec::new();
        for chunk in chunks {
            pieces.extend(capture.feed(chunk));
        }
        pieces.extend(capture.finish());
        let (mut logged, mut captured) = (String::new(), String::new());
        for piece in pieces {
            let text = String::from_utf8(piece.bytes).unwrap();
            if piece.captured { &mut captured } else { &mut logged }.push_str(&text);
        }
        (logged, captured)
    }

    #[test]
    fn tokens_are_found_however_they_are_split() {
        let output = b"a<!--XSUPERVISOR:BEGIN-->data<!--XSUPERVISOR:END-->b<!--XSUPERV c<";
        let expected = ("ab<!--XSUPERV c<".to_owned(), "data".to_owned());
        assert_eq!(logged_and_captured(&[output]), expected);
        let bytes: Vec<&[u8]> = output.chunks(1).collect();
        assert_eq!(logged_and_captured(&bytes), expected);
        for at in 1..output.len() {
            let (head, tail) = output.split_at(at);
            assert_eq!(logged_and_captured(&[head, tail]), expected, "split at {at}");
        }
    }

    #[test]
    fn short_output_is_not_lost() {
        assert_eq!(logged_and_captured(&[b"hello-short"]).0, "hello-short");
    }
}
