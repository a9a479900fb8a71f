//! What our parsers make of an input, in the form in which the original's answers are recorded: an
//! object with `ok`, the value, or `err`, the text of the error. The fuzzer uses this file as well.

use agent_config::{Ini, Names, Value, expand, pairs, split_command};
use serde_json::{Value as Json, json};

/// The answer of the parser `target` to `texts`; `names` is what can be expanded.
///
/// # Panics
///
/// When there is no such target.
pub fn answer(target: &str, names: &Json, texts: &[String]) -> Json {
    let text = &texts[0];
    let answer = match target {
        "ini" => ini(texts),
        "expand" => shown(expand(text, &known(names), "section.key")),
        "command" => shown(split_command(text)),
        "environment" => shown(pairs(text).map(|pairs| json!(pairs))),
        _ => panic!("there is no target {target}"),
    };
    answer.map_or_else(|error| json!({ "err": error }), |value| json!({ "ok": value }))
}

fn shown<T: Into<Json>, E: ToString>(result: Result<T, E>) -> Result<Json, String> {
    result.map(Into::into).map_err(|error| error.to_string())
}

/// Reads the first text, then each further one as an included file.
fn ini(texts: &[String]) -> Result<Json, String> {
    let mut ini = Ini::default();
    for (number, text) in texts.iter().enumerate() {
        ini.read(&format!("file-{number}"), text, number > 0).map_err(|error| error.to_string())?;
        if texts.len() > 1 {
            ini.replace_here(&format!("/here-{number}"));
        }
    }
    let sections = ini.sections().iter().map(|section| {
        let value = |key: &str| ini.entry(&section.name, key).map(|entry| entry.value.clone());
        let keys = ini.keys(&section.name).into_iter();
        let values: serde_json::Map<String, Json> =
            keys.map(|key| (key.to_owned(), json!(value(key)))).collect();
        json!([section.name, values])
    });
    Ok(sections.collect())
}

/// Numbers and texts, as the file of names has them.
fn known(names: &Json) -> Names {
    let value = |value: &Json| match value.as_i64() {
        Some(number) => Value::Number(number),
        None => Value::Text(value.as_str().unwrap_or_default().to_owned()),
    };
    let names = names.as_object().into_iter().flatten();
    names.map(|(name, known)| (name.clone(), value(known))).collect()
}
