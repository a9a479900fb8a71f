//! The active groups: listed in the order of their creation, found by name without a search.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::groups::Group;

/// What [`Deref`] shows is the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Group>", into = "Vec<Group>")]
pub(crate) struct Active {
    list: Vec<Group>,
    /// Where each stands in the list.
    places: HashMap<Arc<str>, usize>,
}

impl Active {
    pub(crate) fn get(&self, name: &str) -> Option<&Group> {
        self.list.get(*self.places.get(name)?)
    }

    /// To change anything but its name.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Group> {
        self.list.get_mut(*self.places.get(name)?)
    }

    /// Adds a group whose name is not there yet.
    pub(crate) fn push(&mut self, group: Group) {
        self.places.insert(Arc::clone(&group.name), self.list.len());
        self.list.push(group);
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Group> {
        let at = self.places.remove(name)?;
        for place in self.places.values_mut().filter(|place| **place > at) {
            *place -= 1;
        }
        Some(self.list.remove(at))
    }
}

impl Deref for Active {
    type Target = [Group];

    fn deref(&self) -> &[Group] {
        &self.list
    }
}

impl From<Vec<Group>> for Active {
    fn from(list: Vec<Group>) -> Self {
        let places = list.iter().enumerate().map(|(at, group)| (Arc::clone(&group.name), at));
        Self { places: places.collect(), list }
    }
}

impl From<Active> for Vec<Group> {
    fn from(active: Active) -> Self {
        active.list
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Active;
    use crate::groups::Group;
    use crate::sockets::Socket;
    use crate::spec::{GroupKind, GroupSpec};

    fn group(name: &str) -> Group {
        let configured = GroupSpec {
            name: name.to_owned(),
            priority: 999,
            kind: GroupKind::Programs,
            processes: Vec::new(),
        };
        Group {
            name: name.into(),
            configured,
            auto_logs: BTreeMap::new(),
            members: Vec::new(),
            socket: Socket::Closed,
        }
    }

    #[test]
    fn the_order_stays_and_each_is_found_whatever_goes() {
        let mut active: Active = ["a", "b", "c", "d"].map(group).to_vec().into();
        assert_eq!(active.remove("b").map(|group| group.name), Some("b".into()));
        assert!(active.remove("b").is_none());
        active.push(group("b"));
        let names: Vec<_> = active.iter().map(|group| &*group.name).collect();
        assert_eq!(names, ["a", "c", "d", "b"]);
        for name in names {
            assert_eq!(active.get(name).map(|group| &*group.name), Some(name));
        }
    }
}
