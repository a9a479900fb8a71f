//! Words and quotes, in the two dialects that supervisord uses: a shell's for `command` (CMD-01),
//! an older one for `environment` (section 2.5 of the facts, ENV-01 to ENV-18).

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use crate::fault::Fault;

const NO_CLOSING_QUOTATION: &str = "No closing quotation";
const NO_ESCAPED_CHARACTER: &str = "No escaped character";

/// Splits a command line into words as a POSIX shell would, without expanding anything; `#` is
/// an ordinary character.
///
/// # Errors
///
/// `No closing quotation` and `No escaped character`, as supervisord says them.
pub fn split_command(text: &str) -> Result<Vec<String>, String> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => single_quoted(&mut rest, word.get_or_insert_default())?,
            '"' => double_quoted(&mut rest, word.get_or_insert_default())?,
            '\\' => {
                let escaped = rest.next().ok_or(NO_ESCAPED_CHARACTER)?;
                word.get_or_insert_default().push(escaped);
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single_quoted(rest: &mut Chars<'_>, word: &mut String) -> Result<(), String> {
    loop {
        match rest.next().ok_or(NO_CLOSING_QUOTATION)? {
            '\'' => return Ok(()),
            c => word.push(c),
        }
    }
}

/// Within double quotes only a quote and a backslash can be escaped.
fn double_quoted(rest: &mut Chars<'_>, word: &mut String) -> Result<(), String> {
    loop {
        match rest.next().ok_or(NO_CLOSING_QUOTATION)? {
            '"' => return Ok(()),
            '\\' => match rest.next().ok_or(NO_ESCAPED_CHARACTER)? {
                c @ ('"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

/// Reads `KEY=value,KEY2="other"`, the value of `environment`.
///
/// # Errors
///
/// [`Fault::Quoting`] and [`Fault::BadPairs`].
pub fn pairs(text: &str) -> Result<BTreeMap<String, String>, Fault> {
    let mut tokens = Tokens { rest: text.chars().peekable() };
    let mut pairs = BTreeMap::new();
    while let Some(key) = tokens.next()? {
        let equals = tokens.next()?;
        let value = tokens.next()?;
        let (Some("="), Some(value)) = (equals.as_deref(), value) else {
            tokens.drain()?;
            return Err(Fault::BadPairs(text.to_owned()));
        };
        pairs.insert(key, value.trim_matches(['\'', '"']).to_owned());
        // Whatever stands between two pairs is one token, whichever (ENV-08).
        tokens.next()?;
    }
    Ok(pairs)
}

/// The tokens of the older dialect: quotes are kept, there is no escape, and each character that
/// is not part of a word is a token.
struct Tokens<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Tokens<'_> {
    fn next(&mut self) -> Result<Option<String>, Fault> {
        loop {
            let Some(c) = self.rest.next() else {
                return Ok(None);
            };
            return match c {
                ' ' | '\t' | '\r' | '\n' => continue,
                '#' => {
                    self.skip_line();
                    continue;
                }
                '\'' | '"' => self.quoted(c).map(Some),
                c if is_word(c) => Ok(Some(self.word(c))),
                c => Ok(Some(c.to_string())),
            };
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, Fault> {
        let mut token = quote.to_string();
        loop {
            let c = self.rest.next().ok_or(Fault::Quoting(NO_CLOSING_QUOTATION))?;
            token.push(c);
            if c == quote {
                return Ok(token);
            }
        }
    }

    /// A comment within a word drops the rest of the line and goes on with the same word.
    fn word(&mut self, first: char) -> String {
        let mut token = first.to_string();
        while let Some(&c) = self.rest.peek() {
            match c {
                '#' => self.skip_line(),
                c if is_word(c) || c == '\'' || c == '"' => {
                    token.push(c);
                    self.rest.next();
                }
                _ => break,
            }
        }
        token
    }

    fn skip_line(&mut self) {
        self.rest.by_ref().find(|c| *c == '\n');
    }

    /// An open quote further on is found before the pairs are looked at.
    fn drain(&mut self) -> Result<(), Fault> {
        while self.next()?.is_some() {}
        Ok(())
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_/.+-():".contains(c)
}

#[cfg(test)]
mod tests {
    use super::{pairs, split_command};

    /// CMD-01, CMD-02, CMD-03.
    #[test]
    fn commands_are_split_as_a_shell_would() {
        for (text, words) in [
            ("/bin/cat", vec!["/bin/cat"]),
            ("a  b\n\tc", vec!["a", "b", "c"]),
            ("a 'b c'd", vec!["a", "b cd"]),
            (r#"a "x\"y\\z\n""#, vec!["a", r#"x"y\z\n"#]),
            (r"a\ b \'", vec!["a b", "'"]),
            ("a '' \"\"", vec!["a", "", ""]),
            ("a #b $HOME > x", vec!["a", "#b", "$HOME", ">", "x"]),
            ("", vec![]),
            ("é ü", vec!["é", "ü"]),
        ] {
            assert_eq!(
                split_command(text),
                Ok(words.iter().map(ToString::to_string).collect()),
                "{text:?}"
            );
        }
        for (text, error) in [
            ("a 'b", "No closing quotation"),
            ("a \"b", "No closing quotation"),
            ("a \\", "No escaped character"),
            ("a \"\\", "No escaped character"),
        ] {
            assert_eq!(split_command(text), Err(error.to_owned()), "{text:?}");
        }
    }

    fn shown(text: &str) -> String {
        match pairs(text) {
            Ok(pairs) => pairs
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join("|"),
            Err(fault) => format!("! {fault}"),
        }
    }

    /// ENV-01 to ENV-18.
    #[test]
    fn environments_are_read_with_all_their_oddities() {
        for (text, wanted) in [
            ("", ""),
            ("A=1,B=2", "A=1|B=2"),
            ("A=1 ,\n B = 2", "A=1|B=2"),
            ("A=1,", "A=1"),
            ("A=\"1,2\",B=3", "A=1,2|B=3"),
            ("A='x y'", "A=x y"),
            ("A=\"a'b\"", "A=a'b"),
            ("A=\"\"", "A="),
            ("A='\"x\"'", "A=x"),
            ("A=\"a\\\"b\"", "A=a\\"),
            ("A=/p/a.b+c-(d):e", "A=/p/a.b+c-(d):e"),
            ("A=http://x:80/y", "A=http://x:80/y"),
            ("A=x y", "A=x"),
            ("A=a;B=2", "A=a|B=2"),
            ("A=a#b", "A=a"),
            ("A=1#c,B=2", "A=1"),
            ("A=1#c\n2,B=3", "A=12|B=3"),
            ("A=$HOME", "A=$"),
            ("A=~/x", "A=~"),
            ("A=\"1\" \"2\"", "A=1"),
            ("A=\"1\"x", "A=1"),
            ("A=x'y'z", "A=x'y'z"),
            ("A=a\"b\"", "A=a\"b"),
            ("A=éa", "A=é"),
            ("A=\"éa\"", "A=éa"),
            ("1A=x,A-B=y", "1A=x|A-B=y"),
            ("\"A\"=1", "\"A\"=1"),
            ("A=\"x", "! No closing quotation"),
            ("A,\"x", "! No closing quotation"),
        ] {
            assert_eq!(shown(text), wanted, "{text:?}");
        }
    }

    /// ENV-11.
    #[test]
    fn pairs_that_do_not_come_out_even_are_refused() {
        for text in [
            "A=a@b",
            "A=a;b",
            "A=a%b",
            "A=a=b",
            "A=[1]",
            "A=x y,B=2",
            "A",
            "A=",
            "A=,B=1",
            "A=1,,B=2",
            ",A=1",
            "A=1\nB=2",
        ] {
            assert_eq!(
                shown(text),
                format!("! Unexpected end of key/value pairs in value '{text}'")
            );
        }
    }
}
