//! Becoming the user that `[supervisord] user` names.

use agent_core::spec::{Level, UserSpec};
use nix::unistd::{Gid, Uid, initgroups, setgid, setuid};
use thiserror::Error;

/// Why the user cannot be changed; the texts are supervisord's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PrivilegeError {
    /// Only root may.
    #[error("Can't drop privilege as nonroot user")]
    NotRoot,
    /// The supplementary groups.
    #[error("Could not set groups of effective user")]
    Groups,
    /// The primary group.
    #[error("Could not set group id of effective user")]
    Group,
}

/// What is said when root stays root without having said so.
const RUNNING_AS_ROOT: &str = "Supervisor is running as root.  Privileges were not dropped because \
     no user is specified in the config file.  If you intend to run as root, you can set user=root \
     in the config file to avoid this message.";

/// Becomes the user, when one is configured. Returns what to say in the activity log.
///
/// # Errors
///
/// [`PrivilegeError`]; nothing may be started then.
pub fn drop_to(user: Option<&UserSpec>) -> Result<Option<(Level, String)>, PrivilegeError> {
    let own = Uid::current();
    let Some(user) = user else {
        return Ok(own.is_root().then(|| (Level::Critical, RUNNING_AS_ROOT.to_owned())));
    };
    if own.as_raw() != user.uid {
        become_user(own, user)?;
    }
    Ok(Some((Level::Info, format!("Set uid to user {} succeeded", user.uid))))
}

/// Whether [`drop_to`] may be tried at all.
///
/// # Errors
///
/// [`PrivilegeError::NotRoot`] when it would be somebody else, and rights are gone already.
pub fn may_become(user: Option<&UserSpec>) -> Result<(), PrivilegeError> {
    let own = Uid::current();
    match user {
        Some(user) if user.uid != own.as_raw() && !own.is_root() => Err(PrivilegeError::NotRoot),
        Some(_) | None => Ok(()),
    }
}

fn become_user(own: Uid, user: &UserSpec) -> Result<(), PrivilegeError> {
    if !own.is_root() {
        return Err(PrivilegeError::NotRoot);
    }
    let gid = Gid::from_raw(user.gid);
    let name = std::ffi::CString::new(user.name.as_str()).map_err(|_| PrivilegeError::Groups)?;
    initgroups(&name, gid).map_err(|_| PrivilegeError::Groups)?;
    setgid(gid).map_err(|_| PrivilegeError::Group)?;
    setuid(Uid::from_raw(user.uid)).map_err(|_| PrivilegeError::NotRoot)
}
