//! Ground that is prepared for a daemon before its process becomes one.

use std::process::Command;

use crate::ran::Ran;
use crate::subject::Host;

/// Lines of shell run first: `umask`, `ulimit`, redirections. `{dir}` is the home.
pub fn by_shell(host: &mut Host, lines: &str) {
    host.start_with(&["sh", "-c", &script(lines), "sh"]);
}

/// As [`by_shell`], and what is mounted is seen by the daemon and its children only. `false` when
/// the account may not have mounts of its own.
#[must_use]
pub fn with_mounts(host: &mut Host, lines: &str) -> bool {
    let options: &[&str] =
        if nix::unistd::Uid::effective().is_root() { &["-m"] } else { &["-m", "-r"] };
    let may = Ran::of(Command::new("unshare").args(options).arg("true"));
    if !may.is_ok_and(|ran| ran.code == 0) {
        return false;
    }
    host.start_with(&[&["unshare"], options, &["sh", "-c", &script(lines), "sh"]].concat());
    true
}

fn script(lines: &str) -> String {
    format!("set -e\n{lines}\nexec \"$@\"")
}

/// For [`with_mounts`]: a `/dev` of the daemon's own, which outsiders see as `dev` in its home. It
/// has the usual devices, and room for a `log`.
pub const OWN_DEV: &str = "\
for name in null zero full random urandom tty; do
    touch {dir}/dev/$name
    mount --bind /dev/$name {dir}/dev/$name
done
ln -sfn /proc/self/fd {dir}/dev/fd
for name in stdin:0 stdout:1 stderr:2; do
    ln -sfn /proc/self/fd/${name#*:} {dir}/dev/${name%:*}
done
mount --bind {dir}/dev /dev";
