//! Python's `glob` without recursion: `*`, `?`, `[…]`; a name that begins with a dot matches only a
//! pattern that does (INC-02).

use crate::disk::Disk;
use crate::paths::{basename, dirname, join};

/// All paths that match, in no particular order.
pub(crate) fn glob(disk: &dyn Disk, pattern: &str) -> Vec<String> {
    let (dir, base) = (dirname(pattern), basename(pattern));
    if !has_magic(pattern) {
        let found = if base.is_empty() { disk.is_dir(dir) } else { disk.is_entry(pattern) };
        return if found { vec![pattern.to_owned()] } else { vec![] };
    }
    let dirs = if dir != pattern && has_magic(dir) {
        let found = glob(disk, dir);
        found.into_iter().filter(|dir| disk.is_dir(dir)).collect()
    } else {
        vec![dir.to_owned()]
    };
    dirs.iter().flat_map(|dir| within(disk, dir, base)).collect()
}

fn within(disk: &dyn Disk, dir: &str, base: &str) -> Vec<String> {
    if !has_magic(base) {
        let path = join(dir, base);
        let found = if base.is_empty() { disk.is_dir(dir) } else { disk.is_entry(&path) };
        return if found { vec![path] } else { vec![] };
    }
    let pattern: Vec<char> = base.chars().collect();
    let names = disk.list(dir).into_iter().filter(|name| {
        let shown = base.starts_with('.') || !name.starts_with('.');
        shown && matches(&pattern, &name.chars().collect::<Vec<_>>())
    });
    names.map(|name| join(dir, &name)).collect()
}

fn has_magic(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Walks both at once and goes back only to the last `*`, so that no pattern takes long.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            last_star = Some((p + 1, n));
            p += 1;
        } else if let Some(after) = one(pattern, p, name[n]) {
            p = after;
            n += 1;
        } else if let Some((star, from)) = last_star {
            last_star = Some((star, from + 1));
            p = star;
            n = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Where the pattern goes on after one character of the name; `None` if that does not match.
fn one(pattern: &[char], at: usize, c: char) -> Option<usize> {
    match pattern.get(at)? {
        '?' => Some(at + 1),
        '[' => match set_end(pattern, at) {
            Some(end) => in_set(&pattern[at + 1..end], c).then_some(end + 1),
            None => (c == '[').then_some(at + 1),
        },
        literal => (*literal == c).then_some(at + 1),
    }
}

/// The bracket that closes the set; one that stands first in it does not.
fn set_end(pattern: &[char], open: usize) -> Option<usize> {
    let mut from = open + 1;
    from += usize::from(pattern.get(from) == Some(&'!'));
    from += usize::from(pattern.get(from) == Some(&']'));
    let rest = pattern.get(from..)?;
    rest.iter().position(|c| *c == ']').map(|at| from + at)
}

fn in_set(set: &[char], c: char) -> bool {
    let (negated, mut set) = match set {
        ['!', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let mut found = false;
    while let [first, rest @ ..] = set {
        set = if let ['-', last, after @ ..] = rest {
            found |= (*first..=*last).contains(&c);
            after
        } else {
            found |= *first == c;
            rest
        };
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn names_match_as_in_python() {
        for (pattern, name, wanted) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf~", false),
            ("?.conf", "ab.conf", false),
            ("[ab].c", "b.c", true),
            ("[!ab].c", "b.c", false),
            ("[a-c]*", "cx", true),
            ("[]x]", "]", true),
            ("[a-]", "-", true),
            ("[a", "[a", true),
            ("**a**b*", "xaxxbx", true),
            ("*a*b", "xaxxbx", false),
        ] {
            let (pattern_chars, name_chars): (Vec<_>, Vec<_>) =
                (pattern.chars().collect(), name.chars().collect());
            assert_eq!(matches(&pattern_chars, &name_chars), wanted, "{pattern} {name}");
        }
    }
}
