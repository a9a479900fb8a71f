//! A fleet: real agents, a real controller, the operator's client.

mod events;
mod once;
mod reconfigure;
mod refusals;
mod selectors;
mod survival;
mod trouble;
mod waves;

use std::fmt::Write as _;

use integration::fleet::Member;

/// A host's configuration with these programs. Each is a name, what its child does after its stamp,
/// and further keys, one per line; it starts only when told.
fn programs(programs: &[(&str, &str, &str)]) -> String {
    let mut text = "{head}\n".to_owned();
    for (name, script, keys) in programs {
        let _ = write!(
            text,
            "[program:{name}]\ncommand={{child}} stamp:{{dir}}/stamps:{name} {script}\n\
             autostart=false\nstartsecs=1\n{keys}\n"
        );
    }
    text
}

fn member<'a>(name: &'a str, labels: &'a str, configuration: &'a str) -> Member<'a> {
    Member { name, labels, configuration }
}
