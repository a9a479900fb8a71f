//! Every method there is: its name, what it takes, what it gives, and what it is for.
//!
//! `system.methodHelp` and `system.methodSignature` are made from this table, so neither can
//! disagree with what is called.

use std::fmt::Write as _;

use super::control::Reach;
use super::logs::Channel;

/// What a method does; two names of one method share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    ListMethods,
    MethodHelp,
    MethodSignature,
    Multicall,
    ApiVersion,
    SupervisorVersion,
    Identification,
    State,
    Pid,
    Shutdown,
    Restart,
    RemoteEvent,
    ReadMainLog,
    ClearMainLog,
    ReadLog(Channel),
    TailLog(Channel),
    ClearLogs,
    ClearAllLogs,
    Info,
    AllInfo,
    AllConfig,
    ReloadConfig,
    AddGroup,
    RemoveGroup,
    Start(Reach),
    Stop(Reach),
    Signal(Reach),
    WriteStdin,
}

/// One parameter.
#[derive(Debug)]
pub(super) struct Param {
    kind: &'static str,
    name: &'static str,
    about: &'static str,
    optional: bool,
}

/// One method.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) verb: Verb,
    /// In order; the optional ones last.
    pub(super) params: &'static [Param],
    /// The type of what it gives, and what that is.
    result: (&'static str, &'static str),
    about: &'static str,
}

impl Method {
    /// How many arguments a call needs at least.
    pub(super) fn required(&self) -> usize {
        self.params.iter().filter(|param| !param.optional).count()
    }

    /// Whether it is refused while everything stops.
    pub(super) fn needs_running(&self) -> bool {
        self.name.starts_with("supervisor.") && self.verb != Verb::RemoteEvent
    }

    /// The result's type, then each parameter's.
    pub(super) fn signature(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.result.0).chain(self.params.iter().map(|param| param.kind))
    }

    /// The help text, with the tags that clients parse.
    pub(super) fn help(&self) -> String {
        let mut text = format!("{}\n\n", self.about);
        for Param { kind, name, about, .. } in self.params {
            // A String takes every write.
            let _ = writeln!(text, "@param {kind} {name}  {about}");
        }
        let (kind, about) = self.result;
        let _ = writeln!(text, "@return {kind} result  {about}");
        text
    }
}

const fn param(kind: &'static str, name: &'static str, about: &'static str) -> Param {
    Param { kind, name, about, optional: false }
}

const fn wait(about: &'static str) -> Param {
    Param { kind: "boolean", name: "wait", about, optional: true }
}

const PROCESS: Param = param("string", "name", "the process, as NAME or GROUP:NAME");
const PROCESSES: Param = param("string", "name", "NAME, GROUP:NAME, or GROUP:* for all of it");
const GROUP: Param = param("string", "name", "the group's bare name");
const SIGNAL: Param = param("string", "signal", "a name with or without SIG, or a number");
const OFFSET: Param = param("int", "offset", "where to begin; negative counts from the end");
const LENGTH: Param = param("int", "length", "how many bytes; 0 for all that follow");
const TAIL_OFFSET: Param = param("int", "offset", "where to begin");
const TAIL_LENGTH: Param = param("int", "length", "the most bytes to give");
const METHOD: Param = param("string", "name", "a method, as system.listMethods gives it");
const STARTED: Param = wait("answer only when up for startsecs (default), or once spawned");
const STOPPED: Param = wait("answer only when gone (default), or once told");

const TRUE: (&str, &str) = ("boolean", "true, unless there is a fault");
const RESULTS: (&str, &str) = ("array", "a struct for each: name, group, status, description");
const TEXT: (&str, &str) = ("string", "the bytes, as text");
const TAIL: (&str, &str) = ("array", "the bytes as text, the log's size, whether more was there");
const VERSION: (&str, &str) = ("string", "the version");

const fn method(
    name: &'static str,
    verb: Verb,
    params: &'static [Param],
    result: (&'static str, &'static str),
    about: &'static str,
) -> Method {
    Method { name, verb, params, result, about }
}

/// All of them, sorted by name.
#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    method("supervisor.addProcessGroup", Verb::AddGroup, &[GROUP], TRUE,
        "Activate a group of the configuration as it was last read."),
    method("supervisor.clearAllProcessLogs", Verb::ClearAllLogs, &[], RESULTS,
        "Empty the logs of every process."),
    method("supervisor.clearLog", Verb::ClearMainLog, &[], TRUE,
        "Empty the activity log."),
    method("supervisor.clearProcessLog", Verb::ClearLogs, &[PROCESS], TRUE,
        "Empty both logs of a process. An older name of clearProcessLogs."),
    method("supervisor.clearProcessLogs", Verb::ClearLogs, &[PROCESS], TRUE,
        "Empty both logs of a process; those of one that does not run stay as they are."),
    method("supervisor.getAPIVersion", Verb::ApiVersion, &[], VERSION,
        "The version of this interface."),
    method("supervisor.getAllConfigInfo", Verb::AllConfig, &[],
        ("array", "a struct for each configured process"),
        "How every process is configured, whether its group is active or not."),
    method("supervisor.getAllProcessInfo", Verb::AllInfo, &[],
        ("array", "a struct for each process, as getProcessInfo gives it"),
        "How every process is, sorted by group and name."),
    method("supervisor.getIdentification", Verb::Identification, &[],
        ("string", "the identifier of the configuration"),
        "What this host's supervisor calls itself."),
    method("supervisor.getPID", Verb::Pid, &[],
        ("int", "the process id"),
        "The process id of the supervisor itself."),
    method("supervisor.getProcessInfo", Verb::Info, &[PROCESS],
        ("struct", "name, group, start, stop, now, state, statename, spawnerr, exitstatus, \
                    logfile, stdout_logfile, stderr_logfile, pid, description"),
        "How one process is."),
    method("supervisor.getState", Verb::State, &[],
        ("struct", "statecode (int) and statename (string)"),
        "Whether the supervisor is at work."),
    method("supervisor.getSupervisorVersion", Verb::SupervisorVersion, &[], VERSION,
        "The version of Supervisor that this agent stands in for."),
    method("supervisor.getVersion", Verb::ApiVersion, &[], VERSION,
        "The version of this interface. An older name of getAPIVersion."),
    method("supervisor.readLog", Verb::ReadMainLog, &[OFFSET, LENGTH], TEXT,
        "Read a part of the activity log."),
    method("supervisor.readMainLog", Verb::ReadMainLog, &[OFFSET, LENGTH], TEXT,
        "Read a part of the activity log. An older name of readLog."),
    method("supervisor.readProcessLog", Verb::ReadLog(Channel::Stdout),
        &[PROCESS, OFFSET, LENGTH], TEXT,
        "Read a part of a process's stdout log. An older name of readProcessStdoutLog."),
    method("supervisor.readProcessStderrLog", Verb::ReadLog(Channel::Stderr),
        &[PROCESS, OFFSET, LENGTH], TEXT,
        "Read a part of a process's stderr log."),
    method("supervisor.readProcessStdoutLog", Verb::ReadLog(Channel::Stdout),
        &[PROCESS, OFFSET, LENGTH], TEXT,
        "Read a part of a process's stdout log."),
    method("supervisor.reloadConfig", Verb::ReloadConfig, &[],
        ("array", "one array of three: the groups added, changed and removed"),
        "Read the configuration again, and say what differs from what is active."),
    method("supervisor.removeProcessGroup", Verb::RemoveGroup, &[GROUP], TRUE,
        "Forget a group of which nothing runs."),
    method("supervisor.restart", Verb::Restart, &[], TRUE,
        "Stop everything and begin anew, with the configuration read again."),
    method("supervisor.sendProcessStdin", Verb::WriteStdin,
        &[PROCESS, param("string", "chars", "what to write; no newline is added")], TRUE,
        "Write to a process's stdin."),
    method("supervisor.sendRemoteCommEvent", Verb::RemoteEvent,
        &[param("string", "type", "the event's type"),
          param("string", "data", "the event's data")], TRUE,
        "Send an event to the listeners of REMOTE_COMMUNICATION."),
    method("supervisor.shutdown", Verb::Shutdown, &[], TRUE,
        "Stop everything and end."),
    method("supervisor.signalAllProcesses", Verb::Signal(Reach::All), &[SIGNAL], RESULTS,
        "Send a signal to every process that runs."),
    method("supervisor.signalProcess", Verb::Signal(Reach::Named), &[PROCESSES, SIGNAL], TRUE,
        "Send a signal to a process."),
    method("supervisor.signalProcessGroup", Verb::Signal(Reach::Group), &[GROUP, SIGNAL], RESULTS,
        "Send a signal to every process of a group that runs."),
    method("supervisor.startAllProcesses", Verb::Start(Reach::All), &[STARTED], RESULTS,
        "Start every process that does not run, in the order of the priorities."),
    method("supervisor.startProcess", Verb::Start(Reach::Named), &[PROCESSES, STARTED], TRUE,
        "Start a process."),
    method("supervisor.startProcessGroup", Verb::Start(Reach::Group), &[GROUP, STARTED], RESULTS,
        "Start every process of a group that does not run."),
    method("supervisor.stopAllProcesses", Verb::Stop(Reach::All), &[STOPPED], RESULTS,
        "Stop every process that runs."),
    method("supervisor.stopProcess", Verb::Stop(Reach::Named), &[PROCESSES, STOPPED], TRUE,
        "Stop a process."),
    method("supervisor.stopProcessGroup", Verb::Stop(Reach::Group), &[GROUP, STOPPED], RESULTS,
        "Stop every process of a group that runs."),
    method("supervisor.tailProcessLog", Verb::TailLog(Channel::Stdout),
        &[PROCESS, TAIL_OFFSET, TAIL_LENGTH], TAIL,
        "The end of a process's stdout log. An older name of tailProcessStdoutLog."),
    method("supervisor.tailProcessStderrLog", Verb::TailLog(Channel::Stderr),
        &[PROCESS, TAIL_OFFSET, TAIL_LENGTH], TAIL,
        "The end of a process's stderr log."),
    method("supervisor.tailProcessStdoutLog", Verb::TailLog(Channel::Stdout),
        &[PROCESS, TAIL_OFFSET, TAIL_LENGTH], TAIL,
        "The end of a process's stdout log. What does not fit is cut at the front."),
    method("system.listMethods", Verb::ListMethods, &[],
        ("array", "the names, sorted"),
        "Every method that can be called."),
    method("system.methodHelp", Verb::MethodHelp, &[METHOD],
        ("string", "a text like this one"),
        "What a method is for."),
    method("system.methodSignature", Verb::MethodSignature, &[METHOD],
        ("array", "the type of the result, then those of the parameters"),
        "What a method takes and gives."),
    method("system.multicall", Verb::Multicall,
        &[param("array", "calls", "a struct for each: methodName and params")],
        ("array", "what each call gives, or a struct with faultCode and faultString"),
        "Make several calls, one after the other."),
];

#[cfg(test)]
mod tests {
    use super::METHODS;

    /// Name and signature of each method, as the original answers.
    const ORIGINAL: &str = include_str!("signatures.txt");

    #[test]
    fn names_order_and_signatures_are_the_originals() {
        let ours = METHODS.iter().map(|method| {
            let signature: Vec<&str> = method.signature().collect();
            format!("{} {}\n", method.name, signature.join(","))
        });
        assert_eq!(ours.collect::<String>(), ORIGINAL);
    }

    #[test]
    fn help_has_the_tags_that_clients_parse() {
        for method in METHODS {
            let help = method.help();
            let tags = help.lines().filter_map(|line| {
                let mut words = line.split_whitespace();
                matches!(words.next(), Some("@param" | "@return")).then(|| words.next())?
            });
            let mut tagged: Vec<&str> = tags.collect();
            tagged.rotate_right(1);
            assert_eq!(tagged, method.signature().collect::<Vec<_>>(), "{help}");
        }
    }
}
