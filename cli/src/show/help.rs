//! How things are used. The forms are supervisorctl's; scripts that look for them find them.

/// Above the list of verbs.
pub const HEADER: &str = "default commands (type help <topic>):";
/// The list of verbs is at most this wide.
pub const WIDTH: usize = 79;

/// How one verb is used; `None` for what is no verb.
pub fn usage(verb: &str) -> Option<&'static str> {
    let text = USAGES.iter().find(|(name, _)| *name == verb);
    text.map(|(_, text)| *text)
}

const USAGES: [(&str, &str); 22] = [
    ("add", "add <name> [...]\tPut newly configured groups into service"),
    ("avail", "avail\t\t\tShow everything that is configured, in service or not"),
    (
        "clear",
        "clear <name>\t\tEmpty the logs of a process\n\
         clear <name> <name>\tEmpty the logs of several processes\n\
         clear all\t\tEmpty the logs of every process",
    ),
    ("exit", "exit\tLeave the shell"),
    (
        "fg",
        "fg <process>\tShow a process's output and type into it\n\
         \t\tCtrl-C to exit",
    ),
    (
        "help",
        "help\t\tList the actions\n\
         help <action>\tShow how an action is used",
    ),
    (
        "maintail",
        "maintail -f \tFollow supervisord's own log (Ctrl-C to exit)\n\
         maintail -100\tShow the last 100 *bytes* of supervisord's own log\n\
         maintail\tShow the last 1600 *bytes* of supervisord's own log\n",
    ),
    (
        "open",
        "open <url>\tTalk to another supervisord from now on\n\
         \t\t(a unix socket is unix:///path/of/socket)",
    ),
    (
        "pid",
        "pid\t\t\tShow supervisord's process id\n\
         pid <name>\t\tShow the process id of one process\n\
         pid all\t\t\tShow the process id of every process, a line each",
    ),
    ("quit", "quit\tLeave the shell"),
    ("reload", "reload \t\tStop everything and start supervisord anew"),
    ("remove", "remove <name> [...]\tTake stopped groups out of service"),
    ("reread", "reread \t\t\tRead the configuration again and show what is new, changing nothing"),
    (
        "restart",
        "restart <name>\t\tStop and start a process\n\
         restart <gname>:*\tStop and start every process of a group\n\
         restart <name> <name>\tStop and start several processes or groups\n\
         restart all\t\tStop and start every process\n\
         Note: the configuration is not read again; reread and update do that.",
    ),
    ("shutdown", "shutdown \tStop everything and end supervisord"),
    (
        "signal",
        "signal <signal name> <name>\t\tSend a signal to a process\n\
         signal <signal name> <gname>:*\t\tSend a signal to every process of a group\n\
         signal <signal name> <name> <name>\tSend a signal to several processes or groups\n\
         signal <signal name> all\t\tSend a signal to every process",
    ),
    (
        "start",
        "start <name>\t\tStart a process\n\
         start <gname>:*\t\tStart every process of a group\n\
         start <name> <name>\tStart several processes or groups\n\
         start all\t\tStart every process",
    ),
    (
        "status",
        "status <name>\t\tShow the state of a process\n\
         status <gname>:*\tShow the state of every process of a group\n\
         status <name> <name>\tShow the state of several processes\n\
         status\t\t\tShow the state of every process",
    ),
    (
        "stop",
        "stop <name>\t\tStop a process\n\
         stop <gname>:*\t\tStop every process of a group\n\
         stop <name> <name>\tStop several processes or groups\n\
         stop all\t\tStop every process",
    ),
    (
        "tail",
        "tail [-f] <name> [stdout|stderr] (default stdout)\n\
         Ex:\n\
         tail -f <name>\t\tFollow a process's stdout\n\
         \t\t\tCtrl-C to exit.\n\
         tail -100 <name>\tShow the last 100 *bytes* of a process's stdout\n\
         tail <name> stderr\tShow the last 1600 *bytes* of a process's stderr",
    ),
    (
        "update",
        "update\t\t\tRead the configuration again and bring every group in line with it\n\
         update all\t\tThe same\n\
         update <gname> [...]\tThe same for these groups only",
    ),
    ("version", "version\t\t\tShow supervisord's version"),
];

/// The text of `-h`, for a program of this name.
pub fn program(name: &str) -> String {
    format!(
        "{name} -- control what supervisord or fleetvisord runs on one host

Usage: {name} [options] [action [arguments]]

Options:
-c/--configuration FILE -- configuration with a [supervisorctl] section (searched for if not given)
-h/--help -- print this text and exit
-i/--interactive -- with an action: ask before shutting down, and for a password
-s/--serverurl URL -- where the server listens: http://host:port or unix:///path
     (default \"http://localhost:9001\").
-u/--username NAME -- name to show to the server
-p/--password PASSWORD -- password to show to the server
-r/--history-file FILE -- where the shell keeps its history

action [arguments] -- such as \"status\", \"tail web\" or \"restart all\"; \"help\" lists all actions.
Without an action, a shell is started that takes one action per line.
"
    )
}

#[cfg(test)]
mod tests {
    use super::usage;
    use crate::verbs::VERBS;

    #[test]
    fn every_verb_says_how_it_is_used() {
        for verb in VERBS.iter().filter(|verb| verb.name != "EOF") {
            let text = usage(verb.name).expect(verb.name);
            assert!(text.starts_with(verb.name), "{}", verb.name);
        }
        assert_eq!(usage("EOF"), None);
    }
}
