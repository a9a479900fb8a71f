//! What `reloadConfig` found.

use std::collections::BTreeMap;

use proto_xmlrpc::Value;

use super::answer::array;
use crate::reach::trouble::Trouble;

/// Groups that a new configuration adds, changes, removes.
#[derive(Debug, Default)]
pub struct Changes {
    /// Not in service yet.
    pub added: Vec<String>,
    /// In service, with another configuration.
    pub changed: Vec<String>,
    /// In service, no longer configured.
    pub removed: Vec<String>,
}

impl Changes {
    /// Reads the answer: an array around an array of the three lists.
    ///
    /// # Errors
    ///
    /// The answer is built otherwise.
    pub fn read(value: &Value) -> Result<Self, Trouble> {
        let odd = || Trouble::value("ValueError", "not enough values to unpack (expected 3)");
        let lists = array(array(value)?.first().ok_or_else(odd)?)?;
        let [added, changed, removed] = lists else {
            return Err(odd());
        };
        let names = |list: &Value| -> Result<Vec<String>, Trouble> {
            let names = array(list)?.iter();
            Ok(names.filter_map(|name| name.as_str().map(str::to_owned)).collect())
        };
        Ok(Self { added: names(added)?, changed: names(changed)?, removed: names(removed)? })
    }

    /// What `reread` says: a line per group, by name.
    pub fn lines(&self) -> Vec<String> {
        let mut told = BTreeMap::new();
        for (names, what) in
            [(&self.added, "available"), (&self.changed, "changed"), (&self.removed, "disappeared")]
        {
            told.extend(names.iter().map(|name| (name, what)));
        }
        if told.is_empty() {
            return vec!["No config updates to processes".to_owned()];
        }
        told.into_iter().map(|(name, what)| format!("{name}: {what}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use proto_xmlrpc::Value;

    use super::Changes;

    fn answer(lists: [&[&str]; 3]) -> Value {
        let list = |names: &[&str]| Value::Array(names.iter().map(|n| Value::from(*n)).collect());
        Value::Array(vec![Value::Array(lists.map(list).into())])
    }

    #[test]
    fn changes_are_told_by_name() {
        let changes = Changes::read(&answer([&["five", "a"], &["one"], &["g"]])).expect("three");
        assert_eq!(
            changes.lines(),
            ["a: available", "five: available", "g: disappeared", "one: changed"]
        );
        let none = Changes::read(&answer([&[], &[], &[]])).expect("three");
        assert_eq!(none.lines(), ["No config updates to processes"]);
        assert!(Changes::read(&Value::Array(vec![])).is_err());
    }
}
