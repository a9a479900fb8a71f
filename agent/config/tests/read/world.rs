//! A directory of files and two users, to read configurations in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use agent_config::{
    Account, ConfigError, Difference, LoadRequest, Options, RealDisk, Report, Surroundings, Users,
};
use agent_core::spec::{Configuration, GroupSpec, ProcessSpec};
use tempfile::TempDir;

/// `root` (0) and `web` (33, with its own group).
pub struct TwoUsers;

impl Users for TwoUsers {
    fn by_name(&self, name: &str) -> Option<Account> {
        accounts().into_iter().find(|account| account.name == name)
    }
    fn by_uid(&self, uid: u32) -> Option<Account> {
        accounts().into_iter().find(|account| account.uid == uid)
    }
    fn gid_of(&self, group: &str) -> Option<u32> {
        self.by_name(group).map(|account| account.gid)
    }
    fn has_gid(&self, gid: u32) -> bool {
        accounts().iter().any(|account| account.gid == gid)
    }
    fn own_uid(&self) -> u32 {
        0
    }
}

fn accounts() -> Vec<Account> {
    let account = |uid, name: &str, home: &str| Account {
        uid,
        gid: uid,
        name: name.to_owned(),
        home: home.to_owned(),
    };
    vec![account(0, "root", "/root"), account(33, "web", "/")]
}

/// A temporary directory with `s.conf` and whatever else a test writes.
pub struct Place {
    dir: TempDir,
    pub options: Options,
    pub remembered: BTreeMap<String, String>,
}

impl Place {
    /// With this text as `s.conf`.
    pub fn with(main: &str) -> Self {
        let place = Self {
            dir: TempDir::new().expect("a temporary directory can be made"),
            options: Options::default(),
            remembered: BTreeMap::new(),
        };
        place.and("s.conf", main)
    }

    /// With one more file.
    pub fn and(self, name: &str, text: &str) -> Self {
        self.and_bytes(name, text.as_bytes())
    }

    /// With one more file, which need not be text.
    pub fn and_bytes(self, name: &str, bytes: &[u8]) -> Self {
        let path = self.dir.path().join(name);
        let parent = path.parent().expect("it is in the directory");
        fs::create_dir_all(parent).expect("a directory can be made");
        fs::write(path, bytes).expect("a file can be written");
        self
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The directory as text.
    pub fn here(&self) -> String {
        self.path().to_str().expect("it is UTF-8").to_owned()
    }

    fn request(&self) -> LoadRequest {
        LoadRequest {
            file: format!("{}/s.conf", self.here()),
            options: self.options.clone(),
            surroundings: surroundings(),
            remembered: self.remembered.clone(),
        }
    }

    /// The configuration, or the text of its error with the directory as `DIR`.
    pub fn load(&self) -> Result<Configuration, String> {
        agent_config::load(&self.request(), &RealDisk, &TwoUsers)
            .map_err(|error| error.to_string().replace(&self.here(), "DIR"))
    }

    /// The configuration, which must be good.
    pub fn loaded(&self) -> Configuration {
        self.load().unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn compare(&self) -> Result<Vec<Difference>, ConfigError> {
        agent_config::compare(&self.request(), &RealDisk, &TwoUsers)
    }

    /// The same, with the main file called `file` from its own directory.
    pub fn compare_from(&self, file: &str) -> Result<Vec<Difference>, ConfigError> {
        let mut request = self.request();
        request.surroundings.cwd = self.here();
        file.clone_into(&mut request.file);
        agent_config::compare(&request, &RealDisk, &TwoUsers)
    }

    pub fn check(&self) -> Report {
        agent_config::check(&self.request(), &RealDisk, &TwoUsers)
    }
}

/// The process that reads: a few variables and a host's name.
pub fn surroundings() -> Surroundings {
    let environment = [("A", "env-a"), ("HOME", "/root"), ("P", "5%")];
    Surroundings {
        cwd: "/".to_owned(),
        environment: environment.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        hostname: "node-1".to_owned(),
    }
}

/// The group with this name.
pub fn group<'a>(configuration: &'a Configuration, name: &str) -> &'a GroupSpec {
    let mut groups = configuration.groups.iter();
    groups.find(|group| group.name == name).unwrap_or_else(|| panic!("no group {name}"))
}

/// The first process of the group with this name.
pub fn process<'a>(configuration: &'a Configuration, name: &str) -> &'a ProcessSpec {
    &group(configuration, name).processes[0]
}
