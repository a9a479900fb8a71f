//! The capture mode's tokens: what stands between them is not for the log but for listeners
//! (CAP-01 to CAP-06).

use super::ansi;

const BEGIN: &[u8] = b"<!--XSUPERVISOR:BEGIN-->";
const END: &[u8] = b"<!--XSUPERVISOR:END-->";

/// Where a channel is: outside or between the tokens, and what may be the start of one.
#[derive(Debug)]
pub(super) struct Capture {
    max_bytes: usize,
    /// What stood between the tokens so far; `None` outside.
    caught: Option<Vec<u8>>,
    held: Vec<u8>,
}

/// A piece of output, tokens taken out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Before, between and behind captures.
    Outside(Vec<u8>),
    /// A part of a capture, as it comes.
    Inside(Vec<u8>),
    /// A capture, now that its end is there.
    Captured(Vec<u8>),
}

impl Capture {
    /// `max_bytes` is `capture_maxbytes`.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, caught: None, held: Vec::new() }
    }

    /// Cuts a chunk into pieces. A token may be split over any number of chunks. Outside, only what
    /// may still become one is held back; inside, where nobody waits for it, as much as the
    /// original holds back, since its pieces decide what is lost of a capture that is too long.
    /// Each piece is stripped by itself, so that a token in colour is none.
    pub(super) fn feed(&mut self, chunk: &[u8], strip: bool) -> Vec<Piece> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(chunk);
        let mut pieces = Vec::new();
        let mut rest = text.as_slice();
        loop {
            let token = self.token();
            let at = ansi::find(rest, token);
            let Some((before, after)) = at.and_then(|at| rest.split_at_checked(at)) else {
                break;
            };
            self.push(&mut pieces, before, strip);
            match self.caught.take() {
                Some(caught) => pieces.push(Piece::Captured(caught)),
                None => self.caught = Some(Vec::new()),
            }
            rest = after.get(token.len()..).unwrap_or(&[]);
        }
        let uncertain = if self.caught.is_some() && rest.len() <= END.len() {
            rest.len()
        } else {
            prefix_at_end(rest, self.token())
        };
        let (certain, held) = rest.split_at(rest.len() - uncertain);
        self.push(&mut pieces, certain, strip);
        self.held = held.to_vec();
        pieces
    }

    /// What was held back, now that nothing follows. (supervisord loses it: CAP-04.)
    pub(super) fn finish(&mut self, strip: bool) -> Vec<Piece> {
        let held = std::mem::take(&mut self.held);
        let mut pieces = Vec::new();
        self.push(&mut pieces, &held, strip);
        pieces
    }

    /// The log was removed, and so is what is captured.
    pub(super) fn forget(&mut self) {
        if let Some(caught) = &mut self.caught {
            caught.clear();
        }
    }

    fn token(&self) -> &'static [u8] {
        if self.caught.is_some() { END } else { BEGIN }
    }

    fn push(&mut self, pieces: &mut Vec<Piece>, bytes: &[u8], strip: bool) {
        if bytes.is_empty() {
            return;
        }
        let bytes = if strip { ansi::strip(bytes) } else { bytes.to_vec() };
        let Some(caught) = &mut self.caught else {
            return pieces.push(Piece::Outside(bytes));
        };
        // A piece that finds too little room drops as much as it is long from the front, and then
        // is kept whole (CAP-06): so the capture is never longer than the limit and a piece.
        if caught.len() + bytes.len() > self.max_bytes {
            caught.drain(..bytes.len().min(caught.len()));
        }
        caught.extend_from_slice(&bytes);
        pieces.push(Piece::Inside(bytes));
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
    use super::{BEGIN, Capture, END, Piece};

    /// What is logged, what is told as it comes, and the captures, each with a bar behind it.
    fn cut(max_bytes: usize, chunks: &[&[u8]]) -> [String; 3] {
        let mut capture = Capture::new(max_bytes);
        let mut pieces = Vec::new();
        for chunk in chunks {
            pieces.extend(capture.feed(chunk, false));
        }
        pieces.extend(capture.finish(false));
        let mut shown = [const { String::new() }; 3];
        for piece in pieces {
            let (at, bytes, end) = match piece {
                Piece::Outside(bytes) => (0, bytes, ""),
                Piece::Inside(bytes) => (1, bytes, ""),
                Piece::Captured(bytes) => (2, bytes, "|"),
            };
            shown[at] += std::str::from_utf8(&bytes).unwrap();
            shown[at] += end;
        }
        shown
    }

    #[test]
    fn tokens_are_found_however_they_are_split() {
        let output = b"a<!--XSUPERVISOR:BEGIN-->data<!--XSUPERVISOR:END-->b<!--XSUPERV c<";
        let expected = ["ab<!--XSUPERV c<".to_owned(), "data".to_owned(), "data|".to_owned()];
        assert_eq!(cut(100, &[output]), expected);
        let bytes: Vec<&[u8]> = output.chunks(1).collect();
        assert_eq!(cut(100, &bytes), expected);
        for at in 1..output.len() {
            let (head, tail) = output.split_at(at);
            assert_eq!(cut(100, &[head, tail]), expected, "split at {at}");
        }
    }

    #[test]
    fn short_output_is_not_lost() {
        assert_eq!(cut(100, &[b"hello-short"])[0], "hello-short");
    }

    #[test]
    fn an_empty_capture_is_one_and_an_unfinished_one_is_none() {
        let [logged, told, captured] = cut(100, &[BEGIN, END, b"x", BEGIN, b"lost"]);
        assert_eq!([logged, told, captured], ["x", "lost", "|"]);
    }

    #[test]
    fn a_capture_that_is_too_long_loses_its_front_piece_by_piece() {
        let long = "0123456789abcdefghijklmnopqrstuvwxyz";
        for (max_bytes, pieces, captured) in [
            (10, &["0123456789abcdefghijklmno"][..], "0123456789abcdefghijklmno|"),
            (10, &["01234", long, "56789"], "0123456789abcdefghijklmnopqrstuvwxyz56789|"),
            (40, &[long, "0123456789012345678901234"], "pqrstuvwxyz0123456789012345678901234|"),
        ] {
            let mut chunks = vec![BEGIN];
            chunks.extend(pieces.iter().map(|piece| piece.as_bytes()));
            chunks.push(END);
            assert_eq!(cut(max_bytes, &chunks)[2], captured, "{pieces:?}");
        }
    }

    #[test]
    fn what_is_captured_goes_with_the_log() {
        let mut capture = Capture::new(100);
        let _ = capture.feed(b"<!--XSUPERVISOR:BEGIN-->a long enough piece of text", false);
        capture.forget();
        let pieces = capture.feed(b"and more<!--XSUPERVISOR:END-->", false);
        assert!(pieces.contains(&Piece::Captured(b"and more".to_vec())), "{pieces:?}");
    }
}
