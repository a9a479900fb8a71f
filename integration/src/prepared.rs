//! Words that prepare the ground for a daemon before it becomes one, for
//! [`crate::subject::Host::launch_through`].

use std::process::Command;

use crate::ran::Ran;

/// Lines of shell that run first, in the daemon's process: `umask`, `ulimit`, redirections.
#[must_use]
pub fn by_shell(lines: &str) -> Vec<String> {
    let script = format!("set -e\n{lines}\nexec \"$@\"");
    ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

/// As [`by_shell`], where mounts are seen by the daemon and its children only. `None` when the
/// account may not have mounts of its own.
#[must_use]
pub fn with_mounts(lines: &str) -> Option<Vec<String>> {
    let options: &[&str] =
        if nix::unistd::Uid::effective().is_root() { &["-m"] } else { &["-m", "-r"] };
    let unshare = || [&["unshare"], options].concat();
    let words = unshare();
    let may = Ran::of(Command::new(words[0]).args(&words[1..]).arg("true"));
    let words = unshare().into_iter().map(str::to_owned).chain(by_shell(lines)).collect();
    may.is_ok_and(|ran| ran.code == 0).then_some(words)
}

/// Lines of shell that give the daemon a `/dev` of its own, which outsiders see at this path: it has
/// the usual devices, and room for a `log`.
#[must_use]
pub fn own_dev(path: &str) -> String {
    format!(
        "mkdir -p {path}\n\
         for name in null zero full random urandom tty; do\n\
         touch {path}/$name; mount --bind /dev/$name {path}/$name\n\
         done\n\
         ln -sfn /proc/self/fd {path}/fd\n\
         for name in stdin:0 stdout:1 stderr:2; do\n\
         ln -sfn /proc/self/fd/${{name#*:}} {path}/${{name%:*}}\n\
         done\n\
         mount --bind {path} /dev\n"
    )
}
