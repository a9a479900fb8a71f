//! Ranges: `web[01-20/2,30]` into names, padding kept.

use super::NAMES_MAX;

/// Every name that a pattern with brackets stands for, in its order; without brackets, itself.
pub(super) fn names(pattern: &str) -> Result<Vec<String>, String> {
    let mut names = vec![String::new()];
    let mut rest = pattern;
    while let Some(open) = rest.find('[') {
        let close = open
            + rest[open..].find(']').ok_or("a range is open; write web[1-3] or web[01-20/2,30]")?;
        let members = members(&rest[open + 1..close])?;
        if names.len().saturating_mul(members.len()) > NAMES_MAX {
            return Err(format!("the range has more than {NAMES_MAX} names"));
        }
        let before = &rest[..open];
        names = names
            .iter()
            .flat_map(|name| members.iter().map(move |m| format!("{name}{before}{m}")))
            .collect();
        rest = &rest[close + 1..];
    }
    for name in &mut names {
        name.push_str(rest);
    }
    Ok(names)
}

/// `01-20/2,30` into its members.
fn members(inside: &str) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    for part in inside.split(',') {
        match part.split_once('-') {
            None if part.is_empty() => {
                return Err("a range has an empty part; write web[1-3,7]".to_owned());
            }
            None => all.push(part.to_owned()),
            Some((from, rest)) => all.extend(run(from, rest)?),
        }
    }
    Ok(all)
}

/// `01-20/2`: from 01 to 20 by 2, as wide as the first number is written.
fn run(from: &str, rest: &str) -> Result<Vec<String>, String> {
    let (to, step) = rest.split_once('/').unwrap_or((rest, "1"));
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("{text:?} in a range is not a number; write web[1-3]"))
    };
    let (first, last, by) = (number(from)?, number(to)?, number(step)?);
    if by == 0 || last < first {
        return Err(format!("the range {from}-{rest} is empty; it runs upwards, by 1 or more"));
    }
    if (last - first) / by >= NAMES_MAX as u64 {
        return Err(format!("the range has more than {NAMES_MAX} names"));
    }
    let width = if from.starts_with('0') { from.len() } else { 0 };
    Ok((0..=(last - first) / by).map(|n| format!("{:0width$}", first + n * by)).collect())
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn ranges_keep_their_padding_and_multiply() {
        for (pattern, expected) in [
            ("web-1", "web-1"),
            ("web-[1-3]", "web-1 web-2 web-3"),
            ("web[08-11]", "web08 web09 web10 web11"),
            ("web[01-06/2,30]x", "web01x web03x web05x web30x"),
            ("r[1-2]n[a,b]", "r1na r1nb r2na r2nb"),
        ] {
            assert_eq!(names(pattern).unwrap().join(" "), expected, "{pattern:?}");
        }
    }

    #[test]
    fn what_is_no_range_is_an_error() {
        for bad in ["w[1", "w[]", "w[3-1]", "w[1-9/0]", "w[a-b]", "w[1-99999999]", "w[1,]"] {
            assert!(names(bad).is_err(), "{bad:?}");
        }
        assert!(names(&"[1-1000]".repeat(3)).is_err());
    }
}
