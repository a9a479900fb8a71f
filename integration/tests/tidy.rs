//! The house rules and the dependency rules, kept by a test.
//!
//! Each rule collects every offence and says where and what would be right, so that one run shows
//! all of them.

#[cfg(test)]
mod rules {
    mod dependencies;
    mod layers;
    mod licences;
    mod sources;
    mod tree;

    use std::fmt::Write as _;

    /// Fails with one line for each offence.
    fn none(rule: &str, offences: &[String]) {
        let list = offences.iter().fold(String::new(), |mut list, offence| {
            let _ = write!(list, "\n  {offence}");
            list
        });
        assert!(offences.is_empty(), "{rule}:{list}");
    }
}
