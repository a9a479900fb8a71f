use std::io;

use super::{Options, Parsed, parse};
use crate::{Account, Disk, Surroundings, Users, World};

/// `/tmp` and nothing else.
struct OnlyTmp;

impl Disk for OnlyTmp {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn exists(&self, path: &str) -> bool {
        self.is_dir(path)
    }
    fn is_entry(&self, path: &str) -> bool {
        self.is_dir(path)
    }
    fn is_dir(&self, path: &str) -> bool {
        path == "/tmp"
    }
    fn list(&self, _: &str) -> Vec<String> {
        vec![]
    }
}

struct Nobody;

impl Users for Nobody {
    fn by_name(&self, _: &str) -> Option<Account> {
        None
    }
    fn by_uid(&self, _: u32) -> Option<Account> {
        None
    }
    fn gid_of(&self, _: &str) -> Option<u32> {
        None
    }
    fn has_gid(&self, _: u32) -> bool {
        false
    }
    fn own_uid(&self) -> u32 {
        0
    }
}

fn parsed(line: &str) -> Result<Parsed, String> {
    let words = format!("/opt/bin/supervisord {line}");
    let argv: Vec<String> = words.split_whitespace().map(ToOwned::to_owned).collect();
    let surroundings = Surroundings {
        cwd: "/work".to_owned(),
        environment: [("HOME".to_owned(), "/tmp/".to_owned())].into(),
        hostname: "h".to_owned(),
    };
    let world = World { surroundings: &surroundings, disk: &OnlyTmp, users: &Nobody };
    parse(&argv, &world).map_err(|error| error.to_string())
}

fn options(line: &str) -> Options {
    match parsed(line) {
        Ok(Parsed::Run(options)) => *options,
        other => panic!("{line}: {other:?}"),
    }
}

/// CLI-01 to CLI-21.
#[test]
fn every_option_has_its_place() {
    let all = options(
        "-c f -n -s -u root -m 027 -d /tmp -l /tmp/l -y 1KB -z 3 -e WARN -j p -i id -q ~ -k -a 9 \
         -t --minprocs 8 --profile_options cumulative",
    );
    let wanted = Options {
        configuration: Some("f".to_owned()),
        nodaemon: true,
        silent: true,
        user: Some("root".to_owned()),
        umask: Some(0o27),
        directory: Some("/tmp".to_owned()),
        logfile: Some("/tmp/l".to_owned()),
        logfile_maxbytes: Some(1024),
        logfile_backups: Some(3),
        loglevel: Some(agent_core::spec::Level::Warn),
        pidfile: Some("p".to_owned()),
        identifier: Some("id".to_owned()),
        childlogdir: Some("/tmp".to_owned()),
        minfds: Some(9),
        minprocs: Some(8),
        nocleanup: true,
        strip_ansi: true,
        profile_options: Some("cumulative".to_owned()),
    };
    assert_eq!(all, wanted);
    assert_eq!(options("-sc f --nodae"), options("-n -s --conf=f"));
}

#[test]
fn the_line_is_checked_first_and_then_counts_from_left_to_right() {
    assert_eq!(parsed("-v -h"), Ok(Parsed::Version), "CLI-26");
    assert_eq!(parsed("-v -m 999"), Ok(Parsed::Version));
    for line in ["-h", "-?", "--help", "-n --he"] {
        match parsed(line) {
            Ok(Parsed::Help(text)) => assert!(text.starts_with(
                "supervisord -- run a set of applications as daemons.\n\n\
                 Usage: /opt/bin/supervisord [options]\n\nOptions:\n-c/--configuration FILENAME -- "
            )),
            other => panic!("{line}: {other:?}"),
        }
    }
}

/// CLI-24, CLI-26, CLI-30 to CLI-42.
#[test]
fn faults_of_the_command_line() {
    for (line, wanted) in [
        ("-Z", "option -Z not recognized"),
        ("--zzz", "option --zzz not recognized"),
        ("--zzz=1", "option --zzz not recognized"),
        ("--=1", "option -- not a unique prefix"),
        ("-v --zzz", "option --zzz not recognized"),
        ("--logf x", "option --logf not a unique prefix"),
        ("-y", "option -y requires argument"),
        ("-ny", "option -y requires argument"),
        ("--us", "option --user requires argument"),
        ("--nod=1", "option --nodaemon must not have an argument"),
        ("-n foo bar -c x", "positional arguments are not supported: ['foo', 'bar', '-c', 'x']"),
        ("-n -- -c", "positional arguments are not supported: ['-c']"),
        ("-", "positional arguments are not supported: ['-']"),
        ("-n --nodaemon", "conflicting command line option '--nodaemon'"),
        ("-c a --conf b", "conflicting command line option '--configuration'"),
        ("-e info -e info", "conflicting command line option '-e'"),
        ("-m 999", "invalid value for -m '999': 999 can not be converted to an octal type"),
        ("--uma 9", "invalid value for --umask '9': 9 can not be converted to an octal type"),
        ("-e foo", "invalid value for -e 'foo': bad logging level name 'foo'"),
        ("-d /nope", "invalid value for -d '/nope': /nope is not an existing directory"),
        (
            "-l /nope/x",
            "invalid value for -l '/nope/x': The directory named as part of the path /nope/x does not exist",
        ),
        ("-y 5XB", "invalid value for -y '5XB': invalid literal for int() with base 10: '5xb'"),
        ("-z x", "invalid value for -z 'x': invalid literal for int() with base 10: 'x'"),
        ("-a x", "invalid value for -a 'x': invalid literal for int() with base 10: 'x'"),
    ] {
        assert_eq!(parsed(line), Err(wanted.to_owned()), "{line}");
    }
}
