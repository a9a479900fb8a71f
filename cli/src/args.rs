//! The command line of one-host mode, read as supervisorctl reads it (getopt's rules).
//!
//! Options end at the first word that is none; long options may be shortened as long as they
//! stay unique, and take their value after `=` or as the next word.

use proto_words::repr;
use thiserror::Error;

use crate::config::url;

/// What the command line says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// `-h`, `-?`: print the usage and end.
    pub help: bool,
    /// `-c`: the configuration file; searched for if not given.
    pub configuration: Option<String>,
    /// `-i`: ask before shutting down, even with an action.
    pub interactive: bool,
    /// `-s`: the server's address.
    pub serverurl: Option<String>,
    /// `-u`: the user's name for the server.
    pub username: Option<String>,
    /// `-p`: the password for the server.
    pub password: Option<String>,
    /// `-r`: where the shell keeps its history.
    pub history_file: Option<String>,
    /// The action and its arguments.
    pub words: Vec<String>,
}

/// A wrong command line, in the words that supervisorctl uses.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum UsageError {
    /// No such option.
    #[error("option {0} not recognized")]
    Unknown(String),
    /// A shortened option that could be several.
    #[error("option {0} not a unique prefix")]
    Ambiguous(String),
    /// An option at the end, without its value.
    #[error("option {0} requires argument")]
    NeedsValue(String),
    /// A value for an option that takes none.
    #[error("option {0} must not have an argument")]
    TakesNoValue(String),
    /// The same option twice.
    #[error("conflicting command line option {}", repr(.0))]
    Conflict(String),
    /// A value that is none.
    #[error("invalid value for {option} {}: {why}", repr(.value))]
    Invalid {
        /// The option, as it is called in full.
        option: String,
        /// What came.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Help,
    Configuration,
    Interactive,
    ServerUrl,
    Username,
    Password,
    HistoryFile,
}

/// Short name, long name, whether it takes a value.
const OPTIONS: [(Key, char, &str, bool); 7] = [
    (Key::Help, 'h', "help", false),
    (Key::Configuration, 'c', "configuration", true),
    (Key::Interactive, 'i', "interactive", false),
    (Key::ServerUrl, 's', "serverurl", true),
    (Key::Username, 'u', "username", true),
    (Key::Password, 'p', "password", true),
    (Key::HistoryFile, 'r', "history_file", true),
];

/// One option as it was given: which, how it is called, its value.
type Given = (Key, String, String);

/// Reads the words after the program's name.
///
/// # Errors
///
/// [`UsageError`] for an unknown, doubled or incomplete option, and for a server address that
/// is no URL. With `-h` before the fault, the fault is not reached.
pub fn parse(words: &[String]) -> Result<Args, UsageError> {
    let (given, rest) = options(words)?;
    let mut args = Args { words: rest.to_vec(), ..Args::default() };
    for (key, option, value) in given {
        let slot = match key {
            Key::Help => return Ok(Args { help: true, ..args }),
            Key::Interactive if args.interactive => return Err(UsageError::Conflict(option)),
            Key::Interactive => {
                args.interactive = true;
                continue;
            }
            Key::ServerUrl => {
                check_url(&option, &value)?;
                &mut args.serverurl
            }
            Key::Configuration => &mut args.configuration,
            Key::Username => &mut args.username,
            Key::Password => &mut args.password,
            Key::HistoryFile => &mut args.history_file,
        };
        if slot.replace(value).is_some() {
            return Err(UsageError::Conflict(option));
        }
    }
    Ok(args)
}

fn check_url(option: &str, value: &str) -> Result<(), UsageError> {
    if url::is_url(value) {
        return Ok(());
    }
    Err(UsageError::Invalid {
        option: option.to_owned(),
        value: value.to_owned(),
        why: format!("value {} is not a URL", repr(value)),
    })
}

/// Splits off the options; all of them are known before the first is looked at.
fn options(words: &[String]) -> Result<(Vec<Given>, &[String]), UsageError> {
    let (mut given, mut rest) = (Vec::new(), words);
    while let Some((word, after)) = rest.split_first() {
        if word == "--" {
            return Ok((given, after));
        }
        rest = if let Some(long) = word.strip_prefix("--") {
            long_option(long, after, &mut given)?
        } else if word.len() > 1 && word.starts_with('-') {
            short_options(&word[1..], after, &mut given)?
        } else {
            return Ok((given, rest));
        };
    }
    Ok((given, rest))
}

fn long_option<'a>(
    word: &str,
    after: &'a [String],
    given: &mut Vec<Given>,
) -> Result<&'a [String], UsageError> {
    let (name, attached) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, None),
    };
    let (key, full, takes_value) = find_long(name)?;
    let option = format!("--{full}");
    let (value, rest) = match (takes_value, attached) {
        (false, Some(_)) => return Err(UsageError::TakesNoValue(option)),
        (false, None) => (String::new(), after),
        (true, Some(value)) => (value, after),
        (true, None) => match after.split_first() {
            Some((value, rest)) => (value.clone(), rest),
            None => return Err(UsageError::NeedsValue(option)),
        },
    };
    given.push((key, option, value));
    Ok(rest)
}

/// The usage text of supervisorctl says `--history-file` but it only takes `--history_file`;
/// here both are taken.
fn find_long(name: &str) -> Result<(Key, &'static str, bool), UsageError> {
    let meant = name.replace("history-", "history_");
    let hits: Vec<_> = OPTIONS.iter().filter(|(.., long, _)| long.starts_with(&meant)).collect();
    match hits.as_slice() {
        [] => Err(UsageError::Unknown(format!("--{name}"))),
        [(key, _, long, takes_value)] => Ok((*key, long, *takes_value)),
        _ => Err(UsageError::Ambiguous(format!("--{name}"))),
    }
}

fn short_options<'a>(
    letters: &str,
    after: &'a [String],
    given: &mut Vec<Given>,
) -> Result<&'a [String], UsageError> {
    let mut chars = letters.chars();
    while let Some(letter) = chars.next() {
        let option = format!("-{letter}");
        let known = if letter == '?' { 'h' } else { letter };
        let Some((key, .., takes_value)) = OPTIONS.iter().find(|(_, short, ..)| *short == known)
        else {
            return Err(UsageError::Unknown(option));
        };
        if !takes_value {
            given.push((*key, option, String::new()));
            continue;
        }
        let attached = chars.as_str();
        if !attached.is_empty() {
            given.push((*key, option, attached.to_owned()));
            return Ok(after);
        }
        let Some((value, rest)) = after.split_first() else {
            return Err(UsageError::NeedsValue(option));
        };
        given.push((*key, option, value.clone()));
        return Ok(rest);
    }
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::{Args, parse};

    fn read(line: &str) -> Result<Args, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words).map_err(|e| e.to_string())
    }

    #[test]
    fn options_end_at_the_first_other_word() {
        let args = read("-ic a.conf --server=unix:///s -u u --pass p tail -f cat").expect("valid");
        assert!(args.interactive);
        assert_eq!(args.configuration.as_deref(), Some("a.conf"));
        assert_eq!(args.serverurl.as_deref(), Some("unix:///s"));
        assert_eq!((args.username.as_deref(), args.password.as_deref()), (Some("u"), Some("p")));
        assert_eq!(args.words, ["tail", "-f", "cat"]);
        assert_eq!(read("-- -x").expect("valid").words, ["-x"]);
        assert_eq!(read("- -x").expect("valid").words, ["-", "-x"]);
    }

    #[test]
    fn both_spellings_of_the_history_file_are_taken() {
        for line in ["-r f", "--history-file f", "--history_file=f", "--history-f f", "--hi f"] {
            assert_eq!(read(line).expect(line).history_file.as_deref(), Some("f"), "{line}");
        }
    }

    #[test]
    fn help_ends_the_reading() {
        for line in ["-h", "-?", "--help", "--he -s foo", "-h -p a -p b"] {
            assert!(read(line).expect(line).help, "{line}");
        }
    }

    #[test]
    fn mistakes_are_told_in_supervisorctls_words() {
        for (line, text) in [
            ("-x", "option -x not recognized"),
            ("--zz", "option --zz not recognized"),
            ("--version", "option --version not recognized"),
            ("--h", "option --h not a unique prefix"),
            ("-s", "option -s requires argument"),
            ("--user", "option --username requires argument"),
            ("--inter=1", "option --interactive must not have an argument"),
            ("-p a -p b", "conflicting command line option '-p'"),
            ("-p a --pass b", "conflicting command line option '--password'"),
            ("-i -i", "conflicting command line option '-i'"),
            ("-s foo", "invalid value for -s 'foo': value 'foo' is not a URL"),
        ] {
            assert_eq!(read(line), Err(text.to_owned()), "{line}");
        }
    }
}
