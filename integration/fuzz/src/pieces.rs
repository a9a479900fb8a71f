//! What the grammars are made of: each piece means something to the parser.

/// Of the INI dialect.
#[rustfmt::skip]
pub(crate) const INI: &[&str] = &[
    "[a]", "[b]", "[DEFAULT]", "[include]", "[program:x]", "[ a ]", "[a]b]", "[]", "[", "]", "\n[a]\n", "\n[b]\n",
    "\n[DEFAULT]\n", "k", "K", "j", "k=", "\nk=v\n", "\nk : v\n", "\n k=v\n", "\n  w\n", "\n\tw", "\nj=%(here)s\n",
    "%(here)s", "=", ":", " = ", " ;", " #", ";", "#", "\t;", "\n;c\n", "\n # c\n", "rem x", "\"", "'", "\\", "\\\n",
    "\n", "\r\n", "\r", "\n\n", "\n\n  ", " ", "  ", "\t", "\u{b}", "\u{c}", "\u{1c}", "\u{85}", "\u{a0}", "\u{feff}",
];

/// Of Python's `%` formatting.
#[rustfmt::skip]
pub(crate) const EXPAND: &[&str] = &[
    "%", "%%", "%(", ")", "(", "%(here)s", "%(here)", "%(ENV_HOME)", "%(ENV_ACCENT)", "%(ENV_CONTROL)", "%(ENV_LETTER)",
    "%(ENV_EMPTY)", "%(ENV_PERCENT)s", "%(process_num)", "%(process_num)02d", "%(numprocs)", "%(negative)", "%(zero)",
    "%(large)", "%(nope)", "%(p(q))", "%()", "%s", "%d", "%5", "s", "d", "i", "u", "o", "x", "X", "e", "E", "f", "F",
    "g", "G", "c", "r", "a", "q", "l", "h", "L", "ll", "-", "+", " ", "#", "0", "5", "12", ".", ".0", ".3", ".12", "*",
    ".*", "$", "1$", "50%", "/", "_",
];

/// Of a shell's words and quotes.
#[rustfmt::skip]
pub(crate) const COMMAND: &[&str] = &[
    "/bin/cat", "-x", "--a=b", "'", "\"", "\\", "\\\\", "\\\"", "\\'", "\\\n", "''", "\"\"", "'a b'", "\"a b\"",
    "\"a'b\"", "'a\"b'", " ", "  ", "\t", "\n", "\r", "#", " #c", "$HOME", "`ls`", "$(ls)", ">", "|", "&&", ";", "*", "~",
    "{}", "%", "a", "b", "é", "\u{a0}", "\u{85}", "\u{b}", "\0",
];

/// Of `KEY=value` pairs.
#[rustfmt::skip]
pub(crate) const ENVIRONMENT: &[&str] = &[
    "A=1", "B=2", "KEY=", "A", "=", ",", ", ", ",\n", "\"", "'", "\"1,2\"", "'x y'", "\"a'b\"", "'\"x\"'", "\"\"", "''", "\\",
    "\\\"", "#", "#c", "#c\n", "/p/a.b+c-(d):e", "http://x:80/y", " ", "\t", "\n", "\r", ";", "$", "~", "@", "%", "?", "&",
    "[", "]", "{", "}", "*", "!", "_", "-", "1", "é", "\"é\"", "\u{a0}", "\u{85}", "\u{b}",
];

/// Of whole configurations: a line, or a few that belong together.
#[rustfmt::skip]
pub(crate) const LOAD: &[&str] = &[
    "\n[supervisord]\n", "\n[program:x]\ncommand=cat\n", "\n[program:y]\ncommand=/bin/y -a 'b c'\n", "\n[program:x]\n",
    "\n[program: z ]\ncommand=z\n", "\n[program:]\ncommand=nameless\n", "\n[group:g]\nprograms=x,y\n", "\n[group:g]\n", "\nprograms=y\n",
    "\nprograms= x , y \n", "\n[group:x]\nprograms=x\n", "\n[eventlistener:l]\ncommand=l\nevents=TICK_5,PROCESS_STATE\n",
    "\n[eventlistener:x]\ncommand=l\nevents=event\n", "\n[fcgi-program:f]\ncommand=f\nsocket=tcp://localhost:80\n",
    "\n[fcgi-program:x]\ncommand=f\nsocket=unix:///tmp/%(program_name)s.sock\n", "\n[unix_http_server]\nfile=/tmp/s\n",
    "\n[unix_http_server:2]\nfile=~/s\n", "\n[inet_http_server]\nport=127.0.0.1:9001\n", "\n[inet_http_server]\nport=*:1\n",
    "\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
    "\n[supervisorctl]\nserverurl=unix:///tmp/s\n", "\n[include]\nfiles=inc-*.conf\n", "\n[include]\nfiles=inc-1.conf inc-9.conf %(here)s\n",
    "\n[DEFAULT]\n", "\n[ctlplugin:p]\n", "\n[unknown]\n", "\ncommand=\n", "\ncommand=\n  a\n  b\n", "\ncommand=%(program_name)s %(process_num)02d\n",
    "\nprocess_name=%(program_name)s_%(process_num)02d\n", "\nnumprocs=2\n", "\nnumprocs=0\n", "\nnumprocs_start=3\n", "\nnumprocs_start=-1\n",
    "\npriority=1\n", "\npriority=-5\n", "\nautostart=false\n", "\nautostart=on\n", "\nautorestart=unexpected\n", "\nautorestart=true\n",
    "\nstartsecs=0\n", "\nstartsecs=5\n", "\nstartretries=0\n", "\nexitcodes=0,2\n", "\nexitcodes=\n", "\nexitcodes=256\n", "\nstopsignal=QUIT\n",
    "\nstopsignal=sigusr1\n", "\nstopsignal=9\n", "\nstopsignal=0\n", "\nstopsignal=RTMIN\n", "\nstopwaitsecs=0\n", "\nstopwaitsecs=1_0\n",
    "\nstopasgroup=true\n", "\nkillasgroup=true\n", "\nkillasgroup=false\n", "\nredirect_stderr=true\n", "\nuser=root\n", "\nuser=0\n", "\nuser=nobody\n",
    "\nuser=nosuch\n", "\numask=022\n", "\numask=0o77\n", "\numask=9\n", "\ndirectory=/tmp\n", "\ndirectory=~\n", "\ndirectory=\n",
    "\nserverurl=AUTO\n", "\nserverurl=http://localhost:1\n", "\nenvironment=A=1,B=\"2\"\n", "\nenvironment=A=%(here)s\n", "\nenvironment=N=\"%(process_num)d\"\n",
    "\nstdout_logfile=NONE\n", "\nstdout_logfile=/tmp/%(program_name)s.log\n", "\nstdout_logfile=AUTO\n", "\nstdout_logfile=syslog\n",
    "\nstdout_logfile=/nonexistent/x\n", "\nstderr_logfile=off\n", "\nstderr_logfile=\n", "\nstderr_logfile=~/e\n", "\nstdout_logfile_maxbytes=0\n",
    "\nstdout_logfile_maxbytes=1KB\n", "\nstderr_logfile_maxbytes=1 gb\n", "\nstdout_logfile_backups=0\n", "\nstderr_logfile_backups=-3\n",
    "\nstdout_capture_maxbytes=1MB\n", "\nstderr_capture_maxbytes=0\n", "\nstdout_events_enabled=true\n", "\nstderr_events_enabled=1\n",
    "\nstdout_syslog=true\n", "\nstderr_syslog=no\n", "\nevents=PROCESS_LOG\n", "\nevents=NOPE\n", "\nbuffer_size=0\n", "\nbuffer_size=100\n",
    "\nresult_handler=supervisor.dispatchers:default_handler\n", "\nsocket=unix:///tmp/f\n", "\nsocket=tcp://*:70000\n", "\nsocket=nope\n",
    "\nsocket_owner=root:root\n", "\nsocket_owner=nobody\n", "\nsocket_mode=0777\n", "\nsocket_backlog=5\n", "\nsocket_backlog=0\n", "\nchmod=0700\n",
    "\nchmod=x\n", "\nchown=root:root\n", "\nchown=nosuch\n", "\nusername=u\n", "\npassword=p\n", "\nusername=\n", "\npassword={SHA}00\n",
    "\nport=1\n", "\nport=:80\n", "\nport=Host:80\n", "\nport=0\n", "\nport=\n", "\nlogfile=/tmp/l\n", "\nlogfile=syslog\n", "\nlogfile=l\n", "\nlogfile_maxbytes=1MB\n",
    "\nlogfile_backups=2\n", "\nloglevel=debug\n", "\nloglevel=WARN\n", "\nloglevel=warning\n", "\npidfile=/tmp/p\n", "\npidfile=p\n",
    "\nnodaemon=true\n", "\nsilent=true\n", "\nminfds=20\n", "\nminprocs=20\n", "\nidentifier=i\n", "\nidentifier=%(ENV_A)s\n",
    "\nchildlogdir=/tmp\n", "\nchildlogdir=~\n", "\nnocleanup=true\n", "\nstrip_ansi=true\n", "\nenvironment=G=\"%(ENV_P)s\"\n",
    "\nuser= 0 \n", "\nuser=+0\n", "\nuser=0_0\n", "\nuser=\u{660}\n", "\npriority=\u{663}\n", "\npriority=\u{ff11}\u{ff12}\n", "\npriority= +0_7 \n",
    "\nstdout_logfile=~root/x\n", "\nlogfile=~nosuch/x\n", "\nlogfile=~root\n", "\nfile=~root/s\n", "\nchildlogdir=~root\n", "\nfiles=inc-[12].conf\n",
    "\nfiles=inc-?.conf *.conf\n", "\nfiles=inc-[!1].conf\n", "\nfiles=[i]nc*[.]conf nothing*\n", "\nfiles=**.conf\n", "\nfiles=./inc-1.conf\n",
    "\nautostart=TRUE\n", "\nautostart=Yes \n", "\nautorestart=UNEXPECTED\n", "\nstopsignal= term \n", "\nstopsignal=SIG_IGN\n", "\nstopsignal=\u{661}\n",
    "\nexitcodes= 1 , 2 \n", "\nexitcodes=1,\n", "\nsocket=tcp://[::1]:80\n", "\nsocket=tcp://a b:80\n", "\nsocket= unix:///tmp/f \n", "\nsocket=unix://tmp/f\n",
    "\nport=[::1]:80\n", "\nport= 80 \n", "\nport=a:b:80\n", "\nchown=0:0\n", "\nchown=root:\n", "\nchown=:root\n", "\nchown=root:nosuch\n", "\nchown= root \n",
    "\nsocket_owner=0\n", "\nsocket_owner=99999\n", "\nloglevel= info \n", "\nstdout_logfile= none \n", "\nserverurl= auto \n", "\nenvironment=A=\"x\nB=y\n",
    "%(here)s", "%(ENV_A)s", "%(ENV_B)s", "%(ENV_P)s", "%(group_name)s", "%(host_node_name)s", "%(numprocs)d", "%(process_num)d", "%%", "%", " ;c\n", "\n;c\n", " ", "0", "-1", "x",
];
