//! Includes, expansions and merges, where supervisord surprises.

use agent_config::{LoadRequest, Options, RealDisk, World, find, load, search_paths};
use agent_core::spec::{Level, LogFile};

use crate::world::{Place, TwoUsers, process, surroundings};

/// The command of program `x`, or the error.
fn command(text: &str) -> String {
    match Place::with(text).load() {
        Ok(read) => process(&read, "x").command.clone(),
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn what_a_command_can_use() {
    for (id, text, wanted) in [
        ("INI-21", "[DEFAULT]\ncommand=d\n[supervisord]\n[program:x]\n", "d"),
        ("EXP-02", "[supervisord]\n[program:x]\ncommand=100%%\n", "100%"),
        ("EXP-17", "[supervisord]\nenvironment=A=b\n[program:x]\ncommand=%(ENV_A)s\n", "b"),
        (
            "EXP-17",
            "[supervisord]\nenvironment=A=b\n[program:x]\nenvironment=A=c\ncommand=%(ENV_A)s\n",
            "c",
        ),
        ("KEY-E07", "[supervisord]\n[program: x ]\ncommand=%(program_name)s\n", "x"),
        (
            "EXP-22",
            "[supervisord]\n[program:x]\nenvironment=K=1,L=%(ENV_K)s\ncommand=c\n",
            "! Format string 'K=1,L=%(ENV_K)s' for 'environment' contains names ('ENV_K') which cannot \
             be expanded. Available names: ENV_A, ENV_HOME, ENV_P, group_name, here, \
             host_node_name, numprocs, process_num, program_name in section 'program:x' (file: \
             'DIR/s.conf')",
        ),
        (
            "EXP-13",
            "[supervisord]\n[program:x]\ncommand=c\npriority=%(program_name)s\n",
            "! Format string '%(program_name)s' for 'program:x.priority' contains names \
             ('program_name') which cannot be expanded. Available names: ENV_A, ENV_HOME, ENV_P, \
             here",
        ),
        (
            "ours",
            "[supervisord]\n[program:x]\ncommand=c\nnumprocs=9999999999\n",
            "! numprocs is 9999999999, more than 100000 in one section are not made in section \
             'program:x' (file: 'DIR/s.conf')",
        ),
        (
            "EXP-06",
            "[supervisord]\n[program:x]\ncommand=100% sure\n",
            "! Format string '100% sure' for 'program:x.command' is badly formatted: not enough \
             arguments for format string in section 'program:x' (file: 'DIR/s.conf')",
        ),
    ] {
        assert_eq!(command(text), wanted, "{id}");
    }
}

/// EXP-20.
#[test]
fn log_files_are_expanded_twice() {
    let file = |value: &str| {
        let text = format!("[supervisord]\n[program:x]\ncommand=c\nstdout_logfile={value}\n");
        let read = Place::with(&text).load();
        read.map(|read| process(&read, "x").stdout.file.clone())
    };
    let path = |path: &str| Ok(LogFile::Path(path.to_owned()));
    assert_eq!(file("/tmp/5%%%%"), path("/tmp/5%"));
    assert_eq!(file("/tmp/%%(program_name)s"), path("/tmp/x"));
    let error = file("/tmp/%(ENV_P)s").expect_err("5% is no format");
    let head = "Format string '/tmp/5%' for 'stdout_logfile' is badly formatted: incomplete format";
    assert!(error.starts_with(head), "{error}");
}

/// INC-02, INC-03, INC-05, INC-06, INC-07, EXP-27, ST-27, ST-28.
#[test]
fn included_files_add_and_override() {
    let place = Place::with(
        "[supervisord]\n[program:x]\ncommand=main\nstdout_logfile=NONE\n[unix_http_server]\n\
         file=s\nusername=%(here)s\npassword=x\n[include]\nfiles = in/b*.conf in/[a]?.conf\n none/*\n",
    )
    .and("in/b.conf", "[program:x]\ncommand=%(here)s/b\n[supervisord]\nloglevel=warn\n")
    .and("in/a1.conf", "[program:y]\ncommand=%(here)s\n[include]\nfiles=c.conf\n")
    .and("in/.b.conf", "this would not parse\n")
    .and("in/b.conf~", "nor this\n")
    .and("in/bdir.conf/x", "a directory\n")
    .and("in/c.conf", "[program:z]\ncommand=c\n");
    let read = place.loaded();
    let here = place.here();
    assert_eq!(process(&read, "x").command, format!("{here}/in/b"));
    assert_eq!(process(&read, "x").stdout.file, LogFile::None);
    assert_eq!(process(&read, "y").command, format!("{here}/in"));
    assert_eq!((read.groups.len(), read.daemon.loglevel), (2, Level::Warn));
    let username = read.servers[0].credentials.as_ref().map(|own| own.username.clone());
    assert_eq!(username, Some(here.clone()));
    let said: Vec<_> = read
        .messages
        .iter()
        .map(|(level, text)| format!("{} {}", level.code(), text.replace(&here, "DIR")))
        .collect();
    assert_eq!(
        said,
        [
            "WARN No file matches via include \"DIR/none/*\"",
            "INFO Included extra file \"DIR/in/b.conf\" during parsing",
            "INFO Included extra file \"DIR/in/bdir.conf\" during parsing",
            "INFO Included extra file \"DIR/in/a1.conf\" during parsing",
        ]
    );
}

/// EXP-26.
#[test]
fn what_the_environment_once_said_stays_known() {
    let mut place = Place::with("[supervisord]\n[program:x]\ncommand=%(ENV_OLD)s\n");
    assert!(place.load().is_err());
    place.remembered = [("OLD".to_owned(), "kept".to_owned())].into();
    let read = place.loaded();
    assert_eq!(process(&read, "x").command, "kept");
    assert_eq!(read.daemon.environment.len(), 0);
}

/// KPR-03, GRP-03, GRP-05, KGR-05.
#[test]
fn names_can_stand_twice_or_not_at_all() {
    let read = Place::with(
        "[supervisord]\n[program:none]\ncommand=c\nnumprocs=0\n[program:x]\ncommand=c\n\
         [group:g]\nprograms=x,x\n[group:h]\nprograms=x\n[group:none]\n",
    )
    .loaded();
    let groups: Vec<_> =
        read.groups.iter().map(|group| (group.name.as_str(), group.processes.len())).collect();
    assert_eq!(groups, [("g", 2), ("h", 1), ("none", 0), ("none", 0)]);
}

/// UP-04.
#[test]
fn of_inet_servers_the_last_gives_the_url() {
    let url = |text: &str| Place::with(text).loaded().daemon.server_url;
    assert_eq!(url("[supervisord]\n"), None);
    let two = "[supervisord]\n[inet_http_server:a]\nport=1\n[inet_http_server:b]\nport=*:2\n";
    assert_eq!(url(two).as_deref(), Some("http://localhost:2"));
}

/// CFS-01, CFS-02, CFS-04, CFS-05, CLI-45, CLI-46, CLI-47.
#[test]
fn the_file_is_found_or_named() {
    let place =
        Place::with("[supervisord]\n").and("bin/supervisord", "").and("etc/supervisord.conf", "");
    let surroundings = surroundings();
    let world = World { surroundings: &surroundings, disk: &RealDisk, users: &TwoUsers };
    let program = format!("{}/bin/supervisord", place.here());
    let found = find(&program, &Options::default(), &world).expect("it is there");
    assert_eq!(
        (found.file, found.searched),
        (format!("{}/etc/supervisord.conf", place.here()), true)
    );
    assert_eq!(search_paths("supervisord")[..2], ["etc/supervisord.conf", "supervisord.conf"]);
    let named = Options { configuration: Some("s.conf".to_owned()), ..Options::default() };
    let found = find(&program, &named, &world).expect("it was named");
    assert_eq!((found.file.as_str(), found.searched), ("s.conf", false));
    let mut request =
        LoadRequest { file: "./s.conf".to_owned(), surroundings, ..LoadRequest::default() };
    request.surroundings.cwd = place.here();
    let read = load(&request, &RealDisk, &TwoUsers).expect("it is good");
    assert_eq!((read.file, read.here), ("./s.conf".to_owned(), place.here()));
    for (file, wanted) in
        [("nope", "could not find config file nope"), ("bin", "could not read config file bin")]
    {
        request.file = file.to_owned();
        let error = load(&request, &RealDisk, &TwoUsers).expect_err("it is no file");
        assert_eq!(error.to_string(), wanted);
    }
}
