//! Paths as text, by the rules of Python's `posixpath`, since messages show the results.

use crate::World;

/// Everything before the last slash, without trailing slashes unless it is the root.
#[must_use]
pub(crate) fn dirname(path: &str) -> &str {
    let head = path.rfind('/').map_or("", |at| &path[..=at]);
    let bare = head.trim_end_matches('/');
    if bare.is_empty() { head } else { bare }
}

/// Everything after the last slash.
#[must_use]
pub(crate) fn basename(path: &str) -> &str {
    path.rfind('/').map_or(path, |at| &path[at + 1..])
}

/// `path` seen from `base`; an absolute one stays as it is.
#[must_use]
pub(crate) fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') || base.is_empty() {
        path.to_owned()
    } else if base.ends_with('/') {
        format!("{base}{path}")
    } else {
        format!("{base}/{path}")
    }
}

/// Without `.`, `..` and repeated slashes; exactly two leading slashes stay two.
#[must_use]
pub(crate) fn normal(path: &str) -> String {
    let root = match path.len() - path.trim_start_matches('/').len() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = vec![];
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if parts.is_empty() && !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    let joined = format!("{root}{}", parts.join("/"));
    if joined.is_empty() { ".".to_owned() } else { joined }
}

/// Absolute and normal.
#[must_use]
pub(crate) fn absolute(cwd: &str, path: &str) -> String {
    normal(&join(cwd, path))
}

impl World<'_> {
    /// `~` and `~name` at the beginning replaced by a home directory, if it can be told.
    #[must_use]
    pub(crate) fn expand_user(&self, path: &str) -> String {
        let Some(after) = path.strip_prefix('~') else {
            return path.to_owned();
        };
        let end = after.find('/').unwrap_or(after.len());
        let (name, rest) = after.split_at(end);
        let Some(home) = self.home(name) else {
            return path.to_owned();
        };
        let whole = format!("{}{rest}", home.trim_end_matches('/'));
        if whole.is_empty() { "/".to_owned() } else { whole }
    }

    fn home(&self, name: &str) -> Option<String> {
        if !name.is_empty() {
            return self.users.by_name(name).map(|account| account.home);
        }
        if let Some(home) = self.surroundings.environment.get("HOME") {
            return Some(home.clone());
        }
        let own = self.users.own_uid();
        self.users.by_uid(own).map(|account| account.home)
    }

    /// `~` expanded, absolute, normal.
    #[must_use]
    pub(crate) fn whole_path(&self, path: &str) -> String {
        absolute(&self.surroundings.cwd, &self.expand_user(path))
    }
}

#[cfg(test)]
mod tests {
    use super::{absolute, basename, dirname, join, normal};

    #[test]
    fn parts_of_a_path() {
        for (path, dir, base) in [
            ("a", "", "a"),
            ("/a", "/", "a"),
            ("a//b", "a", "b"),
            ("/a/b/", "/a/b", ""),
            ("//", "//", ""),
        ] {
            assert_eq!((dirname(path), basename(path)), (dir, base), "{path:?}");
        }
    }

    #[test]
    fn normal_paths() {
        for (path, shown) in [
            ("", "."),
            ("./a/../b", "b"),
            ("..", ".."),
            ("../../a", "../../a"),
            ("/../a", "/a"),
            ("//a", "//a"),
            ("///a//b/.", "/a/b"),
        ] {
            assert_eq!(normal(path), shown, "{path:?}");
        }
        assert_eq!(join("/d/", "x"), "/d/x");
        assert_eq!(absolute("/d", "../x"), "/x");
    }
}
