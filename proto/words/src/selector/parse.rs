//! Reads host selectors and lists of labels. Recursive descent; errors are sentences.

use super::{DEPTH_MAX, HostSelector, HostState, LabelTerm, NAMES_MAX, range};

/// The reader's place in the text.
struct Reader<'a> {
    rest: &'a str,
    depth: u32,
    names: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Union,
    Intersection,
    Difference,
    Exclusive,
}

/// Each operator with its sign and its word.
const OPERATORS: [(Operator, char, &str); 4] = [
    (Operator::Union, ',', "or"),
    (Operator::Intersection, '&', "and"),
    (Operator::Difference, '!', "minus"),
    (Operator::Exclusive, '^', "xor"),
];

pub(super) fn hosts(text: &str) -> Result<HostSelector, String> {
    if text.trim().is_empty() {
        return Ok(HostSelector::Every);
    }
    let mut reader = Reader { rest: text, depth: 0, names: 0 };
    let tree = reader.expression()?;
    match reader.rest.trim_start() {
        "" => Ok(tree),
        rest => Err(format!(
            "{rest:?} is left over; join terms with , & ! or ^ and close what was opened"
        )),
    }
}

pub(super) fn labels(text: &str) -> Result<HostSelector, String> {
    let terms: Result<Vec<_>, _> = text.split(',').map(|term| label(term.trim())).collect();
    Ok(HostSelector::Intersection(terms?))
}

fn label(term: &str) -> Result<HostSelector, String> {
    let word = |key: &str| {
        let key = key.trim();
        if key.is_empty() {
            Err("a label has no key; write key=value, key!=value, key or !key".to_owned())
        } else {
            Ok(key.to_owned())
        }
    };
    Ok(HostSelector::Label(if let Some((key, value)) = term.split_once("!=") {
        LabelTerm::IsNot(word(key)?, value.trim().to_owned())
    } else if let Some((key, value)) = term.split_once('=') {
        LabelTerm::Is(word(key)?, value.trim().to_owned())
    } else if let Some(key) = term.strip_prefix('!') {
        LabelTerm::HasNot(word(key)?)
    } else {
        LabelTerm::Has(word(term)?)
    }))
}

impl Reader<'_> {
    fn expression(&mut self) -> Result<HostSelector, String> {
        let first = self.term()?;
        let Some(operator) = self.operator() else {
            return Ok(first);
        };
        let mut terms = vec![first, self.term()?];
        while let Some(next) = self.operator() {
            if next != operator {
                return Err(
                    "two different operators need parentheses, as in (web-* & role=api) , db-1"
                        .to_owned(),
                );
            }
            terms.push(self.term()?);
        }
        Ok(match operator {
            Operator::Union => HostSelector::Union(terms),
            Operator::Intersection => HostSelector::Intersection(terms),
            Operator::Difference => HostSelector::Difference(terms),
            Operator::Exclusive => HostSelector::Exclusive(terms),
        })
    }

    /// Takes an operator, if one is next.
    fn operator(&mut self) -> Option<Operator> {
        let rest = self.rest.trim_start();
        for (operator, sign, word) in OPERATORS {
            let after = rest
                .strip_prefix(sign)
                .or_else(|| rest.strip_prefix(word).filter(|after| after.starts_with([' ', '('])));
            if let Some(after) = after {
                self.rest = after;
                return Some(operator);
            }
        }
        None
    }

    fn term(&mut self) -> Result<HostSelector, String> {
        self.rest = self.rest.trim_start();
        if let Some(after) = self.rest.strip_prefix('(') {
            self.rest = after;
            return self.parenthesis();
        }
        if let Some(after) = self.rest.strip_prefix('!') {
            self.rest = after;
            let key = self.word();
            return label(&format!("!{key}"));
        }
        let word = self.word();
        if let Some(listed) = self.list_of(&word) {
            return listed;
        }
        let term = simple(&word)?;
        self.names += term.names();
        if self.names > NAMES_MAX {
            return Err(format!("it has more than {NAMES_MAX} names"));
        }
        Ok(term)
    }

    fn parenthesis(&mut self) -> Result<HostSelector, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} parentheses are open"));
        }
        let inner = self.expression()?;
        self.depth -= 1;
        self.rest =
            self.rest.trim_start().strip_prefix(')').ok_or("a parenthesis is not closed")?;
        Ok(inner)
    }

    /// `key in (a,b)` or `key notin (a,b)`, when that is what follows `key`.
    fn list_of(&mut self, key: &str) -> Option<Result<HostSelector, String>> {
        let rest = self.rest.trim_start();
        let (is_in, after) = rest
            .strip_prefix("in")
            .map(|after| (true, after))
            .or_else(|| rest.strip_prefix("notin").map(|after| (false, after)))?;
        let inside = after.trim_start().strip_prefix('(')?;
        let Some((values, after)) = inside.split_once(')') else {
            return Some(Err("a list of values is not closed; write key in (a,b)".to_owned()));
        };
        self.rest = after;
        let values = values.split(',').map(|v| v.trim().to_owned()).collect();
        Some(Ok(HostSelector::Label(if is_in {
            LabelTerm::In(key.to_owned(), values)
        } else {
            LabelTerm::NotIn(key.to_owned(), values)
        })))
    }

    /// Takes what belongs to one term: up to a blank, an operator or a parenthesis, brackets whole.
    fn word(&mut self) -> String {
        let mut in_brackets = false;
        let end = self
            .rest
            .char_indices()
            .find(|(at, c)| match c {
                '[' => {
                    in_brackets = true;
                    false
                }
                ']' => {
                    in_brackets = false;
                    false
                }
                '!' => !self.rest[at + 1..].starts_with('='),
                ',' | '&' | '^' | '(' | ')' => !in_brackets,
                c => c.is_whitespace(),
            })
            .map_or(self.rest.len(), |(at, _)| at);
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }
}

/// One word: a state, a label, a glob, a range or a name.
fn simple(word: &str) -> Result<HostSelector, String> {
    if word.is_empty() {
        return Err("a term is empty; write a name, a glob, a range or key=value".to_owned());
    }
    if let Some(state) = word.strip_prefix('~') {
        return match state {
            "up" => Ok(HostSelector::State(HostState::Up)),
            "down" => Ok(HostSelector::State(HostState::Down)),
            "stale" => Ok(HostSelector::State(HostState::Stale)),
            _ => Err(format!("~{state} is not known here; use ~up, ~down or ~stale")),
        };
    }
    if word.starts_with('@') || word.contains('%') {
        return Err(format!(
            "{word:?}: sets (@name) and samples (10%) are not offered by this version; \
             use names, globs, ranges and labels"
        ));
    }
    if word.contains('=') {
        return label(word);
    }
    if word == "*" {
        return Ok(HostSelector::Every);
    }
    let mut names = range::names(word)?
        .into_iter()
        .map(|name| {
            if name.contains(['*', '?']) {
                HostSelector::Glob(name)
            } else {
                HostSelector::Name(name)
            }
        })
        .collect::<Vec<_>>();
    Ok(match names.pop() {
        Some(only) if names.is_empty() => only,
        last => {
            names.extend(last);
            HostSelector::Union(names)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::{HostSelector, HostState, LabelTerm};

    fn name(text: &str) -> HostSelector {
        HostSelector::Name(text.to_owned())
    }

    fn is(key: &str, value: &str) -> HostSelector {
        HostSelector::Label(LabelTerm::Is(key.to_owned(), value.to_owned()))
    }

    #[test]
    fn terms_and_operators_become_a_tree() {
        let glob = HostSelector::Glob("web-*".to_owned());
        for (text, tree) in [
            ("", HostSelector::Every),
            ("*", HostSelector::Every),
            ("web-1", name("web-1")),
            ("web-*", glob.clone()),
            ("web-[1-2]", HostSelector::Union(vec![name("web-1"), name("web-2")])),
            ("a,b , c", HostSelector::Union(vec![name("a"), name("b"), name("c")])),
            ("a or b", HostSelector::Union(vec![name("a"), name("b")])),
            ("web-*!web-1", HostSelector::Difference(vec![glob.clone(), name("web-1")])),
            ("web-* minus web-1", HostSelector::Difference(vec![glob.clone(), name("web-1")])),
            ("web-*&role=api", HostSelector::Intersection(vec![glob, is("role", "api")])),
            ("a^b", HostSelector::Exclusive(vec![name("a"), name("b")])),
            ("role!=api", HostSelector::Label(LabelTerm::IsNot("role".into(), "api".into()))),
            ("!old", HostSelector::Label(LabelTerm::HasNot("old".into()))),
            ("~up", HostSelector::State(HostState::Up)),
            (
                "(a,b) & zone in (x, y)",
                HostSelector::Intersection(vec![
                    HostSelector::Union(vec![name("a"), name("b")]),
                    HostSelector::Label(LabelTerm::In("zone".into(), vec!["x".into(), "y".into()])),
                ]),
            ),
        ] {
            assert_eq!(HostSelector::parse(text), Ok(tree), "{text:?}");
        }
    }

    #[test]
    fn what_could_be_a_guess_is_an_error() {
        for bad in ["a,b&c", "a b", "(a", "a)", "a,", "&a", "~odd", "@set", "10%(a)", "w[1", "=v"] {
            assert!(HostSelector::parse(bad).is_err(), "{bad:?}");
        }
        assert!(HostSelector::parse(&"(".repeat(10_000)).is_err());
        let many = "w[1-9000]";
        assert!(HostSelector::parse(&format!("{many},{many}")).is_ok());
        assert!(HostSelector::parse(&format!("{many},{many},{many}")).is_err());
        let text = HostSelector::parse("a,b&c").unwrap_err().to_string();
        assert!(text.starts_with("\"a,b&c\": two different operators need parentheses"));
    }

    #[test]
    fn a_list_of_labels_must_hold_as_a_whole() {
        let has = |key: &str| HostSelector::Label(LabelTerm::Has(key.to_owned()));
        let not = HostSelector::Label(LabelTerm::HasNot("old".into()));
        let differs = HostSelector::Label(LabelTerm::IsNot("zone".into(), "b".into()));
        assert_eq!(
            HostSelector::parse_labels("role=web,zone!=b,ssd,!old"),
            Ok(HostSelector::Intersection(vec![is("role", "web"), differs, has("ssd"), not]))
        );
        for bad in ["", "a,,b", "=v", "!"] {
            assert!(HostSelector::parse_labels(bad).is_err(), "{bad:?}");
        }
    }
}
