//! What can be wrong in a configuration. The texts are supervisord's, to the letter, since scripts
//! and eyes know them; what would be right is in `remedy.rs`.

use std::fmt::Write as _;

use proto_words::{BadSignal, repr};
use thiserror::Error;

/// One thing that is wrong; `Display` is supervisord's text for it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// TYP-01.
    #[error("not a valid boolean value: {}", repr(.0))]
    NotBoolean(String),
    /// TYP-02.
    #[error("invalid literal for int() with base 10: {}", short_repr(.0))]
    NotInteger(String),
    /// TYP-03: the text is what is left without the suffix, in lower case.
    #[error("invalid literal for int() with base 10: {}", short_repr(.0))]
    NotByteSize(String),
    /// TYP-04.
    #[error("{0} can not be converted to an octal type")]
    NotOctal(String),
    /// TYP-05.
    #[error(transparent)]
    NotSignal(#[from] BadSignal),
    /// TYP-07.
    #[error("not a valid list of exit codes: {}", repr(.0))]
    NotExitCodes(String),
    /// TYP-08.
    #[error("invalid 'autorestart' value {}", repr(.0))]
    NotAutorestart(String),
    /// TYP-10.
    #[error("{0} is not an existing directory")]
    NotDirectory(String),
    /// TYP-11.
    #[error("The directory named as part of the path {0} does not exist")]
    NoDirectoryOfPath(String),
    /// TYP-12.
    #[error("bad logging level name {}", repr(.0))]
    NotLevel(String),
    /// TYP-13, a number.
    #[error("Invalid user id {0}")]
    NoSuchUid(String),
    /// TYP-13, a name.
    #[error("Invalid user name {0}")]
    NoSuchUser(String),
    /// TYP-13: no name has one, and Python does not even ask.
    #[error("embedded null byte")]
    EmbeddedNul,
    /// TYP-14; every key that takes one says it in its own words instead.
    #[error("Invalid user:group definition {0}")]
    NoSuchOwner(String),
    /// TYP-15; the blank at the end is supervisord's.
    #[error("not a valid port number: {} ", repr(.0))]
    NotPort(String),
    /// TYP-15: nothing after the colon.
    #[error("no port number specified in ''")]
    EmptyPort,
    /// TYP-15.
    #[error("{value} is below lower bound ({bound})")]
    BelowBound {
        /// The number that was read.
        value: i128,
        /// The least one that would do.
        bound: i128,
    },
    /// TYP-15.
    #[error("{value} is above upper bound ({bound})")]
    AboveBound {
        /// The number that was read.
        value: i128,
        /// The greatest one that would do.
        bound: i128,
    },
    /// TYP-16.
    #[error("Invalid name: {} because of character: '{character}'", repr(.name))]
    BadName {
        /// The name as written.
        name: String,
        /// The character that no name may have.
        character: char,
    },
    /// ENV-11.
    #[error("Unexpected end of key/value pairs in value '{0}'")]
    BadPairs(String),
    /// ENV-12.
    #[error("{0}")]
    Quoting(&'static str),
    /// EXP-08.
    #[error(
        "Format string {} for {} contains names ({}) which cannot be expanded. Available names: {}",
        repr(.format), repr(.key), repr(.missing), .available.join(", ")
    )]
    UnknownName {
        /// The value as written.
        format: String,
        /// Whose value it is.
        key: String,
        /// The name that nobody knows.
        missing: String,
        /// The names that are known here, sorted.
        available: Vec<String>,
    },
    /// EXP-03 to EXP-07.
    #[error("Format string {} for {} is badly formatted: {why}", repr(.format), repr(.key))]
    BadFormat {
        /// The value as written.
        format: String,
        /// Whose value it is.
        key: String,
        /// Python's reason.
        why: String,
    },
    /// CLI-45.
    #[error("could not find config file {0}")]
    NotFound(String),
    /// CLI-46.
    #[error("could not read config file {0}")]
    NotReadable(String),
    /// CLI-47.
    #[error(
        "No config file found at default paths ({}); use the -c option to specify a config file \
         at a different path", .0.join(", ")
    )]
    NoneFound(Vec<String>),
    /// A file that is not UTF-8, as Python says it.
    #[error("'utf-8' codec can't decode {what} in position {position}: {why}")]
    NotText {
        /// `byte 0xff`, or `bytes`.
        what: String,
        /// `3`, or `3-4`.
        position: String,
        /// Python's reason.
        why: &'static str,
    },
    /// INI-30.
    #[error(
        "File contains no section headers.\nfile: {}, line: {line}\n{}", repr(.file), repr(.text)
    )]
    NoHeader {
        /// The file as opened.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// The line with its end.
        text: String,
    },
    /// INI-31.
    #[error("Source contains parsing errors: {}{}", repr(.file), listed(.lines))]
    Unparsable {
        /// The file as opened.
        file: String,
        /// Each bad line: its number, counted from 1, and its text with its end.
        lines: Vec<(usize, String)>,
    },
    /// INI-32.
    #[error(".ini file does not include supervisord section")]
    NoSupervisord,
    /// INI-33.
    #[error(".ini file has [include] section, but no files setting")]
    IncludeWithoutFiles,
    /// ST-22, at start.
    #[error("Could not make {0} rpc interface")]
    UnexpectedKey(String),
    /// KHS-02.
    #[error("section [{0}] has no port value")]
    NoPort(String),
    /// KHS-03.
    #[error("section [{0}] has no file value")]
    NoFile(String),
    /// KHS-04.
    #[error("Invalid chmod value {0}")]
    BadChmod(String),
    /// KHS-05.
    #[error("Invalid sockchown value {0}")]
    BadChown(String),
    /// KHS-06.
    #[error(
        "Section [{0}] contains incomplete authentication: If a username or a password is \
         specified, both the username and password must be specified"
    )]
    HalfCredentials(String),
    /// KEY-E03.
    #[error("program section {0} does not specify a command")]
    NoCommand(String),
    /// KEY-E01.
    #[error("%(process_num) must be present within process_name when numprocs > 1")]
    NoProcessNum,
    /// KEY-E02.
    #[error("Cannot set stopasgroup=true and killasgroup=false")]
    StopWithoutKill,
    /// Ours: supervisord would take the number and run out of memory.
    #[error("numprocs is {0}, more than {MAX_PROCESSES} in one section are not made")]
    TooManyProcesses(i64),
    /// KGR-03; from the second member on supervisord names the section of the one before.
    #[error("[{section}] names unknown program or fcgi-program {program}")]
    UnknownMember {
        /// The section that is named.
        section: String,
        /// The member.
        program: String,
        /// One that could be a member and is called much the same.
        near: Option<String>,
    },
    /// KGR-04.
    #[error("[{section}] name {program} is ambiguous (exists as program and fcgi-program)")]
    AmbiguousMember {
        /// The section that is named.
        section: String,
        /// The member.
        program: String,
    },
    /// KEL-02.
    #[error("[{section}] section sets invalid buffer_size ({size})")]
    BadBufferSize {
        /// The section.
        section: String,
        /// The size as read.
        size: i64,
    },
    /// KEL-01.
    #[error("[{0}] section requires an \"events\" line")]
    NoEvents(String),
    /// KEL-01.
    #[error("Unknown event type {event} in [{section}] events")]
    UnknownEvent {
        /// The section.
        section: String,
        /// The name in upper case.
        event: String,
    },
    /// KEL-04.
    #[error(
        "[{0}] section sets redirect_stderr=true but this is not allowed because it will \
         interfere with the eventlistener protocol"
    )]
    ListenerRedirects(String),
    /// KRP-01.
    #[error("section [{0}] does not specify a supervisor.rpcinterface_factory")]
    NoFactory(String),
    /// KRP-02, KEL-03.
    #[error("{spec} cannot be resolved within [{section}]")]
    Unresolved {
        /// The section.
        section: String,
        /// `module:name`.
        spec: String,
    },
    /// KFC-08.
    #[error("Invalid socket_backlog value {0}")]
    BadBacklog(i128),
    /// KFC-05.
    #[error("Invalid socket_owner value {0}")]
    BadSocketOwner(String),
    /// KFC-06.
    #[error("Invalid socket_mode value {0}")]
    BadSocketMode(String),
    /// KFC-01.
    #[error("[{0}] section requires a \"socket\" line")]
    NoSocket(String),
    /// KFC-02, KFC-03, KFC-04, KFC-07.
    #[error("{why} in [{section}] socket")]
    BadSocket {
        /// The section.
        section: String,
        /// What is wrong with the socket.
        why: SocketFault,
    },
}

/// The most processes that one section can make: more than a host has process ids by default, and
/// few enough that a slip of the hand before a reread does not cost the agent its memory.
pub(crate) const MAX_PROCESSES: i64 = 100_000;

/// What is wrong with the `socket` of a FastCGI section; two of the texts show supervisord's inside.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SocketFault {
    /// KFC-02.
    #[error("('Bad socket format %s', {})", repr(.0))]
    Format(String),
    /// KFC-03.
    #[error("('Unix socket path %s is not an absolute path', {})", repr(.0))]
    Relative(String),
    /// KFC-07.
    #[error("socket_owner and socket_mode params should only be used with a Unix domain socket")]
    OwnerOfTcp,
    /// KFC-04.
    #[error("{0}")]
    Port(Box<Fault>),
}

/// Python shows at most this much of what is no number.
const SHOWN_CHARS: usize = 200;

fn short_repr(text: &str) -> String {
    repr(text).chars().take(SHOWN_CHARS).collect()
}

fn listed(lines: &[(usize, String)]) -> String {
    let mut out = String::new();
    for (line, text) in lines {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "
	[line {line:>2}]: {}",
            repr(text)
        );
    }
    out
}
