//! From a file's name to a whole configuration.

use std::collections::BTreeMap;

use agent_core::spec::{Configuration, Level};

use crate::cmdline::Options;
use crate::disk::Disk;
use crate::error::ConfigError;
use crate::fault::Fault;
use crate::include::{self, Said, no_supervisord, text_of, unparsable};
use crate::ini::Ini;
use crate::names::{Names, Value};
use crate::paths::{absolute, dirname};
use crate::sections::{Build, add_environment, fleet, group, rpcinterface, servers, supervisord};
use crate::users::Users;
use crate::{Surroundings, World};

/// Which file to read, and what counts besides it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadRequest {
    /// The file as the caller named it; relative to the working directory.
    pub file: String,
    /// The command line, which outweighs the file.
    pub options: Options,
    /// The process that reads.
    pub surroundings: Surroundings,
    /// `[supervisord] environment` of earlier reads: its keys stay usable as `%(ENV_…)s` although
    /// they have left the file (EXP-26). Empty at start and after HUP.
    pub remembered: BTreeMap<String, String>,
}

/// Reads a configuration with its includes and checks all of it.
///
/// # Errors
///
/// The first fault in supervisord's order (CFG-01), with its text.
pub fn load(
    request: &LoadRequest,
    disk: &dyn Disk,
    users: &dyn Users,
) -> Result<Configuration, ConfigError> {
    let world = World { surroundings: &request.surroundings, disk, users };
    let sources = read_files(request, &world)?;
    build(request, &world, sources)
}

/// All files of a configuration, read but not judged.
pub(crate) struct Sources {
    pub ini: Ini,
    /// The directory of the main file, absolute.
    pub here: String,
    /// `ENV_…` of the process and of earlier reads.
    pub environment: Names,
    said: Said,
}

/// Reads the main file and what it includes.
pub(crate) fn read_files(request: &LoadRequest, world: &World<'_>) -> Result<Sources, ConfigError> {
    let file = &request.file;
    if !world.disk.exists(&absolute_or_empty(request)) {
        return Err(unparsable(file, Fault::NotFound(file.clone())));
    }
    let text = text_of(world.disk, &absolute_or_empty(request), file)?
        .ok_or_else(|| unparsable(file, Fault::NotReadable(file.clone())))?;
    let mut ini = Ini::default();
    ini.read(file, &text, false).map_err(|fault| unparsable(file, fault))?;
    let mut environment = Names::new();
    add_environment(&mut environment, &request.surroundings.environment);
    add_environment(&mut environment, &request.remembered);
    environment.share();
    let here = absolute(&request.surroundings.cwd, dirname(file));
    let mut names = environment.clone();
    for (key, value) in [("here", &here), ("host_node_name", &request.surroundings.hostname)] {
        names.insert(key.to_owned(), Value::Text(value.clone()));
    }
    let said = include::read(&mut ini, world, &here, &names)?;
    Ok(Sources { ini, here, environment, said })
}

/// An empty name stays empty, so that it names nothing.
fn absolute_or_empty(request: &LoadRequest) -> String {
    if request.file.is_empty() {
        return String::new();
    }
    crate::paths::join(&request.surroundings.cwd, &request.file)
}

fn build(
    request: &LoadRequest,
    world: &World<'_>,
    sources: Sources,
) -> Result<Configuration, ConfigError> {
    let Sources { ini, here, environment, mut said } = sources;
    if ini.section("supervisord").is_none() {
        return Err(no_supervisord(&ini, &request.file));
    }
    let mut build = Build { world, ini: &ini, file: &request.file, here: &here, environment };
    let daemon = supervisord::read(&mut build)?;
    let rpc_interfaces = rpcinterface::read(&build)?;
    let mut groups = group::read(&build, &mut said.warnings)?;
    for process in groups.iter_mut().flat_map(|group| &mut group.processes) {
        let own = std::mem::replace(&mut process.environment, daemon.environment.clone());
        process.environment.extend(own);
    }
    let servers = servers::read(&build)?;
    let mut daemon = daemon.finish(&request.options, world, build.scope("supervisord"))?;
    daemon.server_url = servers::url(&servers);
    Ok(Configuration {
        daemon,
        servers,
        rpc_interfaces,
        groups,
        fleet: fleet::read(&build)?,
        messages: messages(said),
        file: request.file.clone(),
        here: here.clone(),
    })
}

/// In the order of UP-08.
fn messages(said: Said) -> Vec<(Level, String)> {
    let warnings = said.warnings.into_iter().map(|text| (Level::Warn, text));
    let infos = said.infos.into_iter().map(|text| (Level::Info, text));
    warnings.chain(infos).collect()
}
