//! The commands of a page: what it tells the reader to type, with what comes of it.
//!
//! A ```` ```sh ```` block has a command per line; in a ```` ```console ```` block a line that begins with
//! `$ ` is one, and what follows is what it prints (`…` stands for what is left out). A command
//! ends with exit code 0 unless `# exit code N` stands behind it.

/// The kinds of blocks; another word, or none, would hide commands from the test.
const KINDS: [&str; 5] = ["sh", "console", "toml", "ini", "text"];

/// Words that a command begins with. A block of text may not have them there.
const PROGRAMS: [&str; 7] = [
    "fleetvisorctl",
    "fleetvisord",
    "fleetvisor-controller",
    "supervisorctl",
    "supervisord",
    "cargo",
    "make",
];

/// A line that a reader types.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// Where it stands, from 1.
    pub line: usize,
    /// What is typed, as a shell reads it.
    pub text: String,
    /// The exit code that the page states.
    pub code: i32,
    /// What the page says that it prints.
    pub sample: Vec<String>,
    /// Whether it stands under a heading "One host".
    pub is_one_host: bool,
}

/// All commands of a page, in order; or what hides some.
pub fn commands(page: &str) -> Result<Vec<Command>, String> {
    let mut reader = Reader::default();
    for (index, line) in page.lines().enumerate() {
        let number = index + 1;
        reader.line(number, line).map_err(|why| format!("line {number}: {why}"))?;
    }
    match reader.kind {
        Some(_) => Err("a block is not closed".to_owned()),
        None => Ok(reader.found),
    }
}

#[derive(Default)]
struct Reader {
    /// The kind of the block that is open.
    kind: Option<&'static str>,
    is_one_host: bool,
    found: Vec<Command>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(kind) = line.strip_prefix("```") {
            return self.fence(kind.trim());
        }
        match self.kind {
            None => self.prose(line),
            Some("sh") => {
                let text = line.trim();
                if !text.is_empty() && !text.starts_with('#') {
                    self.command(number, text)?;
                }
                Ok(())
            }
            Some("console") => match line.strip_prefix("$ ") {
                Some(text) => self.command(number, text),
                None => self.output(line),
            },
            Some(_) if begins_with_a_program(line) => {
                Err("a command in a block of text; make it sh or console".to_owned())
            }
            Some(_) => Ok(()),
        }
    }

    fn fence(&mut self, kind: &str) -> Result<(), String> {
        self.kind = match (self.kind, kind) {
            (Some(_), "") => None,
            (Some(_), _) => return Err("a block within a block".to_owned()),
            (None, kind) => {
                let known = KINDS.into_iter().find(|known| *known == kind);
                Some(known.ok_or(format!("a block is one of {KINDS:?}, not {kind:?}"))?)
            }
        };
        Ok(())
    }

    fn prose(&mut self, line: &str) -> Result<(), String> {
        if line.starts_with("    ") {
            return Err("an indented block; fence it and say what it is".to_owned());
        }
        if line.starts_with('#') {
            let title = line.trim_start_matches('#').trim();
            self.is_one_host = title.starts_with("One host");
        }
        Ok(())
    }

    fn command(&mut self, line: usize, text: &str) -> Result<(), String> {
        let (text, code) = match text.split_once("# exit code ") {
            None => (text, 0),
            Some((text, code)) => {
                let code = code.trim().parse();
                (text, code.map_err(|_| "`# exit code` needs a number")?)
            }
        };
        if !begins_with_a_program(text) {
            return Err(format!("nobody knows how to test `{text}`"));
        }
        self.found.push(Command {
            line,
            text: text.trim().to_owned(),
            code,
            sample: Vec::new(),
            is_one_host: self.is_one_host,
        });
        Ok(())
    }

    fn output(&mut self, line: &str) -> Result<(), String> {
        let last = self.found.last_mut().ok_or("output without a command")?;
        last.sample.push(line.to_owned());
        Ok(())
    }
}

fn begins_with_a_program(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    PROGRAMS.contains(&first)
}

/// Where a page's links lead, those to other sites aside.
pub fn links(page: &str) -> impl Iterator<Item = &str> {
    let ends = page.split("](").skip(1);
    ends.filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://"))
}

/// Whether a page has a heading that a link calls so.
pub fn has_heading(page: &str, anchor: &str) -> bool {
    let titles = page.lines().filter_map(|line| line.strip_prefix('#'));
    titles
        .map(|title| title.trim_start_matches('#').trim().to_lowercase())
        .any(|title| title.replace(' ', "-").replace(['`', ':', ',', '.'], "") == anchor)
}

/// A text with everything that differs from run to run replaced: ids, numbers, lengths of time.
/// Blanks are one.
pub fn shape(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < chars.len() {
        let id = [36, 64].into_iter().find(|len| is_id(&chars, at, *len));
        let number = chars[at..].iter().take_while(|c| c.is_ascii_digit()).count();
        if let Some(len) = id {
            out.push_str("ID");
            at += len;
        } else if number > 0 {
            out.push('0');
            at += number;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    for unit in ["0d", "0h", "0m", "0s"] {
        out = out.replace(unit, "0t");
    }
    while out.contains("0t0t") {
        out = out.replace("0t0t", "0t");
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A UUID (36) or a SHA-256 (64) at this place, with nothing of the kind around it.
fn is_id(chars: &[char], at: usize, len: usize) -> bool {
    let is_part = |c: &char| c.is_ascii_hexdigit() || (len == 36 && *c == '-');
    let inside = chars.get(at..at + len);
    let is_free = chars.get(at + len).is_none_or(|c| !is_part(c))
        && (at == 0 || !chars[at - 1].is_ascii_alphanumeric());
    is_free && inside.is_some_and(|inside| inside.iter().all(is_part))
}

#[cfg(test)]
mod tests {
    use super::{Command, commands, has_heading, links, shape};

    #[test]
    fn links_and_headings_are_found() {
        let page = "# A\n## The `x`: b\n[p](q.md#r), [s](https://t.example/)\n";
        assert_eq!(links(page).collect::<Vec<_>>(), ["q.md#r"]);
        assert!(has_heading(page, "the-x-b") && !has_heading(page, "b"));
    }

    #[test]
    fn commands_are_found_with_their_codes_and_samples() {
        let page = "# A\n```sh\nmake test # exit code 2\n# a word\n```\n## One host\n\
                    ```console\n$ fleetvisorctl status\na  b\n…\n```\n";
        let found = commands(page).unwrap();
        let make = Command {
            line: 3,
            text: "make test".into(),
            code: 2,
            sample: vec![],
            is_one_host: false,
        };
        assert_eq!(found[0], make);
        assert_eq!(found[1].sample, ["a  b", "…"]);
        assert!(found[1].is_one_host && found.len() == 2);
    }

    #[test]
    fn nothing_hides() {
        for page in [
            "```\nmake test\n```\n",
            "    make test\n",
            "```text\nmake test\n```\n",
            "```sh\nrm -rf x\n```\n",
            "```sh\nmake test # exit code two\n```\n",
            "```sh\nmake test\n",
        ] {
            assert!(commands(page).is_err(), "{page}");
        }
    }

    #[test]
    fn what_differs_from_run_to_run_has_one_shape() {
        let same = |a, b| assert_eq!(shape(a), shape(b));
        same("up  29d23h left", "up 23h59m left");
        same(
            "operation 01a1f92e-b47a-7665-a376-6d65a838e8c3",
            "operation 11b1f92e-a47a-7665-a376-6d65a838e8c4",
        );
        same("10.0.0.1:9440 0/2", "127.0.0.1:1 2/2");
        assert_ne!(shape("OK web-1"), shape("FAILED web-1"));
    }
}
