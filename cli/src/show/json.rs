//! Answers as JSON, for `-o json`: the names and values that XML-RPC has.

use proto_xmlrpc::Value;
use serde_json::{Map, Number, Value as Json};

/// The same value in JSON. A double that JSON cannot say is null.
pub fn json(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Int(number) => Json::from(*number),
        Value::Boolean(yes) => Json::from(*yes),
        Value::String(text) | Value::DateTime(text) => Json::from(text.as_str()),
        Value::Double(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Struct(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), json(value)));
            Json::Object(members.collect::<Map<_, _>>())
        }
    }
}

/// Takes `-o json` out of a verb's words; whether it was there.
pub fn taken_from(words: &mut Vec<&str>) -> bool {
    if let Some(place) = words.windows(2).position(|pair| pair == ["-o", "json"]) {
        words.drain(place..place + 2);
        return true;
    }
    let before = words.len();
    words.retain(|word| !matches!(*word, "-ojson" | "--output=json"));
    words.len() < before
}

#[cfg(test)]
mod tests {
    use proto_xmlrpc::Value;

    #[test]
    fn the_option_may_stand_anywhere() {
        for line in ["-o json a", "a -o json", "a -ojson", "--output=json a"] {
            let mut words = line.split(' ').collect();
            assert!(super::taken_from(&mut words), "{line}");
            assert_eq!(words, ["a"], "{line}");
        }
        assert!(!super::taken_from(&mut vec!["-o", "a", "json"]));
    }

    #[test]
    fn values_keep_their_names_and_kinds() {
        let value = Value::record([("a", Value::Array(vec![1.into(), "x".into(), true.into()]))]);
        assert_eq!(super::json(&value).to_string(), r#"{"a":[1,"x",true]}"#);
    }
}
