//! The host's user database, for the configuration.

use agent_config::{Account, Users};
use nix::unistd::{Gid, Group, Uid, User};

/// Looks users and groups up in the system; this may hang with a name service.
#[derive(Debug, Clone, Copy, Default)]
pub struct HostUsers;

impl Users for HostUsers {
    fn by_name(&self, name: &str) -> Option<Account> {
        User::from_name(name).ok().flatten().map(account)
    }

    fn by_uid(&self, uid: u32) -> Option<Account> {
        User::from_uid(Uid::from_raw(uid)).ok().flatten().map(account)
    }

    fn gid_of(&self, group: &str) -> Option<u32> {
        Group::from_name(group).ok().flatten().map(|group| group.gid.as_raw())
    }

    fn has_gid(&self, gid: u32) -> bool {
        Group::from_gid(Gid::from_raw(gid)).is_ok_and(|group| group.is_some())
    }

    fn own_uid(&self) -> u32 {
        Uid::current().as_raw()
    }
}

fn account(user: User) -> Account {
    Account {
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        name: user.name,
        home: user.dir.to_string_lossy().into_owned(),
    }
}
