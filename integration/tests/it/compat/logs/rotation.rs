//! Programs' log files: when they are rotated and to where, and what becomes of them when others
//! touch them.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use integration::facts::shown;
use integration::feed::Feed;
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::Signal;

for_each_subject![files_are_rotated_and_reopened];

/// A program `a`, and where it is mentioned another one, `b`, with the same log.
struct Case {
    name: &'static str,
    maxbytes: u32,
    backups: i32,
    /// The files that are there before, as `name=content`.
    before: &'static str,
    /// What is done, and the files that are there then.
    transcript: &'static str,
}

const CASES: &[Case] = &[
    Case {
        name: "never",
        maxbytes: 0,
        backups: 2,
        before: "",
        transcript: "
            a 0123456789 -> log=0123456789
            a 0123456789 -> log=01234567890123456789
        ",
    },
    Case {
        name: "chain",
        maxbytes: 10,
        backups: 2,
        before: "",
        transcript: "
            a aaaa      -> log=aaaa
            a bbbbb     -> log=aaaabbbbb
            a c         -> log= log.1=aaaabbbbbc
            a dddddddddd -> log= log.1=dddddddddd log.2=aaaabbbbbc
            a e         -> log=e log.1=dddddddddd log.2=aaaabbbbbc
            a ffffffffff -> log= log.1=effffffffff log.2=dddddddddd
        ",
    },
    Case {
        name: "whole",
        maxbytes: 10,
        backups: 1,
        before: "",
        transcript: "
            a 0123456789012345678901234 -> log= log.1=0123456789012345678901234
            a x                         -> log=x log.1=0123456789012345678901234
        ",
    },
    Case {
        name: "none",
        maxbytes: 10,
        backups: 0,
        before: "",
        transcript: "
            a aaaaaa -> log=aaaaaa
            a bbbbbb -> log=
            a c      -> log=c
        ",
    },
    Case {
        name: "less",
        maxbytes: 10,
        backups: -3,
        before: "log.1=old",
        transcript: "
            a aaaaaa -> log=aaaaaa log.1=old
            a bbbbbb -> log= log.1=old
        ",
    },
    Case {
        name: "gaps",
        maxbytes: 10,
        backups: 4,
        before: "log.1=1 log.3=3",
        transcript: "
            a 0123456789 -> log= log.1=0123456789 log.2=1 log.4=3
            a abcdefghij -> log= log.1=abcdefghij log.2=0123456789 log.3=1 log.4=3
            a ABCDEFGHIJ -> log= log.1=ABCDEFGHIJ log.2=abcdefghij log.3=0123456789 log.4=1
        ",
    },
    Case {
        name: "lowered",
        maxbytes: 10,
        backups: 2,
        before: "log.1=1 log.2=2 log.3=3 log.7=7",
        transcript: "
            a 0123456789 -> log= log.1=0123456789 log.2=1 log.3=3 log.7=7
        ",
    },
    Case {
        name: "counted",
        maxbytes: 10,
        backups: 1,
        before: "log=12345678",
        transcript: "
            a a -> log=12345678a
            a b -> log= log.1=12345678ab
        ",
    },
    Case {
        name: "removed",
        maxbytes: 10,
        backups: 2,
        before: "log.1=1",
        transcript: "
            a aa        -> log=aa log.1=1
            rm log      -> log.1=1
            a bb        -> log.1=1
            a bbbbbb    -> log= log.2=1
            a c         -> log=c log.2=1
        ",
    },
    Case {
        name: "moved",
        maxbytes: 10,
        backups: 2,
        before: "",
        transcript: "
            a aa        -> log=aa
            mv log old  -> old=aa
            a bb        -> old=aabb
            USR2        -> log= old=aabb
            a cc        -> log=cc old=aabb
            rm log      -> old=aabb
            USR2        -> log= old=aabb
            USR2        -> log= old=aabb
            a dd        -> log=dd old=aabb
        ",
    },
    Case {
        name: "truncated",
        maxbytes: 10,
        backups: 2,
        before: "",
        transcript: "
            a aaaaaa    -> log=aaaaaa
            cut log     -> log=
            a bbbbbb    -> log=bbbbbb
            write log   -> log=bbbbbb(others)
            a c         -> log= log.1=bbbbbb(others)c
        ",
    },
    Case {
        name: "shared",
        maxbytes: 10,
        backups: 3,
        before: "",
        transcript: "
            a aaaaaa    -> log=aaaaaa
            b bbbbbb    -> log= log.1=aaaaaabbbbbb
            a A         -> log= log.1= log.2=aaaaaabbbbbbA
            b B         -> log= log.1=B log.2=aaaaaabbbbbbA
            a C         -> log=C log.1=B log.2=aaaaaabbbbbbA
        ",
    },
];

/// More than a pipe holds, in one write: two chunks of output.
const LARGE: &str = "[program:large]
command=sh -c 'until test -e {dir}/go; do sleep 0.1; done; exec dd if=/dev/zero bs=100000 count=1'
startsecs=0
autorestart=false
stdout_logfile={dir}/large.log
stdout_logfile_maxbytes=1000
stdout_logfile_backups=3
stderr_logfile=NONE
";

fn files_are_rotated_and_reopened(subject: Subject) {
    let mut configuration = format!("{{head}}\n{LARGE}");
    for case in CASES {
        for program in case.programs() {
            let _ = write!(
                configuration,
                "[program:{name}-{program}]\ncommand=cat {{dir}}/{name}.{program}\nstartsecs=0\n\
                 stdout_logfile={{dir}}/{name}/log\nstdout_logfile_maxbytes={}\n\
                 stdout_logfile_backups={}\nstderr_logfile=NONE\n",
                case.maxbytes,
                case.backups,
                name = case.name
            );
        }
    }
    let host = Host::new(subject, &configuration);
    let home = host.home().path().to_path_buf();
    let stages: Vec<_> = CASES.iter().map(|case| (case, case.prepare(&home))).collect();
    let daemon = Daemon::start_on(host);
    for (case, feeds) in &stages {
        for program in case.programs() {
            daemon.wait_state(&format!("{}-{program}", case.name), "RUNNING");
        }
        case.play(&daemon, feeds);
    }
    shown(subject, &["LOG-20", "LOG-22", "LOG-23", "LOG-24", "LOG-25", "LOG-26"]);
    shown(subject, &["LOG-30", "LOG-31", "LOG-32"]);
    daemon.home().write("go", "");
    daemon.wait_log("INFO exited: large (exit status 0; expected)\n");
    let size = |name| fs::metadata(daemon.path(name)).map_or(0, |found| found.size());
    let sizes = ["large.log", "large.log.1", "large.log.2", "large.log.3"].map(size);
    assert_eq!(sizes, [0, 34464, 65536, 0]);
    shown(subject, &["LOG-21"]);
}

impl Case {
    fn programs(&self) -> impl Iterator<Item = char> {
        let another = self.transcript.contains(" b ").then_some('b');
        ['a'].into_iter().chain(another)
    }

    fn prepare(&self, home: &Path) -> Vec<(char, Feed)> {
        let place = home.join(self.name);
        fs::create_dir(&place).unwrap();
        for (name, content) in self.before.split(' ').filter_map(|file| file.split_once('=')) {
            fs::write(place.join(name), content).unwrap();
        }
        let feed = |program| (program, Feed::new(&home.join(format!("{}.{program}", self.name))));
        self.programs().map(feed).collect()
    }

    fn play(&self, daemon: &Daemon, feeds: &[(char, Feed)]) {
        let place = daemon.path(self.name);
        for line in self.transcript.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (act, files) = line.split_once("->").unwrap();
            match act.split_whitespace().collect::<Vec<_>>()[..] {
                ["rm", name] => fs::remove_file(place.join(name)).unwrap(),
                ["mv", from, to] => fs::rename(place.join(from), place.join(to)).unwrap(),
                ["cut", name] => drop(fs::File::create(place.join(name)).unwrap()),
                ["write", name] => {
                    let mut file = fs::File::options().append(true).open(place.join(name)).unwrap();
                    std::io::Write::write_all(&mut file, b"(others)").unwrap();
                }
                ["USR2"] => reopen(daemon),
                [program, text] => {
                    let feed = feeds.iter().find(|(name, _)| program.starts_with(*name));
                    feed.unwrap().1.say(text);
                }
                _ => panic!("{line}"),
            }
            let files: Vec<_> = files.split_whitespace().collect();
            wait::until(PATIENCE, &format!("{}: {line}", self.name), || {
                let seen = listing(&place);
                if seen == files { Ok(()) } else { Err(seen.join(" ")) }
            });
        }
    }
}

/// Sends the signal and waits until it has been acted upon: programs' logs come after the line.
fn reopen(daemon: &Daemon) {
    let count = |log: String| log.matches("INFO supervisord logreopen\n").count();
    let before = count(daemon.log());
    daemon.signal(Signal::SIGUSR2);
    wait::until(PATIENCE, "the logs to be reopened", || {
        let now = count(daemon.log());
        if now > before { Ok(()) } else { Err(now) }
    });
    // An answer comes after what was begun before it was asked.
    assert!(daemon.process("chain-a").is_ok());
}

/// `name=content` of every file, by name.
fn listing(place: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(place).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let shown = files.iter().map(|path| {
        let content = fs::read_to_string(path).unwrap_or_default();
        format!("{}={content}", path.file_name().unwrap().display())
    });
    shown.collect()
}
