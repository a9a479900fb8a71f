//! The table of `status`.

use proto_words::{Namespec, ProcessState};
use proto_xmlrpc::Value;

use super::answer::{int_of, text_of};
use crate::reach::trouble::Trouble;

/// The narrowest column of names.
const LEAST_NAME_COLUMNS: usize = 30;
/// Blanks after the longest name.
const GAP_COLUMNS: usize = 3;

/// What the table needs of a process.
#[derive(Debug)]
pub struct Info {
    /// Its group.
    pub group: String,
    /// Its name in the group.
    pub name: String,
    /// supervisord's number of its state.
    pub state: i64,
    /// The name of its state.
    pub state_name: String,
    /// Such as `pid 7, uptime 0:00:03`.
    pub description: String,
    /// All that the server said of it.
    pub whole: Value,
}

impl Info {
    /// Reads one item of `getAllProcessInfo`.
    ///
    /// # Errors
    ///
    /// A member is missing or of another type.
    pub fn read(value: &Value) -> Result<Self, Trouble> {
        Ok(Self {
            group: text_of(value, "group")?.to_owned(),
            name: text_of(value, "name")?.to_owned(),
            state: int_of(value, "state")?,
            state_name: text_of(value, "statename")?.to_owned(),
            description: text_of(value, "description")?.to_owned(),
            whole: value.clone(),
        })
    }
}

/// Whether a state makes `status` fail.
pub fn dead(state: i64) -> bool {
    let state = i32::try_from(state).ok().and_then(ProcessState::from_code);
    state.is_some_and(ProcessState::is_stopped)
}

/// One line per process. The names' column fits the longest of them.
pub fn table(infos: &[&Info]) -> Vec<String> {
    let name = |info: &Info| Namespec::one(&info.group, &info.name).to_string();
    let names: Vec<String> = infos.iter().map(|info| name(info)).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let width = longest.max(LEAST_NAME_COLUMNS) + GAP_COLUMNS;
    let line = |(name, info): (&String, &&Info)| {
        format!("{name:width$}{:10}{}", info.state_name, info.description)
    };
    names.iter().zip(infos).map(line).collect()
}

#[cfg(test)]
mod tests {
    use proto_xmlrpc::Value;

    use super::{Info, dead, table};

    fn info(group: &str, name: &str, state: i32, state_name: &str, description: &str) -> Info {
        let value = Value::record([
            ("group", group.into()),
            ("name", name.into()),
            ("state", state.into()),
            ("statename", state_name.into()),
            ("description", description.into()),
        ]);
        Info::read(&value).expect("complete")
    }

    #[test]
    fn the_table_is_supervisorctls() {
        let cat = info("cat", "cat", 20, "RUNNING", "pid 10136, uptime 0:00:03");
        let one = info("grp", "one", 10, "STARTING", "");
        assert_eq!(
            table(&[&cat, &one]),
            [
                "cat                              RUNNING   pid 10136, uptime 0:00:03",
                "grp:one                          STARTING  ",
            ]
        );
        let long = info("g", "a-name-that-is-longer-than-thirty", 0, "STOPPED", "Not started");
        assert_eq!(
            table(&[&cat, &long]),
            [
                "cat                                   RUNNING   pid 10136, uptime 0:00:03",
                "g:a-name-that-is-longer-than-thirty   STOPPED   Not started",
            ]
        );
        assert!(table(&[]).is_empty());
    }

    #[test]
    fn stopped_exited_fatal_and_unknown_make_status_fail() {
        for (state, expected) in [
            (0, true),
            (10, false),
            (20, false),
            (30, false),
            (40, false),
            (100, true),
            (200, true),
            (1000, true),
            (7, false),
        ] {
            assert_eq!(dead(state), expected, "{state}");
        }
    }

    #[test]
    fn an_incomplete_answer_is_trouble() {
        let trouble = Info::read(&Value::record([("group", "a".into())])).expect_err("no name");
        assert_eq!(trouble.class_and_text(), ("KeyError", "'name'".to_owned()));
    }
}
