//! Inputs: some from the pieces of the grammar alone, most from a seed with a few changes.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::target::{Input, Target};

/// Long enough for every rule of these grammars to meet every other, short enough to be read.
const PIECES_MAX: usize = 24;

/// A few changes lead from a seed to its neighbours; many would be noise.
const CHANGES_MAX: usize = 6;

/// Texts do not grow beyond this by being spliced: what is found in longer ones is found in short ones.
const CHARS_MAX: usize = 4_000;

/// Beyond these Unicode still grows, and what is printable depends on the release that one was built
/// with.
const SETTLED_MAX: u32 = 0x7ff;

/// What mutations put in besides pieces: blanks of all sorts, quotes, and letters with rules of
/// their own for case, width or printing.
const CHARS: &[char] = &[
    ' ',
    '\t',
    '\n',
    '\r',
    '\u{b}',
    '\u{c}',
    '\u{1c}',
    '\u{1d}',
    '\u{1e}',
    '\u{1f}',
    '\u{85}',
    '\u{a0}',
    '\u{1680}',
    '\u{2003}',
    '\u{2028}',
    '\u{3000}',
    '\u{200b}',
    '\u{ad}',
    '\u{feff}',
    '\0',
    '\u{7f}',
    '\u{9f}',
    '\'',
    '"',
    '\\',
    '%',
    '(',
    ')',
    '=',
    ':',
    ';',
    '#',
    ',',
    '[',
    ']',
    '0',
    'A',
    'z',
    'é',
    'ß',
    'İ',
    'Σ',
    'ſ',
    '日',
    '\u{301}',
    '\u{e000}',
    '\u{378}',
    '😀',
    '\u{10ffff}',
];

/// Makes inputs; the same seed makes the same ones.
pub(crate) struct Maker<'a> {
    random: StdRng,
    target: &'a Target,
    seeds: &'a [Input],
}

impl<'a> Maker<'a> {
    pub(crate) fn new(target: &'a Target, seeds: &'a [Input], seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), target, seeds }
    }

    /// The next input that both sides have the memory for.
    pub(crate) fn next(&mut self) -> Input {
        loop {
            let input = self.any();
            if (self.target.fits)(&input) {
                return input;
            }
        }
    }

    fn any(&mut self) -> Input {
        let seed = self.seeds.choose(&mut self.random).cloned();
        match seed {
            Some(seed) if self.random.random_ratio(2, 3) => self.changed(seed),
            _ => self.fresh(),
        }
    }

    fn fresh(&mut self) -> Input {
        let texts = match self.target.texts {
            many if many > 1 && self.random.random_ratio(1, 4) => {
                self.random.random_range(2..=many)
            }
            _ => 1,
        };
        (0..texts).map(|_| self.text()).collect()
    }

    fn text(&mut self) -> String {
        let pieces = self.random.random_range(0..=PIECES_MAX);
        (0..pieces).map(|_| self.piece()).collect()
    }

    fn piece(&mut self) -> String {
        match self.random.random_range(0..10) {
            0 => self.char().to_string(),
            _ => {
                self.target.pieces.choose(&mut self.random).copied().unwrap_or_default().to_owned()
            }
        }
    }

    fn char(&mut self) -> char {
        match self.random.random_range(0..4) {
            0 => char::from_u32(self.random.random_range(0..=SETTLED_MAX)).unwrap_or(' '),
            1 => self.random.random_range(' '..='~'),
            _ => CHARS.choose(&mut self.random).copied().unwrap_or(' '),
        }
    }

    fn changed(&mut self, mut input: Input) -> Input {
        for _ in 0..self.random.random_range(1..=CHANGES_MAX) {
            let which = self.random.random_range(0..input.len());
            let mut text: Vec<char> = input[which].chars().collect();
            self.change(&mut text);
            text.truncate(CHARS_MAX);
            input[which] = text.into_iter().collect();
        }
        input
    }

    fn change(&mut self, text: &mut Vec<char>) {
        let (from, to) = self.range_in(text);
        match self.random.random_range(0..7) {
            0 | 1 => {
                let piece = self.piece();
                text.splice(from..from, piece.chars());
            }
            2 => {
                text.drain(from..to);
            }
            3 => {
                let again = text[from..to].to_vec();
                text.splice(to..to, again);
            }
            4 => {
                let piece = self.piece();
                text.splice(from..to, piece.chars());
            }
            5 => {
                let other = self.seeds.choose(&mut self.random).and_then(|seed| seed.first());
                let other: Vec<char> = other.map(|text| text.chars().collect()).unwrap_or_default();
                let (start, end) = self.range(other.len());
                text.splice(from..to, other[start..end].iter().copied());
            }
            _ => {
                let char = self.char();
                if let Some(place) = text.get_mut(from) {
                    *place = char;
                }
            }
        }
    }

    /// A range within the text: a few lines, or a few characters.
    fn range_in(&mut self, text: &[char]) -> (usize, usize) {
        let (from, to) = self.range(text.len());
        if !self.target.by_line || self.random.random_ratio(1, 4) {
            return (from, to);
        }
        let line_from = |at: usize| {
            let end = text[at..].iter().position(|c| *c == '\n');
            end.map_or(text.len(), |end| at + end + 1)
        };
        let from = line_from(from);
        (from, if self.random.random() { from } else { line_from(from) })
    }

    /// A range within `length`, most often a short one.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let from = self.random.random_range(0..=length);
        let to = (from + self.random.random_range(0..=8)).min(length);
        (from, to)
    }
}

#[cfg(test)]
mod tests {
    use super::{CHARS_MAX, Maker};
    use crate::target::TARGETS;

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let seeds = vec![vec!["[a]\nk=v".to_owned()]];
        for target in TARGETS {
            let made = |seed| -> Vec<_> {
                let mut maker = Maker::new(target, &seeds, seed);
                (0..200).map(|_| maker.next()).collect()
            };
            assert_eq!(made(7), made(7));
            assert_ne!(made(7), made(8));
            assert!(made(7).iter().flatten().all(|text| text.chars().count() <= 2 * CHARS_MAX));
        }
    }
}
