//! The recorded answers of the corpora are still the running original's.

use std::fs;

use integration::parsers::Parsers;
use integration::places;
use serde_json::{Value, json};

/// Where seeds lie; a file of lines for each parser.
const CORPORA: &[&str] = &["agent/config/tests/corpus"];

#[test]
fn recorded_answers_are_the_originals() {
    let mut parsers = Parsers::start();
    let mut looked = 0;
    for corpus in CORPORA {
        let directory = places::repository().join(corpus);
        let names = fs::read_to_string(directory.join("names.json")).unwrap();
        let names: Value = serde_json::from_str(&names).unwrap();
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "jsonl") {
                let target = path.file_stem().unwrap().to_str().unwrap();
                looked +=
                    compared(&mut parsers, target, &names, &fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(looked >= 200, "only {looked} seeds");
}

/// How many seeds were compared.
fn compared(parsers: &mut Parsers, target: &str, names: &Value, lines: &str) -> usize {
    let seeds: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let inputs: Vec<Vec<String>> = seeds.iter().map(|seed| texts(&seed["in"])).collect();
    for (seed, answer) in seeds.iter().zip(parsers.ask(target, names, &inputs)) {
        let recorded = match seed.get("ok") {
            Some(value) => json!({ "ok": value }),
            None => json!({ "err": seed["err"] }),
        };
        assert_eq!(recorded, answer, "{target}: {}: run `make corpus`", seed["in"]);
    }
    seeds.len()
}

fn texts(value: &Value) -> Vec<String> {
    let text = |one: &Value| one.as_str().expect("an input is a text").to_owned();
    value.as_array().map_or_else(|| vec![text(value)], |list| list.iter().map(text).collect())
}
