//! Every fact about the original is shown on both subjects in this run, or decided against.
//!
//! Runs after `it`, whose tests say what they have shown; alone it has nothing to compare.

#[cfg(test)]
mod manifest {
    use std::collections::BTreeMap;
    use std::fs;

    use integration::facts::{Fact, Seen, listed, seen};
    use integration::places;

    /// So many ids the list must have at least, or it was not found.
    const FACTS_MIN: usize = 651;

    #[test]
    fn every_fact_has_a_test_or_a_reason() {
        let (listed, seen) = (listed(), seen());
        assert!(!seen.is_empty(), "no test has shown anything yet: `make test` runs all of them");
        let compat = fs::read_to_string(places::repository().join("docs/COMPAT.md")).unwrap();
        let mut wrong: Vec<String> = listed
            .keys()
            .filter_map(|id| Some(format!("{id}: {}", fault(id, &listed, &seen, &compat)?)))
            .collect();
        let unlisted = seen.keys().filter(|id| !listed.contains_key(*id));
        wrong.extend(unlisted.map(|id| format!("{id}: shown, and in no list of facts/")));
        if listed.len() < FACTS_MIN {
            wrong.push(format!("only {} facts are listed, of {FACTS_MIN}", listed.len()));
        }
        assert!(wrong.is_empty(), "{} facts:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// What a fact lacks.
    fn fault(id: &str, all: &BTreeMap<String, Fact>, seen: &Seen, compat: &str) -> Option<String> {
        let fact = &all[id];
        if fact.root && !nix::unistd::geteuid().is_root() {
            return None;
        }
        match (&fact.test, &fact.decision, fact.same_as.as_slice()) {
            (Some(test), None, []) => not_shown(id, test, seen),
            (_, Some(decision), []) if compat.contains(&format!("| {decision} |")) => None,
            (_, Some(decision), []) => Some(format!("docs/COMPAT.md has no {decision}")),
            (None, None, others) if !others.is_empty() => {
                others.iter().find_map(|other| match all.get(other) {
                    None => Some(format!("{other} is not listed")),
                    Some(found) if !found.same_as.is_empty() => {
                        Some(format!("{other} itself only points on"))
                    }
                    Some(_) => fault(other, all, seen, compat).map(|why| format!("{other}: {why}")),
                })
            }
            _ => Some("needs one of `test`, `decision`, `as`".to_owned()),
        }
    }

    fn not_shown(id: &str, test: &str, seen: &Seen) -> Option<String> {
        let missing: Vec<_> = ["Original", "Ours"]
            .into_iter()
            .filter(|subject| {
                let shown = seen.get(id).into_iter().flatten();
                !shown.into_iter().any(|(who, by)| who == subject && by.starts_with(test))
            })
            .collect();
        (!missing.is_empty()).then(|| format!("{test} did not show it on {}", missing.join(", ")))
    }
}
