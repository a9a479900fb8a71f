//! What would be right, for each fault: the half of an error that supervisord leaves out.

use proto_words::BadSignal;

use crate::fault::{Fault, SocketFault};
use crate::known::nearest;
use crate::sections::eventlistener::EVENTS;

impl Fault {
    /// What would be right instead, in one clause.
    #[must_use]
    pub fn right(&self) -> String {
        let right = self.of_value().or_else(|| self.of_file());
        let right = right.unwrap_or_else(|| self.of_section());
        if self.is_of_nothing() {
            return format!("{right}, or drop the key");
        }
        match self.near() {
            Some(near) => format!("{right}; did you mean {near}?"),
            None => right,
        }
    }

    /// Whether the key stands there with nothing behind it, which is not the same as no key (TYP-18).
    fn is_of_nothing(&self) -> bool {
        match self {
            Self::NotBoolean(text)
            | Self::NotInteger(text)
            | Self::NotByteSize(text)
            | Self::NotOctal(text)
            | Self::NotSignal(BadSignal::Name(text))
            | Self::NotAutorestart(text)
            | Self::NotDirectory(text)
            | Self::NotLevel(text)
            | Self::NoSuchUser(text)
            | Self::BadChmod(text)
            | Self::BadChown(text)
            | Self::BadSocketOwner(text)
            | Self::BadSocketMode(text) => text.is_empty(),
            _ => false,
        }
    }

    /// The name that was probably meant.
    fn near(&self) -> Option<&str> {
        match self {
            Self::UnknownName { missing, available, .. } => {
                nearest(missing, available.iter().map(String::as_str))
            }
            Self::UnknownEvent { event, .. } => nearest(event, EVENTS),
            Self::UnknownMember { near, .. } => near.as_deref(),
            _ => None,
        }
    }

    fn of_value(&self) -> Option<String> {
        let text = match self {
            Self::NotBoolean(_) => "write true, yes, on or 1, or false, no, off or 0",
            Self::NotInteger(_) => "write a whole number without a unit, such as 10",
            Self::NotByteSize(_) => "write a whole number of bytes, or one with KB, MB or GB",
            Self::NotOctal(_) => "write an octal number, such as 022 or 0700",
            Self::NotSignal(_) => "write TERM, HUP, INT, QUIT, KILL, USR1, USR2 or another signal",
            Self::NotExitCodes(_) => "write numbers from 0 to 255 with commas, such as 0,2",
            Self::NotAutorestart(_) => "write true, false or unexpected",
            Self::NotDirectory(_) => "create the directory, or name one that exists",
            Self::NoDirectoryOfPath(_) => "create the directory, or choose another path",
            Self::NotLevel(_) => "write critical, error, warn, info, debug, trace or blather",
            Self::NoSuchUid(_) | Self::NoSuchUser(_) | Self::NoSuchOwner(_) => {
                "name a user that this host knows (see getent passwd)"
            }
            Self::EmbeddedNul => "take out the character NUL",
            Self::NotPort(_) | Self::EmptyPort => "write HOST:PORT, such as 127.0.0.1:9001",
            Self::BelowBound { bound, .. } => return Some(format!("write {bound} or more")),
            Self::AboveBound { bound, .. } => return Some(format!("write {bound} or less")),
            Self::BadName { .. } => "use a name without blank, colon and slash",
            Self::BadPairs(_) => "write KEY=\"value\",KEY2=\"value\" with a comma between pairs",
            Self::Quoting(_) => "close the quote; a blank before ; or # begins a comment",
            Self::UnknownName { .. } => "use one of those names, or write %% for a percent sign",
            Self::BadFormat { .. } => "write %% for a percent sign, or %(name)s",
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn of_file(&self) -> Option<String> {
        let text = match self {
            Self::NotFound(_) => "name a file that is there",
            Self::NoneFound(_) => "name the file with -c",
            Self::NotReadable(_) => "name a file that this user may read",
            Self::NotText { .. } => "save the file as UTF-8",
            Self::NoHeader { text, .. } if text.starts_with('\u{feff}') => {
                "save the file as UTF-8 without a byte order mark"
            }
            Self::NoHeader { text, .. } if text.trim_start().starts_with('[') => {
                "write a name between two brackets, such as [supervisord]"
            }
            Self::NoHeader { .. } => "begin with a header, such as [supervisord]",
            Self::Unparsable { .. } => {
                "write key=value, or begin the line with ; for a comment; indent what continues \
                 a value"
            }
            Self::NoSupervisord => "add a line [supervisord]",
            Self::IncludeWithoutFiles => "add files = and patterns, or drop the section",
            _ => return None,
        };
        Some(text.to_owned())
    }

    fn of_section(&self) -> String {
        let text = match self {
            Self::UnexpectedKey(_) => {
                "drop the key: no interface takes one besides its factory, not even from [DEFAULT]"
            }
            Self::NoPort(_) => "add port = HOST:PORT",
            Self::NoFile(_) => "add file = and the path of the socket",
            Self::BadChmod(_) | Self::BadSocketMode(_) => "write an octal mode, such as 0700",
            Self::BadChown(_) | Self::BadSocketOwner(_) => {
                "write USER or USER:GROUP, both known on this host"
            }
            Self::HalfCredentials(_) => "add the other of the two, or drop both",
            Self::NoCommand(_) => "add command = and what to run",
            Self::NoProcessNum => "add process_name = %(program_name)s_%(process_num)02d",
            Self::TooManyProcesses(_) => "write fewer, or spread them over sections",
            Self::StopWithoutKill => "drop killasgroup, or set it to true",
            Self::UnknownMember { program: name, .. } | Self::UnknownEvent { event: name, .. }
                if name.is_empty() =>
            {
                "drop the comma that has nothing beside it"
            }
            Self::UnknownMember { .. } => "list names of [program:…] or [fcgi-program:…] sections",
            Self::AmbiguousMember { .. } => "rename one of the two sections",
            Self::BadBufferSize { .. } => "write 1 or more",
            Self::NoEvents(_) => "add events = and what to listen for, such as PROCESS_STATE",
            Self::UnknownEvent { .. } => "list names such as PROCESS_STATE, TICK_60 or EVENT",
            Self::ListenerRedirects(_) => "drop redirect_stderr; a listener's stdout is its voice",
            Self::NoFactory(_) => {
                "add supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface"
            }
            Self::Unresolved { .. } => {
                "only supervisord's own interface and handler exist here; Python plug-ins do not"
            }
            Self::BadBacklog(_) => "write a number from 1 to 65535",
            Self::NoSocket(_) => "add socket = unix:///PATH or tcp://HOST:PORT",
            Self::BadSocket { why, .. } => return why.right(),
            _ => "see the documentation of this key",
        };
        text.to_owned()
    }
}

impl SocketFault {
    fn right(&self) -> String {
        match self {
            Self::Format(_) => "write unix:///PATH or tcp://HOST:PORT".to_owned(),
            Self::Relative(_) => "write unix:// and an absolute path".to_owned(),
            Self::OwnerOfTcp => "drop socket_owner and socket_mode".to_owned(),
            Self::Port(fault) => fault.right(),
        }
    }
}
