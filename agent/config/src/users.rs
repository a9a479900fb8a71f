//! Who is who: the agent answers from the host's user database, tests from a list.

/// One entry of the user database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The numeric user id.
    pub uid: u32,
    /// The primary group id.
    pub gid: u32,
    /// The login name.
    pub name: String,
    /// The home directory, for `~`.
    pub home: String,
}

/// The user database, as far as reading a configuration needs it.
pub trait Users {
    /// The account with this name.
    fn by_name(&self, name: &str) -> Option<Account>;

    /// The account with this id.
    fn by_uid(&self, uid: u32) -> Option<Account>;

    /// The id of the group with this name.
    fn gid_of(&self, group: &str) -> Option<u32>;

    /// Whether a group has this id.
    fn has_gid(&self, gid: u32) -> bool;

    /// The id that the agent itself runs as.
    fn own_uid(&self) -> u32;
}
