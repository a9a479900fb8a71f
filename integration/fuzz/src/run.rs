//! Asking both sides and comparing.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use integration::home::Home;
use integration::loaded::differences;
use integration::parsers::Parsers;
use integration::wait;
use serde_json::Value;

use crate::corpus;
use crate::make::Maker;
use crate::shrink;
use crate::target::{Input, Target};

/// How many inputs go to the original at once: the pipe's turn-round is then small beside the work.
const BATCH: usize = 256;

/// How much of one place is shown; `replay` begins where a reader wants to know more.
const SHOWN_CHARS: usize = 400;

/// How long, from where, and whether to go on after a difference.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) time: Duration,
    pub(crate) all: bool,
}

/// Both sides of one target.
struct Sides<'a> {
    target: &'a Target,
    names: Value,
    original: Parsers,
    /// Removed at the end.
    _home: Home,
}

impl<'a> Sides<'a> {
    fn of(target: &'a Target) -> Result<Self, String> {
        let home = Home::new();
        Ok(Self { target, names: target.names(&home)?, original: Parsers::start(), _home: home })
    }

    fn original(&mut self, inputs: &[Input]) -> Vec<Value> {
        self.original.ask(self.target.name, &self.names, inputs)
    }

    /// Our answer, if it is another than `original` and that was not decided.
    fn difference(&self, input: &Input, original: &Value) -> Option<Value> {
        let ours = self.target.ours(&self.names, input);
        let differs = ours != *original && (self.target.decided)(input, &ours, original).is_none();
        differs.then_some(ours)
    }

    fn shrunk(&mut self, input: Input) -> Input {
        shrink::smallest(input, &mut |candidate| {
            let fits = (self.target.fits)(candidate);
            fits && {
                let original = self.original(std::slice::from_ref(candidate)).remove(0);
                self.difference(candidate, &original).is_some()
            }
        })
    }

    /// Prints both answers; whether they agree.
    fn show(&mut self, input: &Input) -> bool {
        let original = self.original(std::slice::from_ref(input)).remove(0);
        let ours = self.target.ours(&self.names, input);
        println!("  input:    {}", corpus::shown(input));
        let mut lines = differences(&original, &ours);
        if lines.is_empty() {
            lines.push(format!("both: {ours}"));
        }
        for line in lines {
            println!("  {}", line.chars().take(SHOWN_CHARS).collect::<String>());
        }
        let decided = (self.target.decided)(input, &ours, &original);
        if let Some(compat) = decided.filter(|_| ours != original) {
            println!("  decided:  {compat}");
            return true;
        }
        ours == original
    }
}

/// Compares one target for as long as the plan says; whether both sides agreed.
pub(crate) fn run(target: &Target, plan: &Plan) -> Result<bool, String> {
    let mut sides = Sides::of(target)?;
    let seeds = target.seeds()?;
    let mut maker = Maker::new(target, &seeds, plan.seed);
    let mut told = HashSet::new();
    let (mut looked, begun) = (0, wait::mono());
    println!("{}: {} seeds, --seed {}", target.name, seeds.len(), plan.seed);
    let mut batch = seeds.clone();
    while wait::mono().saturating_sub(begun) < plan.time {
        let answers = sides.original(&batch);
        looked += batch.len();
        for (input, original) in batch.iter().zip(&answers) {
            if sides.difference(input, original).is_none() {
                continue;
            }
            let small = sides.shrunk(input.clone());
            if told.insert(small.clone()) {
                tell(&mut sides, &small);
            }
            if !plan.all {
                return Ok(false);
            }
        }
        batch = (0..BATCH).map(|_| maker.next()).collect();
    }
    println!("{}: {looked} inputs, {} differences", target.name, told.len());
    Ok(told.is_empty())
}

fn tell(sides: &mut Sides<'_>, input: &Input) {
    println!("{}: a difference", sides.target.name);
    sides.show(input);
    let quoted = corpus::shown(input).to_string().replace('\'', "'\\''");
    println!("  again:    cargo run -q -p fuzz -- replay {} '{quoted}'", sides.target.name);
}

/// Shows both answers to one input.
pub(crate) fn replay(target: &Target, input: &Input) -> Result<bool, String> {
    Ok(Sides::of(target)?.show(input))
}

/// Writes the original's answer beside each input of the corpus, each input once.
pub(crate) fn record(target: &Target) -> Result<(), String> {
    let Some(path) = target.corpus() else { return Ok(()) };
    let mut sides = Sides::of(target)?;
    let mut seen = HashSet::new();
    let mut inputs = target.seeds()?;
    inputs.retain(|input| seen.insert(input.clone()));
    let answers = sides.original(&inputs);
    let mut text = String::new();
    for (input, original) in inputs.iter().zip(&answers) {
        let ours = target.ours(&sides.names, input);
        let compat = (target.decided)(input, &ours, original).filter(|_| ours != *original);
        text.push_str(&corpus::line(input, original, compat));
        text.push('\n');
    }
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{}: {} seeds", path.display(), inputs.len());
    Ok(())
}
