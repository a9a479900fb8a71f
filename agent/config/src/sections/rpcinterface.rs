//! `[rpcinterface:x]` (KRP-01 to KRP-05): only supervisord's own interface can be had here. Any other
//! factory is Python and gets the text of one that cannot be found.

use agent_core::spec::RpcInterfaceSpec;

use super::{Build, after_colon};
use crate::error::ConfigError;
use crate::fault::Fault;
use crate::text::strip;

pub(crate) const FACTORY_KEY: &str = "supervisor.rpcinterface_factory";
pub(crate) const MAIN_FACTORY: &str = "supervisor.rpcinterface:make_main_rpcinterface";

/// All interfaces, in file order.
pub(crate) fn read(build: &Build<'_>) -> Result<Vec<RpcInterfaceSpec>, ConfigError> {
    let mut interfaces = vec![];
    for section in build.sections("rpcinterface:") {
        let scope = build.scope(section);
        let Some(spec) = scope.text(FACTORY_KEY, &build.environment)? else {
            return Err(scope.fails(None, Fault::NoFactory(section.to_owned())));
        };
        if !is_entry_point(&spec, MAIN_FACTORY) {
            let section = section.to_owned();
            let fault = Fault::Unresolved { section, spec };
            return Err(scope.fails(Some(FACTORY_KEY), fault));
        }
        for key in build.ini.keys(section) {
            scope.text(key, &build.environment)?;
        }
        let mut others = build.ini.keys(section).into_iter().filter(|key| *key != FACTORY_KEY);
        let unexpected_key = others.next().map(str::to_owned);
        interfaces.push(RpcInterfaceSpec { name: after_colon(section).to_owned(), unexpected_key });
    }
    Ok(interfaces)
}

/// Python's entry points allow blanks around the colon and behind.
pub(crate) fn is_entry_point(spec: &str, wanted: &str) -> bool {
    match (spec.split_once(':'), wanted.split_once(':')) {
        (Some((module, name)), Some((wanted_module, wanted_name))) => {
            module.trim_end() == wanted_module && strip(name) == wanted_name
        }
        _ => false,
    }
}
