//! `[fleet]`, which supervisord ignores: only expanded here, what it means is judged elsewhere.

use std::collections::BTreeMap;

use super::Build;
use crate::error::ConfigError;
use crate::names::Value;

pub(crate) const SECTION: &str = "fleet";

/// Key (in lower case) and value (expanded) of each line; `None` without the section. What
/// `[DEFAULT]` says is meant for programs and does not count.
///
/// Besides `ENV_…` and `here` a value can use `host_node_name`.
pub(crate) fn read(build: &Build<'_>) -> Result<Option<BTreeMap<String, String>>, ConfigError> {
    let Some(own) = build.ini.section(SECTION) else {
        return Ok(None);
    };
    let scope = build.scope(SECTION);
    let mut names = build.names();
    let host = build.world.surroundings.hostname.clone();
    names.insert("host_node_name".to_owned(), Value::Text(host));
    let mut fleet = BTreeMap::new();
    for entry in &own.entries {
        let value = scope.text_or(&entry.key, &names, "")?;
        fleet.insert(entry.key.clone(), value);
    }
    Ok(Some(fleet))
}
