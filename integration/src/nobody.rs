//! Daemons of users without rights.
//!
//! Whoever tests as root sees nothing refused; so these daemons run as `nobody`. Neither that user nor
//! one that a daemon changes to can read what lies under root's home, so the subject is brought
//! along: our program as a copy in the daemon's home, the original with its modules imported
//! beforehand (`original.py`). Where the tests do not run as root, the daemon's user is theirs.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;

use nix::unistd::Uid;

use crate::subject::{Host, Subject};
use crate::{oracle, places};

/// `nobody` on every Linux: the user that the kernel itself calls so.
pub const NOBODY: u32 = 65534;

/// Whether the tests run as root.
#[must_use]
pub fn are_root() -> bool {
    Uid::current().is_root()
}

impl Host {
    /// Lets the daemon run as `nobody`, or as whoever runs the tests if that is not root, in a home
    /// that belongs to it; says which user that is.
    pub fn as_nobody(&mut self) -> u32 {
        if !are_root() {
            return Uid::current().as_raw();
        }
        self.bring_along(NOBODY);
        self.give_home_away();
        NOBODY
    }

    /// Lets the daemon start as root, and so that it can become `nobody`: the home is ready for that.
    pub fn becoming_nobody(&mut self) {
        self.bring_along(0);
        self.give_home_away();
    }

    fn give_home_away(&self) {
        let home = self.home().path();
        let all = fs::read_dir(home).expect("the home is there").flatten();
        for path in all.map(|entry| entry.path()).chain([home.to_path_buf()]) {
            chown(&path, Some(NOBODY), Some(NOBODY)).expect("root gives things away");
        }
    }

    /// Takes all rights on a file of the home away from the daemon's user.
    pub fn forbid(&self, name: &str) {
        let path = self.home().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).expect("our own file");
        if are_root() {
            chown(&path, Some(0), Some(0)).expect("root takes things back");
        }
    }

    fn bring_along(&mut self, uid: u32) {
        let everybody = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.home().path(), everybody.clone()).expect("our own home");
        let program = self.home().join("supervisord");
        match self.subject() {
            Subject::Ours => {
                let own = places::binary("fleetvisord");
                fs::copy(&own, &program).expect("there is room for a copy");
                fs::set_permissions(&program, everybody).expect("our own copy");
                if uid == 0 {
                    self.set_program(vec![program]);
                } else {
                    let number = uid.to_string();
                    let (user, group) = (format!("--reuid={number}"), format!("--regid={number}"));
                    let words = ["setpriv", &user, &group, "--clear-groups", "--"];
                    let words = words.into_iter().map(PathBuf::from);
                    self.set_program(words.chain([program]).collect());
                }
            }
            Subject::Original => {
                let script = places::package().join("src/original.py");
                let words = [oracle::program("python"), script, "as".into()];
                let rest = [uid.to_string().into(), program];
                self.set_program(words.into_iter().chain(rest).collect());
            }
        }
    }
}
