//! The four parsers give the original's recorded answers, seed by seed.
//!
//! Each line of `tests/corpus/TARGET.jsonl` is an input and what Supervisor 4.3.0 says to it;
//! `make corpus` writes the answers, `make fuzz` begins from the inputs. Where a line has `compat`,
//! we decided to differ.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

#[path = "../corpus/answers.rs"]
mod answers;

/// How many seeds a corpus has at least.
const SEEDS_MIN: usize = 50;

fn text_of(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn replay(target: &str) {
    let names = serde_json::from_str(&text_of("names.json")).expect("it is JSON");
    let mut inputs = HashSet::new();
    for line in text_of(&format!("{target}.jsonl")).lines() {
        let seed: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let texts: Vec<String> = match &seed["in"] {
            Value::Array(list) => list.iter().map(text).collect(),
            one => vec![text(one)],
        };
        let ours = answers::answer(target, &names, &texts);
        let original = match seed.get("ok") {
            Some(value) => json!({ "ok": value }),
            None => json!({ "err": seed["err"] }),
        };
        assert!(seed.get("ok").or(seed.get("err")).is_some(), "{line}: run `make corpus`");
        if seed.get("compat").is_some() {
            assert!(ours["err"].is_string(), "{line}: decided to be an error, is {ours}");
        } else {
            assert_eq!(ours, original, "{target}: {line}");
        }
        assert!(inputs.insert(texts), "{line} stands twice");
    }
    assert!(inputs.len() >= SEEDS_MIN, "{target}: only {} seeds", inputs.len());
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

#[test]
fn the_ini_dialect() {
    replay("ini");
}

#[test]
fn expansion() {
    replay("expand");
}

#[test]
fn commands() {
    replay("command");
}

#[test]
fn environments() {
    replay("environment");
}
