//! Classic getopt, as Python has it: options end at the first word that is none; long ones may be
//! shortened to any unique beginning.

/// One option that a command line can have.
pub(crate) struct Known {
    pub short: Option<char>,
    pub long: &'static str,
    pub takes_value: bool,
}

/// An option that was given: as `-x` or `--whole_name`, and its value, empty if it takes none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub option: String,
    pub value: String,
}

/// Splits `words` into options and the rest. `Err` has getopt's own text.
pub(crate) fn getopt<'a>(
    mut words: &'a [String],
    known: &[Known],
) -> Result<(Vec<Given>, &'a [String]), String> {
    let mut given = vec![];
    while let [word, rest @ ..] = words {
        if !word.starts_with('-') || word == "-" {
            break;
        }
        words = rest;
        if word == "--" {
            break;
        }
        match word.strip_prefix("--") {
            Some(long) => given.push(long_option(long, known, &mut words)?),
            None => short_options(&word[1..], known, &mut words, &mut given)?,
        }
    }
    Ok((given, words))
}

fn next_word(words: &mut &[String], option: &str) -> Result<String, String> {
    let Some((value, rest)) = words.split_first() else {
        return Err(format!("option {option} requires argument"));
    };
    *words = rest;
    Ok(value.clone())
}

fn long_option(text: &str, known: &[Known], words: &mut &[String]) -> Result<Given, String> {
    let (typed, value) = match text.split_once('=') {
        Some((typed, value)) => (typed, Some(value.to_owned())),
        None => (text, None),
    };
    let found = long_match(typed, known)?;
    let option = format!("--{}", found.long);
    let value = match (found.takes_value, value) {
        (true, Some(value)) => value,
        (true, None) => next_word(words, &option)?,
        (false, None) => String::new(),
        (false, Some(_)) => return Err(format!("option {option} must not have an argument")),
    };
    Ok(Given { option, value })
}

fn long_match<'k>(typed: &str, known: &'k [Known]) -> Result<&'k Known, String> {
    let possible: Vec<&Known> = known
        .iter()
        .filter(|option| option.long.starts_with(typed) && !option.long.is_empty())
        .collect();
    if let Some(exact) = possible.iter().find(|option| option.long == typed) {
        return Ok(exact);
    }
    match possible[..] {
        [] => Err(format!("option --{typed} not recognized")),
        [only] => Ok(only),
        [_, _, ..] => Err(format!("option --{typed} not a unique prefix")),
    }
}

fn short_options(
    letters: &str,
    known: &[Known],
    words: &mut &[String],
    given: &mut Vec<Given>,
) -> Result<(), String> {
    let mut letters = letters.chars();
    while let Some(letter) = letters.next() {
        let option = format!("-{letter}");
        let found = known
            .iter()
            .find(|known| known.short == Some(letter))
            .ok_or_else(|| format!("option {option} not recognized"))?;
        if !found.takes_value {
            let value = String::new();
            given.push(Given { option, value });
            continue;
        }
        let value = match letters.as_str() {
            "" => next_word(words, &option)?,
            attached => attached.to_owned(),
        };
        given.push(Given { option, value });
        return Ok(());
    }
    Ok(())
}
