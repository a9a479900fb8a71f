//! Everything that a child needs between birth and exec, made ready beforehand: there it may
//! neither allocate nor ask anybody.

use std::collections::BTreeMap;
use std::ffi::{CString, NulError, OsString, c_char};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::ptr;
use std::sync::atomic::AtomicI32;

use agent_core::spec::{ProcessSpec, UserSpec};
use nix::unistd::{Gid, Uid, User, getgrouplist, getuid};

use super::pipes::Ends;
use super::resolve::Runnable;

/// Said after whatever else went wrong in the child (CH-10).
pub(super) const NOT_SPAWNED: &[u8] = b"supervisor: child process was not spawned\n";

/// What the child does, in the order of its steps.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where it writes its pid first of all; null until the birth begins.
    pub line: *const AtomicI32,
    /// Descriptors for 0, 1 and 2; all are above 2.
    pub stdio: [i32; 3],
    /// The child shares the agent's table of descriptors, and begins by making its own of those
    /// below this one.
    pub own_below: Option<u32>,
    pub closing: Closing,
    pub user: Switch,
    pub directory: Option<CString>,
    pub umask: Option<u32>,
    pub file: CString,
    pub words: Strings,
    pub variables: Strings,
    /// `supervisor: couldn't chdir to <directory>: `
    pub chdir_failed: Vec<u8>,
    /// `supervisor: couldn't exec <first word>: `
    pub exec_failed: Vec<u8>,
}

/// How the descriptors from 3 on are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// By `close_range`.
    AtOnce,
    /// Where that is missing: Linux before 5.9, or a seccomp profile in the way.
    OneByOne {
        /// The first that is left alone.
        below: u32,
    },
}

/// Whether and how the child becomes somebody else (CH-04, CH-05).
#[derive(Debug)]
pub(super) enum Switch {
    /// It stays what the agent is.
    Stay,
    /// It becomes this user. Each step has the line that says it failed.
    Become {
        groups: Vec<u32>,
        groups_failed: Vec<u8>,
        gid: u32,
        gid_failed: Vec<u8>,
        uid: u32,
        uid_failed: Vec<u8>,
    },
    /// It cannot, and says this line.
    Refuse(Vec<u8>),
}

/// Strings as exec wants them: pointers that end with a null one, and what they point to.
#[derive(Debug)]
pub(super) struct Strings {
    pointers: Vec<*const c_char>,
    _owned: Vec<CString>,
}

impl Strings {
    fn new(strings: impl Iterator<Item = Vec<u8>>) -> Result<Self, NulError> {
        let owned = strings.map(CString::new).collect::<Result<Vec<_>, _>>()?;
        // A CString keeps its bytes on the heap, so moving it does not move them.
        let pointers = owned.iter().map(|string| string.as_ptr());
        Ok(Self { pointers: pointers.chain([ptr::null()]).collect(), _owned: owned })
    }

    pub(super) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

impl Plan {
    /// Looks up users and groups, and builds every string.
    ///
    /// # Errors
    ///
    /// When a word, a variable or the directory has a NUL byte.
    pub(super) fn new(
        spec: &ProcessSpec,
        command: &Runnable,
        variables: &BTreeMap<OsString, OsString>,
        ends: &Ends,
        closing: Closing,
    ) -> Result<Self, NulError> {
        let stderr = ends.stderr.as_ref().unwrap_or(&ends.stdout);
        let directory = spec.directory.as_deref();
        let first_word = command.words.first().map_or("", String::as_str);
        Ok(Self {
            line: ptr::null(),
            stdio: [&*ends.stdin, &ends.stdout, stderr].map(AsRawFd::as_raw_fd),
            own_below: None,
            closing,
            user: spec.user.as_ref().map_or(Switch::Stay, Switch::to),
            directory: directory.map(CString::new).transpose()?,
            umask: spec.umask,
            file: CString::new(command.file.as_os_str().as_bytes())?,
            words: Strings::new(command.words.iter().map(|word| word.clone().into_bytes()))?,
            variables: Strings::new(variables.iter().map(|(name, value)| {
                let mut variable = name.clone().into_vec();
                variable.push(b'=');
                variable.extend_from_slice(value.as_bytes());
                variable
            }))?,
            chdir_failed: line(&format!("couldn't chdir to {}: ", directory.unwrap_or(""))),
            exec_failed: line(&format!("couldn't exec {first_word}: ")),
        })
    }
}

impl Switch {
    /// Name services may hang here, and then they hang the spawn thread alone.
    fn to(user: &UserSpec) -> Self {
        let uid = user.uid;
        let failed = |why: &str| line(&format!("couldn't setuid to {uid}: {why}\n"));
        let Ok(Some(account)) = User::from_uid(Uid::from_raw(uid)) else {
            return Self::Refuse(failed(&format!("Can't find uid {uid}")));
        };
        if getuid() == account.uid {
            return Self::Stay;
        }
        if !getuid().is_root() {
            return Self::Refuse(failed("Can't drop privilege as nonroot user"));
        }
        let groups_failed = failed("Could not set groups of effective user");
        let Some(groups) = groups_of(&account) else {
            return Self::Refuse(groups_failed);
        };
        Self::Become {
            groups,
            groups_failed,
            gid: account.gid.as_raw(),
            gid_failed: failed("Could not set group id of effective user"),
            uid,
            uid_failed: failed("Could not set user id of effective user"),
        }
    }
}

/// The primary group first, then every group that lists the user.
fn groups_of(account: &User) -> Option<Vec<u32>> {
    let name = CString::new(account.name.as_bytes()).ok()?;
    let groups = getgrouplist(&name, account.gid).ok()?;
    Some(groups.into_iter().map(Gid::as_raw).collect())
}

fn line(text: &str) -> Vec<u8> {
    format!("supervisor: {text}").into_bytes()
}
