//! The table: docs/COMPAT.md, as far as a configuration can show it.

use agent_core::payload::is_within;
use std::collections::BTreeMap;

use agent_core::spec::Level;

use super::Rule;
use super::seen::Seen;
use crate::error::Place;
use crate::expand::is_nameless;
use crate::fault::MAX_PROCESSES;
use crate::sections::eventlistener::DEFAULT_HANDLER;
use crate::sections::rpcinterface::{FACTORY_KEY, MAIN_FACTORY, is_entry_point};

const DAEMON: &str = "supervisord";

/// How the keys end whose values are numbers, sizes or modes.
const NUMBERS: [&str; 14] = [
    "_backups",
    "_maxbytes",
    "buffer_size",
    "chmod",
    "minfds",
    "minprocs",
    "numprocs",
    "numprocs_start",
    "priority",
    "socket_mode",
    "startretries",
    "startsecs",
    "stopwaitsecs",
    "umask",
];

/// What a configuration can show, by number.
pub(super) const SEEN: &[Rule] = &[
    Rule {
        number: 4,
        finds: |seen| {
            let zero =
                |section: &&str| seen.integer(section, "stopwaitsecs").is_some_and(|n| n <= 0);
            keys(seen, seen.processes().into_iter().filter(zero), "stopwaitsecs")
        },
        text: "supervisord sends SIGKILL on every pass of its loop, fleetvisord at once and then once \
               a second: a child that the kernel cannot end would keep the loop spinning",
    },
    Rule {
        number: 6,
        finds: |seen| {
            let is_pattern = |text: String| text.contains(|c| r".^$*+?{}[]\|()".contains(c));
            let cleans = !seen.flag(DAEMON, "nocleanup");
            let applies = cleans && seen.text(DAEMON, "identifier").is_some_and(is_pattern);
            daemon(seen, applies, "identifier")
        },
        text: "supervisord takes it as a pattern and removes others' files that match at start, \
               fleetvisord only AUTO logs with this very name",
    },
    Rule {
        number: 7,
        finds: |seen| {
            let entries = seen.entries().into_iter();
            let nameless = entries.filter(|(_, _, value)| is_nameless(value));
            nameless.map(|(section, key, _)| seen.place(section, key)).collect()
        },
        text: "supervisord inserts the whole environment for a conversion without a name, fleetvisord \
               refuses it: secrets do not belong there; write %% for a percent sign",
    },
    Rule {
        number: 8,
        finds: python_factories,
        text: "supervisord imports what this names, fleetvisord knows supervisord's own alone and \
               refuses others: there is no Python in the agent",
    },
    Rule {
        number: 9,
        finds: |seen| {
            let many = |it: &&str| seen.integer(it, "numprocs").is_some_and(|n| n > MAX_PROCESSES);
            let mut places = keys(seen, seen.processes().into_iter().filter(many), "numprocs");
            for (section, key, value) in seen.entries() {
                if seen.is_too_wide(section, value) {
                    places.push(seen.place(section, key));
                }
            }
            places
        },
        text: "supervisord has no bound, fleetvisord makes at most 100,000 processes of a section and \
               fields 32,767 wide: a slip of the hand must not eat the memory",
    },
    Rule {
        number: 10,
        finds: rotated_devices,
        text: "if this is a pipe or a terminal, supervisord fails to rotate it and fleetvisord never \
               does: with …_maxbytes=0 both do the same",
    },
    Rule {
        number: 13,
        finds: |seen| {
            channel_keys(seen, "capture_maxbytes", |section, key| {
                is_output(section, key) && seen.bytes(section, key).is_some_and(|bytes| bytes > 0)
            })
        },
        text: "in capture mode supervisord can lose a program's last 24 bytes, fleetvisord writes them",
    },
    Rule {
        number: 20,
        finds: |seen| {
            let moves = seen.has(DAEMON, "directory") && !seen.flag(DAEMON, "nodaemon");
            let relative = |key: &&str| {
                seen.text(DAEMON, key).is_none_or(|it| it != "syslog" && is_relative(&it))
            };
            let keys = ["logfile", "pidfile"].into_iter().filter(relative);
            keys.filter(|_| moves).map(|key| seen.place(DAEMON, key)).collect()
        },
        text: "to supervisord a relative path means the new directory from the first reread on, to \
               fleetvisord always the one of its start",
    },
    Rule {
        number: 30,
        finds: |seen| {
            let moves = seen.has(DAEMON, "directory") && !seen.flag(DAEMON, "nodaemon");
            daemon(seen, moves && is_relative(seen.file), "directory")
        },
        text: "with the configuration named by a relative path, supervisord ends at SIGHUP because it \
               looks for it in this directory; fleetvisord finds it where it was",
    },
    Rule {
        number: 38,
        finds: |seen| {
            let chatty = seen.level(DAEMON, "loglevel").is_some_and(|it| it <= Level::Debug);
            daemon(seen, chatty, "loglevel")
        },
        text: "supervisord logs one SIGCHLD for all children that end within a pass, and names Python \
               objects; fleetvisord logs one for each child, and names the program",
    },
    Rule {
        number: 53,
        finds: |seen| headers(seen, seen.sections("inet_http_server")),
        text: "fleetvisord has no web page yet: a browser gets 404, clients are answered",
    },
    Rule {
        number: 60,
        finds: |seen| {
            let entries = seen.entries().into_iter();
            let beyond = entries.filter(|(section, key, _)| {
                NUMBERS.iter().any(|end| key.ends_with(end)) && seen.is_beyond(section, key)
            });
            beyond.map(|(section, key, _)| seen.place(section, key)).collect()
        },
        text: "supervisord's numbers have no end, fleetvisord takes the nearest one of 64 bits, and of a \
               mode the last 32 bits",
    },
    Rule {
        number: 72,
        finds: |seen| {
            let traces = seen.level(DAEMON, "loglevel").is_some_and(|it| it <= Level::Trace);
            let servers = seen.sections("inet_http_server").into_iter();
            headers(seen, servers.filter(|_| traces).collect())
        },
        text: "at this loglevel supervisord logs the name that a name service gives for the address, \
               fleetvisord the address: a start must not wait for a name service",
    },
    Rule {
        number: 80,
        finds: |seen| headers(seen, seen.sections("ctlplugin:")),
        text: "supervisorctl imports the plug-in, fleetvisorctl passes it over: there is no Python in \
               the client",
    },
    Rule {
        number: 91,
        finds: |seen| {
            let twice = |section: &&str| {
                seen.text(section, "events").is_some_and(|events| names_one_twice(&events))
            };
            keys(seen, seen.sections("eventlistener:").into_iter().filter(twice), "events")
        },
        text: "supervisord sends an event twice to a pool that listens for its type and for a parent of \
               it, fleetvisord once",
    },
    Rule {
        number: 95,
        finds: |seen| {
            let finest = seen.level(DAEMON, "loglevel") == Some(Level::Blather);
            daemon(seen, finest, "loglevel")
        },
        text: "at this level supervisord names the Python objects that are read and written, \
               fleetvisord tells the states of those who are waited for at the end",
    },
    Rule {
        number: 98,
        finds: |seen| {
            let is_syslog = |text: String| text.eq_ignore_ascii_case("syslog");
            let main = seen.text(DAEMON, "logfile").is_some_and(|text| text == "syslog");
            let mut places = daemon(seen, main, "logfile");
            places.extend(channel_keys(seen, "syslog", |section, key| seen.flag(section, key)));
            places.extend(channel_keys(seen, "logfile", |section, key| {
                seen.text(section, key).is_some_and(is_syslog)
            }));
            places
        },
        text: "supervisord loses output that is no UTF-8, and stops while the system's log hangs; \
               fleetvisord sends the bytes as they are, and drops and counts lines after 5 s",
    },
    Rule {
        number: 99,
        finds: shared_files,
        text: "several outputs share this file and rotate it: after that supervisord writes over what \
               the others wrote, fleetvisord always appends",
    },
];

/// What no configuration shows, and why.
pub const UNSEEN: &[(u32, &str)] = &[
    (1, "it is when things happen, with any configuration"),
    (2, "it is what a reload does with a configuration that is broken then"),
    (3, "it is a state that no configuration leads to"),
    (5, "both do the same"),
    (11, "it is a directory's rights at the time of a start"),
    (12, "it is a full disk"),
    (14, "it is a race"),
    (15, "it is what a client sends"),
    (16, "it is what a client does"),
    (17, "it is what a client does"),
    (18, "it is an order of commands"),
    (19, "both do the same"),
    (21, "it is a directory's rights at the time of a start"),
    (22, "it is when things happen, with any configuration"),
    (23, "it is what the client prints"),
    (24, "it is what the client prints"),
    (25, "it is what the client prints"),
    (26, "it is the client's command line"),
    (27, "it is what the client prints"),
    (28, "it is what a client sends"),
    (29, "it is what an earlier daemon left"),
    (31, "it is a race"),
    (32, "it is a port that is in use at a restart"),
    (33, "it is an order of commands"),
    (34, "it is what stands in the file system"),
    (35, "it is a text, and the host's limits decide whether it appears"),
    (36, "it is a text, and the file's rights decide whether it appears"),
    (37, "it is the environment of every program, with any configuration"),
    (39, "it is the order of results, with any configuration"),
    (40, "it is when a line appears, with any configuration"),
    (41, "it is a log's rights at a restart"),
    (70, "it is an option of the command line; in a file neither reads it"),
    (71, "it is a fault inside the daemon"),
    (73, "it is another program"),
    (74, "it is another program"),
    (75, "it is what stands in the file system"),
    (76, "both do as 4.3.0 does"),
    (90, "it is what a listener answers"),
    (92, "it is what a listener does"),
    (93, "it is what a listener writes"),
    (94, "it is what waits for a listener at a shutdown"),
    (96, "it is a directory's rights at a rotation"),
    (97, "it is an order of commands"),
    (100, "it is a file system or a reader that hangs"),
    (105, "it is a port that somebody else takes"),
    (106, "it is what the file system or the network says at an add"),
    (107, "it is what the file system or the network says at a restart"),
    (108, "it is a file system or a name service that hangs"),
    (110, "it is when things happen, with any configuration"),
    (111, "it is a clock that is set"),
    (112, "it is what a client sends"),
    (120, "it is what a reload does with another configuration"),
    (121, "it is a configuration that breaks during a restart"),
    (122, "it is when things happen, with any configuration"),
    (123, "it is what a reread does with another configuration"),
];

/// The key in each of these sections.
fn keys<'a>(seen: &Seen<'a>, sections: impl Iterator<Item = &'a str>, key: &str) -> Vec<Place> {
    sections.map(|section| seen.place(section, key)).collect()
}

fn headers(seen: &Seen<'_>, sections: Vec<&str>) -> Vec<Place> {
    sections.into_iter().map(|section| seen.header(section)).collect()
}

/// A key of `[supervisord]`.
fn daemon(seen: &Seen<'_>, applies: bool, key: &str) -> Vec<Place> {
    if applies { vec![seen.place(DAEMON, key)] } else { vec![] }
}

fn is_relative(path: &str) -> bool {
    !path.starts_with(['/', '~'])
}

/// Factories of XML-RPC interfaces and handlers of listeners' results.
fn python_factories(seen: &Seen<'_>) -> Vec<Place> {
    let mut places = vec![];
    for (prefix, key, ours) in [
        ("rpcinterface:", FACTORY_KEY, MAIN_FACTORY),
        ("eventlistener:", "result_handler", DEFAULT_HANDLER),
    ] {
        for section in seen.sections(prefix) {
            let other = |spec: String| !is_entry_point(&spec, ours);
            if seen.text(section, key).is_some_and(other) {
                places.push(seen.place(section, key));
            }
        }
    }
    places
}

/// `stdout_…` and `stderr_…` of every section that makes processes, where `applies` says so.
fn channel_keys<'a>(
    seen: &Seen<'a>,
    key: &str,
    applies: impl Fn(&'a str, &str) -> bool,
) -> Vec<Place> {
    let mut places = vec![];
    for section in seen.processes() {
        for channel in ["stdout", "stderr"] {
            let key = format!("{channel}_{key}");
            if applies(section, &key) {
                places.push(seen.place(section, &key));
            }
        }
    }
    places
}

/// Whether a key is of a channel for output: what a listener prints are answers.
fn is_output(section: &str, key: &str) -> bool {
    !(section.starts_with("eventlistener:") && key.starts_with("stdout_"))
}

/// A type of event beside one of its parents.
fn names_one_twice(events: &str) -> bool {
    let names: Vec<_> = events.split(',').map(|name| name.trim().to_ascii_uppercase()).collect();
    names.iter().any(|name| names.iter().any(|other| other != name && is_within(name, other)))
}

/// Logs on what may be a pipe or a terminal and is to be rotated.
fn rotated_devices(seen: &Seen<'_>) -> Vec<Place> {
    let rotates = |section, file: &str| {
        let is_device = seen.text(section, file).is_some_and(|path| is_device(&path));
        is_device && seen.bytes(section, &format!("{file}_maxbytes")) != Some(0)
    };
    let mut places = daemon(seen, rotates(DAEMON, "logfile"), "logfile");
    places.extend(channel_keys(seen, "logfile", |section, key| {
        let dropped = key == "stderr_logfile" && seen.flag(section, "redirect_stderr");
        !dropped && rotates(section, key)
    }));
    places
}

/// Logs that are rotated and of which another output has the same file.
fn shared_files(seen: &Seen<'_>) -> Vec<Place> {
    let mut files: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    for section in seen.processes() {
        for channel in ["stdout", "stderr"] {
            let key = format!("{channel}_logfile");
            let Some(path) = seen.text(section, &key).filter(|path| path.contains('/')) else {
                continue;
            };
            let dropped = channel == "stderr" && seen.flag(section, "redirect_stderr");
            let rotates = seen.bytes(section, &format!("{key}_maxbytes")) != Some(0);
            if rotates && !dropped && !is_device(&path) {
                let many = seen.integer(section, "numprocs").is_some_and(|number| number > 1)
                    && !seen.written(section, &key).contains("process_num");
                let place = || seen.place(section, &key);
                let writers = files.entry(path).or_default();
                writers.push(place());
                // Two of one section count as two outputs, but are shown once.
                writers.extend(many.then(place));
            }
        }
    }
    let shared = files.into_values().filter(|writers| writers.len() > 1);
    let mut places: Vec<Place> = shared.flatten().collect();
    places.dedup();
    places
}

/// By its name: what it is at the start cannot be known before.
fn is_device(path: &str) -> bool {
    let descriptor = path.starts_with("/proc/") && path.contains("/fd/");
    let beginnings = ["/dev/fd/", "/dev/tty", "/dev/pts/"];
    ["/dev/stdout", "/dev/stderr", "/dev/console"].contains(&path)
        || beginnings.iter().any(|beginning| path.starts_with(beginning))
        || descriptor
}
