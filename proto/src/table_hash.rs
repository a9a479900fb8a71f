//! The hash by which agent and controller compare what they believe of a host's processes.
//!
//! SHA-256 over the rows sorted by (group, name); each row is its group, name and state name, each
//! preceded by its length in bytes as a big-endian u32, then the incarnation's epoch and spawn as
//! big-endian u64. Rows that are gone do not count.

use proto_words::Row;
use sha2::{Digest as _, Sha256};

/// Hashes a table; the order of `rows` does not matter.
#[must_use]
pub fn table_hash<'a>(rows: impl IntoIterator<Item = &'a Row>) -> [u8; 32] {
    let mut rows: Vec<_> =
        rows.into_iter().filter_map(|row| row.state.map(|state| (row, state))).collect();
    rows.sort_by(|(a, _), (b, _)| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    let mut hash = Sha256::new();
    for (row, state) in rows {
        for text in [row.group.as_str(), row.name.as_str(), state.name()] {
            hash.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            hash.update(text);
        }
        hash.update(row.incarnation.epoch.to_be_bytes());
        hash.update(row.incarnation.spawn.to_be_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use proto_words::{Incarnation, Origin, ProcessState, Row};

    use super::table_hash;

    fn row(group: &str, name: &str, state: Option<ProcessState>) -> Row {
        Row {
            seq: 1,
            origin: Origin::Autostart,
            group: group.into(),
            name: name.into(),
            state,
            incarnation: Incarnation { epoch: 1, spawn: 1 },
            pid: 1,
            group_priority: 999,
            priority: 999,
            startsecs: 1,
            spawnerr: String::new(),
            exitstatus: 0,
            started_ms: 0,
            stopped_ms: 0,
            since_ms: 0,
        }
    }

    #[test]
    fn order_does_not_matter_and_what_is_gone_does_not_count() {
        let (a, b) = (row("g", "a", Some(ProcessState::Running)), row("g", "b", None));
        let c = row("g", "c", Some(ProcessState::Stopped));
        assert_eq!(table_hash([&a, &b, &c]), table_hash([&c, &a]));
        assert_ne!(table_hash([&a]), table_hash([&c]));
    }

    #[test]
    fn names_cannot_run_into_one_another() {
        let (a, b) = (row("gr", "oup", Some(ProcessState::Running)), {
            row("gro", "up", Some(ProcessState::Running))
        });
        assert_ne!(table_hash([&a]), table_hash([&b]));
    }
}
