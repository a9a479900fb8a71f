//! `make bench`: our agent, the original and a bare loop in the same run, as ratios.
//!
//! Each figure is the median of a few rounds in which the peers take turns, so that whatever else
//! the machine does hits all of them. Only ratios are claims; the figures are there to be read.
//! Words on the command line choose benches by a part of their name; none means all.

mod cpu;
mod launch;
mod load;
mod logs;
mod peers;
mod report;
mod restart;

use std::process::ExitCode;

use report::Report;

/// A bench: what it is called and what it does.
type Bench = (&'static str, fn(&mut Report));

const BENCHES: &[Bench] = &[
    ("launch and stop", launch::launch_and_stop),
    ("restart after a crash", restart::after_a_crash),
    ("programs that exit at once", restart::at_once),
    ("log copying, one writer", logs::one_writer),
    ("log copying, one write a line", logs::one_write_a_line),
    ("log copying, a hundred writers", logs::a_hundred_writers),
    ("memory", launch::memory),
    ("sleepers", launch::sleepers),
    ("load and reread", load::load_and_reread),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word.starts_with('-')) {
        let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        println!("usage: bench [PART-OF-A-NAME]...\nbenches: {}", names.join("; "));
        return ExitCode::from(2);
    }
    if cfg!(debug_assertions) {
        println!("(a debug build: these figures mean nothing; use `make bench`)");
    }
    let mut report = Report::default();
    for (name, bench) in BENCHES {
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            println!("{name} …");
            bench(&mut report);
        }
    }
    println!("\n{report}");
    report.verdict()
}
