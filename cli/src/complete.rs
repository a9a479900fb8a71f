//! What the Tab key offers in the shell.

use crate::verbs::{Takes, VERBS, find};

/// Group and name of a process.
pub type Member = (String, String);

/// Where the word at the end of `line` begins, and what it could become; each offer ends with a
/// blank. `members` is asked only if names are needed.
pub fn offers(line: &str, members: impl FnOnce() -> Vec<Member>) -> (usize, Vec<String>) {
    let start = line.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
    let word = &line[start..];
    let candidates = match line[..start].split_whitespace().next() {
        None => verbs(),
        Some(first) => match find(first).map(|verb| verb.takes) {
            Some(Takes::Verb) => verbs(),
            Some(Takes::Groups) => groups(members()),
            Some(Takes::Processes) => processes(members(), word.contains(':')),
            Some(Takes::Nothing) | None => Vec::new(),
        },
    };
    let fitting = candidates.into_iter().filter(|candidate| candidate.starts_with(word));
    (start, fitting.map(|candidate| candidate + " ").collect())
}

fn verbs() -> Vec<String> {
    let names = VERBS.iter().map(|verb| verb.name.to_owned());
    names.filter(|name| name != "EOF").collect()
}

fn groups(members: Vec<Member>) -> Vec<String> {
    let mut groups = Vec::new();
    for (group, _) in members {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

/// A process that is its own group is offered by its bare name until a colon is typed.
fn processes(members: Vec<Member>, colon: bool) -> Vec<String> {
    let mut names = Vec::new();
    for (group, name) in members {
        if !colon && group == name {
            names.push(name);
            continue;
        }
        names.push(format!("{group}:{name}"));
        let every = format!("{group}:*");
        if !names.contains(&every) {
            names.push(every);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::offers;

    fn offered(line: &str) -> (usize, String) {
        let members = [("cat", "cat"), ("grp", "a"), ("grp", "b")];
        let members = members.map(|(group, name)| (group.to_owned(), name.to_owned()));
        let (start, offers) = offers(line, || members.into());
        (start, offers.concat())
    }

    #[test]
    fn verbs_groups_and_processes_are_offered_where_they_fit() {
        for (line, start, expected) in [
            ("re", 0, "reload remove reread restart "),
            ("  sta", 2, "start status "),
            ("help ver", 5, "version "),
            ("update ", 7, "cat grp "),
            ("start ", 6, "cat grp:a grp:* grp:b "),
            ("start cat g", 10, "grp:a grp:* grp:b "),
            ("start cat:", 6, "cat:cat cat:* "),
            ("start grp:b", 6, "grp:b "),
            ("quit ", 5, ""),
            ("nonsense ", 9, ""),
        ] {
            assert_eq!(offered(line), (start, expected.to_owned()), "{line}");
        }
        assert_eq!(offered("").1.split_whitespace().count(), 22);
    }
}
