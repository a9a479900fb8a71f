//! What a child finds in its environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use agent_core::effect::SpawnOrder;

/// Variables of the agent itself begin so, and no program sees them.
const OURS: &[u8] = b"FLEETVISOR_";

/// Where commands are looked for when neither the program nor the agent has a PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin:/usr/local/bin";

/// The agent's own environment, as it was when the thread started: nothing changes it later.
#[derive(Debug)]
pub(super) struct Environment {
    base: BTreeMap<OsString, OsString>,
    server_url: Option<String>,
}

impl Environment {
    pub(super) fn new(
        own: impl Iterator<Item = (OsString, OsString)>,
        server_url: Option<String>,
    ) -> Self {
        let base = own.filter(|(name, _)| !name.as_bytes().starts_with(OURS)).collect();
        Self { base, server_url }
    }

    /// The directories in which the command of a program with this `environment` is looked for
    /// (CMD-07).
    pub(super) fn path_for(&self, program: &BTreeMap<String, String>) -> OsString {
        if let Some(path) = program.get("PATH") {
            return path.into();
        }
        match self.base.get(OsStr::new("PATH")) {
            Some(path) if !path.is_empty() => path.clone(),
            Some(_) | None => DEFAULT_PATH.into(),
        }
    }

    /// All variables of one child (CH-06): the program's own come last and may override any.
    pub(super) fn of(&self, order: &SpawnOrder) -> BTreeMap<OsString, OsString> {
        let spec = &order.spec;
        let mut variables = self.base.clone();
        let mut set = |name: &str, value: &str| {
            variables.insert(name.into(), value.into());
        };
        set("SUPERVISOR_ENABLED", "1");
        let server_url = spec.server_url.as_ref().or(self.server_url.as_ref());
        if let Some(url) = server_url.filter(|url| !url.is_empty()) {
            set("SUPERVISOR_SERVER_URL", url);
        }
        set("SUPERVISOR_PROCESS_NAME", &spec.name);
        set("SUPERVISOR_GROUP_NAME", &order.group);
        for (name, value) in &spec.environment {
            set(name, value);
        }
        variables
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::{OsStr, OsString};

    use super::Environment;

    #[test]
    fn our_own_variables_are_not_passed_on() {
        let own = ["FLEETVISOR_SERVER", "FLEETVISORS", "PATH"];
        let own = own.map(|name| (OsString::from(name), OsString::from("x")));
        let environment = Environment::new(own.into_iter(), None);
        let names: Vec<_> = environment.base.keys().collect();
        assert_eq!(names, ["FLEETVISORS", "PATH"]);
    }

    #[test]
    fn an_empty_path_counts_only_when_the_program_sets_it() {
        for (own, program, path) in [
            (None, None, "/bin:/usr/bin:/usr/local/bin"),
            (Some(""), None, "/bin:/usr/bin:/usr/local/bin"),
            (Some("/a"), None, "/a"),
            (Some("/a"), Some("/b"), "/b"),
            (Some("/a"), Some(""), ""),
        ] {
            let own = own.map(|own| (OsString::from("PATH"), OsString::from(own)));
            let environment = Environment::new(own.into_iter(), None);
            let program = program.map(|path| ("PATH".to_owned(), path.to_owned()));
            let program: BTreeMap<_, _> = program.into_iter().collect();
            assert_eq!(environment.path_for(&program), OsStr::new(path));
        }
    }
}
