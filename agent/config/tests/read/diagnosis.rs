//! What `fleetvisord check` says besides supervisord's text.

use crate::world::Place;

/// The diagnosis, or the warnings, with the directory as `DIR`.
fn said(place: &Place) -> String {
    let report = place.check();
    let lines = match &report.error {
        Some(error) => vec![error.diagnosis().to_string()],
        None => report.warnings.iter().map(ToString::to_string).collect(),
    };
    lines.join("\n").replace(&place.here(), "DIR")
}

#[test]
fn a_fault_says_where_what_and_what_would_be_right() {
    for (text, wanted) in [
        (
            "[supervisord]\n\nminfds = x\n",
            "DIR/s.conf:3: [supervisord] minfds: invalid literal for int() with base 10: 'x'; write \
             a whole number without a unit, such as 10",
        ),
        (
            "[supervisord]\n[program:x]\nautostart=true\n",
            "DIR/s.conf:2: [program:x]: program section program:x does not specify a command; add \
             command = and what to run",
        ),
        (
            "[supervisord]\nx\n",
            "DIR/s.conf:2: Source contains parsing errors: 'DIR/s.conf'\n\t[line  2]: 'x\\n'; write \
             key=value, or begin the line with ; for a comment; indent what continues a value",
        ),
        (
            "[program:x]\n",
            "DIR/s.conf:1: .ini file does not include supervisord section; add a line [supervisord]",
        ),
        (
            "[program:x]\n[Supervisord]\n",
            "DIR/s.conf:2: [Supervisord]: .ini file does not include supervisord section; add a line \
             [supervisord]",
        ),
        (
            "[supervisord]\n[program:worker]\ncommand=c\n[group:g]\nprograms=wroker\n",
            "DIR/s.conf:5: [group:g] programs: [group:g] names unknown program or fcgi-program wroker; \
             list names of [program:…] or [fcgi-program:…] sections; did you mean worker?",
        ),
        (
            "[supervisord]\nidentifier=%(her)s\n",
            "DIR/s.conf:2: [supervisord] identifier: Format string '%(her)s' for \
             'supervisord.identifier' contains names ('her') which cannot be expanded. Available \
             names: ENV_A, ENV_HOME, ENV_P, here; use one of those names, or write %% for a percent sign; did you mean here?",
        ),
        (
            "[supervisord]\n[fcgi-program:x]\nsocket_owner=root\nsocket=tcp://h:1\n",
            "DIR/s.conf:3: [fcgi-program:x] socket_owner: socket_owner and socket_mode params should \
             only be used with a Unix domain socket in [fcgi-program:x] socket; drop socket_owner and \
             socket_mode",
        ),
        (
            "[supervisord]\n[unix_http_server]\nfile=s\n[rpcinterface:supervisor]\nretries=1\n\
             supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
            "DIR/s.conf:5: [rpcinterface:supervisor] retries: Could not make supervisor rpc \
             interface; drop the key: no interface takes one besides its factory, not even from \
             [DEFAULT]",
        ),
        (
            "[supervisord]\n[include]\nfiles = a/*.conf\n",
            "DIR/a/b.conf:2: [program:y] stopsignal: value 'NOPE' is not a valid signal name; write \
             TERM, HUP, INT, QUIT, KILL, USR1, USR2 or another signal",
        ),
    ] {
        let place =
            Place::with(text).and("a/b.conf", "[program:y]\nstopsignal=NOPE\ncommand=/bin/cat\n");
        assert_eq!(said(&place), wanted);
    }
}

#[test]
fn what_nobody_reads_is_shown_with_the_nearest_name() {
    let place = Place::with(
        "[supervisord]\nlog_level=info\n[Program:x]\ncommand=x\n[program:y]\ncommand=cat\n\
         comand=dog\nfrobnicate=1\nstdout_logfile_maxbytes=0\n[supervisorctl]\nany=1\n\
         [fleet]\nany=1\n\
         [rpcinterface:supervisor]\nretries=1\n\
         supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[include]\nfiles=none/*\n[group:y]\nprograms=\n",
    );
    let wanted = "\
        DIR/s.conf:2: [supervisord] log_level: nobody reads this key; did you mean loglevel?\n\
        DIR/s.conf:3: [Program:x]: nobody reads this section; did you mean program:?\n\
        DIR/s.conf:7: [program:y] comand: nobody reads this key; did you mean command?\n\
        DIR/s.conf:8: [program:y] frobnicate: nobody reads this key\n\
        DIR/s.conf:15: [rpcinterface:supervisor] retries: nobody reads this key\n\
        No file matches via include \"DIR/none/*\"\n\
        For [program:y], AUTO logging used for stdout_logfile without rollover, set maxbytes > 0 \
        to avoid filling up filesystem unintentionally\n\
        group y stands twice; only the first by priority is used";
    assert_eq!(said(&place), wanted);
}
