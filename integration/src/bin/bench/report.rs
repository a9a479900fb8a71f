//! What was measured, beside what is aimed at.

use std::fmt;
use std::process::ExitCode;

/// All lines.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    what: String,
    figures: String,
    ratio: String,
    aim: String,
    kept: Kept,
}

/// How a figure stands to its aim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Yes,
    /// Missed by less than a factor of two.
    Nearly,
    No,
}

impl Kept {
    /// `off` is how many times worse than the aim: 1 and less is kept.
    fn of(off: f64) -> Self {
        match off {
            off if off <= 1.0 => Self::Yes,
            off if off <= 2.0 => Self::Nearly,
            _ => Self::No,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Yes => "kept",
            Self::Nearly => "missed",
            Self::No => "MISSED BY MORE THAN TWICE",
        }
    }
}

impl Report {
    /// Our figure may be at most `aim` times the bare loop's.
    pub fn beside_bare(&mut self, what: &str, unit: &str, ours: f64, bare: f64, aim: f64) {
        let ratio = ours / bare;
        self.push(Line {
            what: what.to_owned(),
            figures: format!("{ours:.2} {unit}; bare loop {bare:.2}"),
            ratio: format!("{ratio:.2} x bare"),
            aim: format!("at most {aim}"),
            kept: Kept::of(ratio / aim),
        });
    }

    /// Our figure, of which less is better, must be at least `aim` times smaller than the original's.
    pub fn below_original(&mut self, what: &str, unit: &str, ours: f64, original: f64, aim: f64) {
        let ratio = original / ours;
        self.push(Line {
            what: what.to_owned(),
            figures: format!("{ours:.2} {unit}; original {original:.2}"),
            ratio: format!("original {ratio:.1} x"),
            aim: format!("at least {aim}"),
            kept: Kept::of(aim / ratio),
        });
    }

    /// Our figure must be at most `aim`, whatever others do.
    pub fn at_most(&mut self, what: &str, unit: &str, ours: f64, aim: f64) {
        let off = if aim > 0.0 { ours / aim } else { 1.0 + ours };
        self.push(Line {
            what: what.to_owned(),
            figures: format!("{ours:.2} {unit}"),
            ratio: String::new(),
            aim: format!("at most {aim}"),
            kept: Kept::of(off),
        });
    }

    fn push(&mut self, line: Line) {
        println!("  {line}");
        self.lines.push(line);
    }

    /// Fails when something is worse than twice its aim.
    pub fn verdict(&self) -> ExitCode {
        let failed = self.lines.iter().any(|line| line.kept == Kept::No);
        if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, figures, ratio, aim, kept } = self;
        write!(f, "{what:42} {figures:44} {ratio:16} {aim:14} {}", kept.word())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The middle of some figures.
///
/// # Panics
///
/// When there are none.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
