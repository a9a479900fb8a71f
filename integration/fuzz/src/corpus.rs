//! The recorded seeds: a line of JSON for each, `{"in": …}` and what the original says to it, `ok`
//! or `err`. Where we decided to differ, `compat` has the number.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::target::Input;

/// The inputs of a corpus, in the order of its lines.
pub(crate) fn inputs(path: &Path) -> Result<Vec<Input>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let input = |(index, line): (usize, &str)| {
        let wrong = |why: String| format!("{}:{}: {why}", path.display(), index + 1);
        let line: Value = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        texts(&line["in"]).map_err(wrong)
    };
    text.lines().enumerate().map(input).collect()
}

/// One text, or a list of them.
pub(crate) fn texts(value: &Value) -> Result<Input, String> {
    let text = |one: &Value| one.as_str().map(ToOwned::to_owned);
    let texts = match value {
        Value::Array(list) => list.iter().map(text).collect(),
        one => text(one).map(|one| vec![one]),
    };
    texts.ok_or_else(|| format!("{value} is neither a text nor a list of texts"))
}

/// As `texts` reads it.
pub(crate) fn shown(input: &Input) -> Value {
    match input.as_slice() {
        [one] => json!(one),
        many => json!(many),
    }
}

/// One line.
pub(crate) fn line(input: &Input, original: &Value, compat: Option<&str>) -> String {
    let mut line = Map::new();
    line.insert("in".to_owned(), shown(input));
    for (key, value) in original.as_object().into_iter().flatten() {
        line.insert(key.clone(), value.clone());
    }
    if let Some(compat) = compat {
        line.insert("compat".to_owned(), json!(compat));
    }
    Value::Object(line).to_string()
}
