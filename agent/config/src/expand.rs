//! Python's `%` formatting against named values, as supervisord expands `%(here)s` and the like
//! (section 2.3 of the facts).
//!
//! One difference is deliberate: a conversion without a name, which supervisord fills with a dump
//! of all names and values, is an error here (EXP-06).

use std::iter::Peekable;
use std::str::Chars;

use crate::fault::Fault;
use crate::names::{Names, Value};
use crate::number::{self, Layout};

/// Fills in `format`, the value of `key` (shown in errors only).
///
/// # Errors
///
/// [`Fault::UnknownName`] and [`Fault::BadFormat`].
pub fn expand(format: &str, names: &Names, key: &str) -> Result<String, Fault> {
    if !format.contains('%') {
        return Ok(format.to_owned());
    }
    let mut scanner =
        Scanner { rest: format.chars().peekable(), at: 0, names, argument: Argument::Everything };
    scanner.run().map_err(|error| match error {
        Bad::Name(missing) => Fault::UnknownName {
            format: format.to_owned(),
            key: key.to_owned(),
            missing,
            available: names.all(),
        },
        Bad::Format(why) => {
            Fault::BadFormat { format: format.to_owned(), key: key.to_owned(), why }
        }
    })
}

enum Bad {
    Name(String),
    Format(String),
}

fn bad<T>(why: &str) -> Result<T, Bad> {
    Err(Bad::Format(why.to_owned()))
}

/// What the next conversion takes: Python hands out each value once.
#[derive(Clone, Copy)]
enum Argument<'a> {
    /// Before the first name: all names at once, which only makes for errors.
    Everything,
    Value(&'a Value),
    Spent,
}

struct Scanner<'a> {
    rest: Peekable<Chars<'a>>,
    /// The index, in characters, of what `rest` gives next.
    at: usize,
    names: &'a Names,
    argument: Argument<'a>,
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<String, Bad> {
        let mut out = String::new();
        while let Some(c) = self.next() {
            if c != '%' {
                out.push(c);
            } else if self.rest.next_if_eq(&'%').is_some() {
                self.at += 1;
                out.push('%');
            } else {
                self.conversion(&mut out)?;
            }
        }
        Ok(out)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next();
        self.at += usize::from(c.is_some());
        c
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let c = self.rest.next_if(|c| wanted(*c));
        self.at += usize::from(c.is_some());
        c
    }

    /// Everything after the percent sign: name, flags, width, precision, and the letter.
    fn conversion(&mut self, out: &mut String) -> Result<(), Bad> {
        if self.next_if(|c| c == '(').is_some() {
            let name = self.name()?;
            let value = self.names.get(&name).ok_or(Bad::Name(name))?;
            self.argument = Argument::Value(value);
        }
        let mut layout = Layout::default();
        while let Some(flag) = self.next_if(|c| "-+ #0".contains(c)) {
            layout.set_flag(flag);
        }
        layout.width = self.measure("width too big", i64::MAX)?;
        if self.next_if(|c| c == '.').is_some() {
            let precision = self.measure("precision too big", i64::from(i32::MAX))?;
            layout.precision = Some(precision.unwrap_or(0));
        }
        self.next_if(|c| matches!(c, 'h' | 'l' | 'L'));
        match self.next() {
            None => bad("incomplete format"),
            Some(letter) => {
                out.push_str(&self.convert(letter, &layout)?);
                Ok(())
            }
        }
    }

    /// Up to the parenthesis that closes the one before.
    fn name(&mut self) -> Result<String, Bad> {
        let mut name = String::new();
        let mut open = 1;
        while let Some(c) = self.next() {
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return Ok(name);
            }
            name.push(c);
        }
        bad("incomplete format key")
    }

    /// A width or a precision: digits, or `*`, which takes the value, so that none is left for the
    /// conversion itself. What `*` takes is a number that Python's C has room for.
    fn measure(&mut self, too_big: &str, room: i64) -> Result<Option<usize>, Bad> {
        if self.next_if(|c| c == '*').is_some() {
            return match self.take()? {
                Argument::Value(Value::Number(number)) if !(-room - 1..=room).contains(number) => {
                    bad("Python int too large to convert to C int")
                }
                Argument::Value(Value::Number(_)) => Ok(None),
                Argument::Value(Value::Text(_)) | Argument::Everything | Argument::Spent => {
                    bad("* wants int")
                }
            };
        }
        let mut measure: Option<usize> = None;
        while let Some(digit) = self.next_if(|c| c.is_ascii_digit()) {
            let digit = digit.to_digit(10).map_or(0, |digit| digit as usize);
            let grown = measure.unwrap_or(0) * 10 + digit;
            if grown > MAX_MEASURE {
                return bad(too_big);
            }
            measure = Some(grown);
        }
        Ok(measure)
    }

    fn take(&mut self) -> Result<Argument<'a>, Bad> {
        match std::mem::replace(&mut self.argument, Argument::Spent) {
            Argument::Spent => bad("not enough arguments for format string"),
            argument => Ok(argument),
        }
    }

    fn convert(&mut self, letter: char, layout: &Layout) -> Result<String, Bad> {
        let argument = self.take()?;
        let value = match argument {
            Argument::Value(value) => value,
            Argument::Everything | Argument::Spent => {
                return Err(Bad::Format(nameless(letter, self.at)));
            }
        };
        number::convert(letter, layout, value)
            .map_err(|why| Bad::Format(why.unwrap_or_else(|| unsupported(letter, self.at))))
    }
}

/// The widest field. Rust's own formatting takes 16 bits, less what it adds itself; Python's bound is
/// 2^63, which nobody has the memory for.
const MAX_MEASURE: usize = 32_767;

/// Whether the first conversion has no name and is one that takes anything: supervisord writes all
/// names and values there (EXP-06).
#[must_use]
pub(crate) fn is_nameless(format: &str) -> bool {
    let mut rest = format;
    while let Some((_, conversion)) = rest.split_once('%') {
        if let Some(behind) = conversion.strip_prefix('%') {
            rest = behind;
            continue;
        }
        let letter = conversion.trim_start_matches(['-', '+', ' ', '#', '0']);
        let letter = letter.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let letter = letter.strip_prefix(['h', 'l', 'L']).unwrap_or(letter);
        return letter.starts_with(['s', 'r', 'a']);
    }
    false
}

fn unsupported(letter: char, after: usize) -> String {
    let shown = if ('\u{1f}'..='~').contains(&letter) { letter } else { '?' };
    format!(
        "unsupported format character '{shown}' (0x{:x}) at index {}",
        u32::from(letter),
        after - 1
    )
}

/// What a conversion without a name says; `s`, `r` and `a` succeed in supervisord (EXP-06).
fn nameless(letter: char, after: usize) -> String {
    match letter {
        's' | 'r' | 'a' => "not enough arguments for format string".to_owned(),
        'o' | 'x' | 'X' => format!("%{letter} format: an integer is required, not dict"),
        'd' | 'i' | 'u' => format!("%{letter} format: a real number is required, not dict"),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' => "must be real number, not dict".to_owned(),
        'c' => "%c requires int or char".to_owned(),
        letter => unsupported(letter, after),
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, Value, expand};

    fn shown(format: &str) -> String {
        let names = Names::from([
            ("here".to_owned(), Value::Text("/etc".to_owned())),
            ("ENV_A".to_owned(), Value::Text("é'x".to_owned())),
            ("n".to_owned(), Value::Number(7)),
            ("l".to_owned(), Value::Number(1 << 31)),
            ("m".to_owned(), Value::Number(-30)),
            ("p(q)".to_owned(), Value::Text("deep".to_owned())),
        ]);
        expand(format, &names, "s.k").unwrap_or_else(|fault| format!("! {fault}"))
    }

    /// EXP-01, EXP-02; the right column is Python's.
    #[test]
    fn conversions() {
        for (format, wanted) in [
            ("plain", "plain"),
            ("%(here)s/x", "/etc/x"),
            ("100%%", "100%"),
            ("%(n)02d-%(n)d", "07-7"),
            ("[%(here)-6s]", "[/etc  ]"),
            ("[%(here)6s]", "[  /etc]"),
            ("%(here).2s", "/e"),
            ("[%(n)5.1f]", "[  7.0]"),
            ("%(ENV_A)r", "\"é'x\""),
            ("%(ENV_A)a", "\"\\xe9'x\""),
            ("%(p(q))s", "deep"),
            ("%(n)+d|%(n) d|%(m)d|%(m)05d|%(n)-4d|", "+7| 7|-30|-0030|7   |"),
            ("%(m)x|%(m)#x|%(m)#o|%(m)#X|%(n)#06x", "-1e|-0x1e|-0o36|-0X1E|0x0007"),
            ("%(n)e|%(n)g|%(m).1E|%(n)#g", "7.000000e+00|7|-3.0E+01|7.00000"),
            ("%(n).3d|%(m).5d|%(n)c", "007|-00030|\u{7}"),
            ("%(n)ld%(n)hd%(here)ls", "77/etc"),
            ("%(m)g %(n).0e %(n)#.0e|%(n)-05d|%(here)05s", "-30 7e+00 7.e+00|7    | /etc"),
            ("%(n)s%(n)r%(n)5s", "77    7"),
        ] {
            assert_eq!(shown(format), wanted, "{format:?}");
        }
    }

    #[test]
    fn the_widest_field_is_still_made() {
        for format in ["%(n)32767d", "%(n).32767d", "%(n).32760f", "%(n)#.32767g", "%(n).32767e"] {
            assert!(shown(format).len() >= 32_760, "{format}");
        }
    }

    /// EXP-03 to EXP-08.
    #[test]
    fn faults() {
        for (format, why) in [
            ("50%", "incomplete format"),
            ("%(here)", "incomplete format"),
            ("%(here", "incomplete format key"),
            ("%(here)5", "incomplete format"),
            ("%(here)5.", "incomplete format"),
            ("%(here)l", "incomplete format"),
            ("%q", "unsupported format character 'q' (0x71) at index 1"),
            ("é%(here)é", "unsupported format character '?' (0xe9) at index 8"),
            ("%d", "%d format: a real number is required, not dict"),
            ("100% sure", "not enough arguments for format string"),
            ("%x", "%x format: an integer is required, not dict"),
            ("%(ENV_A)d", "%d format: a real number is required, not str"),
            ("%(ENV_A)X", "%X format: an integer is required, not str"),
            ("%(ENV_A)f", "must be real number, not str"),
            ("%(ENV_A)c", "%c requires int or char"),
            ("%(here)s %s", "not enough arguments for format string"),
            ("%(here)s %q", "not enough arguments for format string"),
            ("%*d", "* wants int"),
            ("%5%", "unsupported format character '%' (0x25) at index 2"),
            ("%(n)%s", "unsupported format character '%' (0x25) at index 4"),
            ("%(n)*d", "not enough arguments for format string"),
            ("%(l)*d", "not enough arguments for format string"),
            ("%(l).*d", "Python int too large to convert to C int"),
            ("%(n)32768d", "width too big"),
            ("%(n).32768f", "precision too big"),
        ] {
            let head = format!("! Format string {} for 's.k'", proto_words::repr(format));
            assert_eq!(shown(format), format!("{head} is badly formatted: {why}"));
        }
        assert_eq!(
            shown("%(nope)s"),
            "! Format string '%(nope)s' for 's.k' contains names ('nope') which cannot be \
             expanded. Available names: ENV_A, here, l, m, n, p(q)"
        );
    }
}
