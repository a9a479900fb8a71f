//! From a large input that shows a difference to a small one.

use crate::target::Input;

/// How often both sides are asked: far more than the inputs that are made need, and it ends.
const LOOKS_MAX: usize = 4_000;

/// The smallest input found for which `shows` still holds, by leaving out whole texts, then ever
/// shorter stretches, then by putting an `a` where a character does not matter.
pub(crate) fn smallest(input: Input, shows: &mut impl FnMut(&Input) -> bool) -> Input {
    let mut looks = 0;
    let mut look = |candidate: &Input| {
        looks += 1;
        looks <= LOOKS_MAX && shows(candidate)
    };
    let mut best = input;
    loop {
        let before = best.clone();
        best = fewer_texts(best, &mut look);
        for which in 0..best.len() {
            best = shorter(best, which, &mut look);
            best = plainer(best, which, &mut look);
        }
        if best == before {
            return best;
        }
    }
}

fn fewer_texts(mut best: Input, look: &mut impl FnMut(&Input) -> bool) -> Input {
    for which in (0..best.len()).rev() {
        let mut fewer = best.clone();
        fewer.remove(which);
        if !fewer.is_empty() && look(&fewer) {
            best = fewer;
        }
    }
    best
}

fn shorter(mut best: Input, which: usize, look: &mut impl FnMut(&Input) -> bool) -> Input {
    let mut stretch = best[which].chars().count();
    while stretch > 0 {
        let mut from = 0;
        loop {
            let chars: Vec<char> = best[which].chars().collect();
            if from >= chars.len() {
                break;
            }
            let kept = chars.iter().take(from).chain(chars.iter().skip(from + stretch));
            let candidate = with(&best, which, kept.collect());
            if look(&candidate) {
                best = candidate;
            } else {
                from += stretch;
            }
        }
        stretch /= 2;
    }
    best
}

fn plainer(mut best: Input, which: usize, look: &mut impl FnMut(&Input) -> bool) -> Input {
    for at in 0..best[which].chars().count() {
        let mut chars: Vec<char> = best[which].chars().collect();
        if chars[at] != 'a' {
            chars[at] = 'a';
            let candidate = with(&best, which, chars.iter().collect());
            if look(&candidate) {
                best = candidate;
            }
        }
    }
    best
}

fn with(input: &Input, which: usize, text: String) -> Input {
    let mut input = input.clone();
    input[which] = text;
    input
}

#[cfg(test)]
mod tests {
    use super::smallest;

    #[test]
    fn what_does_not_matter_goes() {
        let input = vec!["first".to_owned(), "lots of %text% before\nand after".to_owned()];
        let shows = |input: &Vec<String>| input.iter().any(|text| text.matches('%').count() > 1);
        assert_eq!(smallest(input, &mut { shows }), ["%%"]);
    }

    #[test]
    fn a_difference_that_comes_and_goes_ends_as_well() {
        let mut turn = false;
        let found = smallest(vec!["abcdef".to_owned()], &mut |_| {
            turn = !turn;
            turn
        });
        assert!(found[0].len() <= 6);
    }
}
