//! What every source file keeps to.

use super::none;
use super::tree::{Source, sources};

/// A file is split at 400 lines and never longer than this.
const FILE_LINES_MAX: usize = 600;

/// A function is defended from 40 lines on and never longer than this.
const FUNCTION_LINES_MAX: usize = 70;

/// The one directory where `unsafe` may stand.
const UNSAFE_HOME: &str = "agent/src/spawn";

/// Asks each file's rule for its offences and fails with all of them.
fn check(rule: &str, offences: impl Fn(&Source) -> Vec<String>) {
    let all: Vec<_> = sources().iter().flat_map(offences).collect();
    none(rule, &all);
}

#[test]
fn files_are_short() {
    check("files have at most 600 lines; split by theme", |source| {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX { vec![format!("{}: {lines}", source.path)] } else { vec![] }
    });
}

#[test]
fn functions_are_short() {
    check("functions have at most 70 lines; name the parts", |source| {
        functions(&source.text)
            .into_iter()
            .filter(|(_, lines)| *lines > FUNCTION_LINES_MAX)
            .map(|(line, lines)| format!("{}:{line}: {lines} lines", source.path))
            .collect()
    });
}

/// The functions of a formatted text as (first line, number of lines). rustfmt puts the closing
/// brace under the `fn`, so the indentation finds it.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let starts = lines.iter().enumerate().filter(|(_, line)| begins_function(line));
    let length = |start: usize, line: &str| {
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        // The signature ends where the body begins, or where there is none, or all is on one line.
        let signature = lines[start..].iter().position(|line| line.ends_with(['{', ';', '}']));
        let signature = signature.unwrap_or_default();
        let body = lines[start + signature..].iter().position(|line| *line == end);
        let body = body.filter(|_| lines[start + signature].ends_with('{'));
        1 + signature + body.unwrap_or_default()
    };
    starts.map(|(start, line)| (start + 1, length(start, line))).collect()
}

fn begins_function(line: &str) -> bool {
    let mut words = line.trim_start().split(' ').peekable();
    while let Some(word) = words.next() {
        match word {
            "fn" => return words.peek().is_some_and(|name| name.contains(['(', '<'])),
            "const" | "async" | "unsafe" | "extern" | "\"C\"" => {}
            _ if word.starts_with("pub") || word.ends_with(')') => {}
            _ => return false,
        }
    }
    false
}

#[test]
fn functions_are_measured() {
    let text = "fn a() {\n    x\n}\nimpl B {\n    pub(crate) async fn c(&self) -> u8 {\n        1\n    }\n    \
                fn d() {}\n    fn e(&self);\n    fn f(\n        &self,\n    ) -> u8;\n}\n// fn no\n";
    assert_eq!(functions(text), [(1, 3), (5, 3), (8, 1), (9, 1), (10, 3)]);
}

#[test]
fn unsafe_stands_in_one_place() {
    let word = concat!("un", "safe");
    let forms = ["{", "fn", "impl", "extern", "trait"].map(|next| format!("{word} {next}"));
    let lint = format!("{word}_code");
    check("only the code between fork and exec may be that", |source| {
        if source.path.starts_with(UNSAFE_HOME) {
            return vec![];
        }
        let bad = |line: &str| forms.iter().any(|form| line.contains(form)) || line.contains(&lint);
        source
            .code()
            .filter(|(_, line)| bad(line))
            .map(|(number, _)| format!("{}:{number}", source.path))
            .collect()
    });
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("to", "do!"),
        concat!("unimple", "mented!"),
    ];
    check("what is not built yet is not hinted at either", |source| {
        source
            .lines()
            .filter(|(_, line)| words.iter().any(|word| line.contains(word)))
            .map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim()))
            .collect()
    });
}

#[test]
fn an_ignored_test_names_its_reason() {
    let mark = concat!("#[ig", "nore");
    let numbered = |line: &str| {
        let after = line.split_once("COMPAT-").map(|(_, after)| after);
        after.is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()))
    };
    check("a test is ignored only for a numbered difference: = \"COMPAT-17\"", |source| {
        source
            .code()
            .filter(|(_, line)| line.contains(mark) && !numbered(line))
            .map(|(number, _)| format!("{}:{number}", source.path))
            .collect()
    });
}

#[test]
fn limits_say_why() {
    check("a limit's constant has a comment with its reason", |source| {
        let lines: Vec<&str> = source.text.lines().collect();
        let limits = lines.iter().enumerate().filter(|(_, line)| is_limit(line));
        limits
            .filter(|(index, _)| !explained(&lines[..*index]))
            .map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim()))
            .collect()
    });
}

/// A constant that bounds something: by its name, or because it is a span of time.
fn is_limit(line: &str) -> bool {
    let Some((before, rest)) = line.split_once("const ") else {
        return false;
    };
    let Some((name, kind)) = rest.split_once(": ") else {
        return false;
    };
    let item = before.trim().is_empty() || before.trim_start().starts_with("pub");
    let named =
        name.split('_').any(|part| ["MAX", "MIN", "LIMIT", "TIMEOUT", "CAPACITY"].contains(&part));
    item && (named || kind.starts_with("Duration"))
}

/// Whether the lines before end with a comment, attributes aside.
fn explained(before: &[&str]) -> bool {
    let mut above = before.iter().rev().map(|line| line.trim());
    above.find(|line| !line.starts_with("#[")).is_some_and(|line| line.starts_with("//"))
}

#[test]
fn limits_are_recognised() {
    assert!(is_limit("pub const WAITING_MAX: usize = 5;"));
    assert!(is_limit("    const BETWEEN: Duration = Duration::from_secs(1);"));
    assert!(!is_limit("const NAME: &str = \"x\";"));
    assert!(!is_limit("pub const fn max(x: u8) -> u8 {"));
    assert!(explained(&["/// Why.", "#[rustfmt::skip]"]));
    assert!(!explained(&["use x;", ""]));
}
