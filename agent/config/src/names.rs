//! The names that can be used at some place, and what they stand for.
//!
//! Most of them are the environment, the same for every section of a configuration: those are shared,
//! so that thousands of sections do not copy them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text: everything but the two numbers.
    Text(String),
    /// `process_num` and `numprocs`.
    Number(i64),
}

/// Names and values. A copy costs as much as what was added since [`Names::share`].
#[derive(Debug, Clone, Default)]
pub struct Names {
    shared: Arc<BTreeMap<String, Value>>,
    own: BTreeMap<String, Value>,
}

impl Names {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a name stands for.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.own.get(name).or_else(|| self.shared.get(name))
    }

    /// Lets a name stand for this from now on.
    pub fn insert(&mut self, name: String, value: Value) {
        self.own.insert(name, value);
    }

    /// All names, sorted.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.shared.keys().chain(self.own.keys()).collect();
        all.into_iter().cloned().collect()
    }

    /// Shares what is known so far with every copy.
    pub(crate) fn share(&mut self) {
        let own = std::mem::take(&mut self.own);
        if !own.is_empty() {
            Arc::make_mut(&mut self.shared).extend(own);
        }
    }

    /// Lets the shared names stand for what they stood for at first; others stay.
    pub(crate) fn restore_shared(&mut self) {
        let Self { shared, own } = self;
        own.retain(|name, _| !shared.contains_key(name));
    }
}

impl<const N: usize> From<[(String, Value); N]> for Names {
    fn from(names: [(String, Value); N]) -> Self {
        names.into_iter().collect()
    }
}

impl From<BTreeMap<String, Value>> for Names {
    fn from(own: BTreeMap<String, Value>) -> Self {
        Self { shared: Arc::default(), own }
    }
}

impl FromIterator<(String, Value)> for Names {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(names: I) -> Self {
        Self { shared: Arc::default(), own: names.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, Value};

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn a_copy_does_not_change_what_it_was_made_from() {
        let mut names = Names::from([("a".to_owned(), text("1")), ("b".to_owned(), text("2"))]);
        names.share();
        let mut copy = names.clone();
        copy.insert("b".to_owned(), text("3"));
        copy.insert("c".to_owned(), text("4"));
        assert_eq!((names.get("b"), names.get("c")), (Some(&text("2")), None));
        assert_eq!((copy.get("a"), copy.get("b")), (Some(&text("1")), Some(&text("3"))));
        assert_eq!(copy.all(), ["a", "b", "c"]);
        copy.restore_shared();
        assert_eq!((copy.get("b"), copy.get("c")), (Some(&text("2")), Some(&text("4"))));
    }
}
