//! What `-h` prints: the original's first lines, order and shape, in our words.

/// One line for each option, in supervisord's order (CLI-25).
const OPTIONS: &str = "\
-c/--configuration FILENAME -- the configuration file (searched for without this)
-n/--nodaemon -- stay in the foreground ('nodaemon=true' in the file)
-s/--silent -- print no log on stdout ('silent=true' in the file)
-h/--help -- print this and exit
-v/--version -- print the version of supervisord that this one stands for and exit
-u/--user USER -- run as this user, by name or number
-m/--umask UMASK -- the umask of the daemon, octal (022 without this)
-d/--directory DIRECTORY -- where the daemon changes to
-l/--logfile FILENAME -- the activity log
-y/--logfile_maxbytes BYTES -- the size at which the activity log is rotated
-z/--logfile_backups NUM -- how many rotated activity logs are kept
-e/--loglevel LEVEL -- critical, error, warn, info, debug, trace or blather
-j/--pidfile FILENAME -- where the daemon writes its process id
-i/--identifier STR -- the name of this supervisord among others
-q/--childlogdir DIRECTORY -- where programs without a log file of their own log
-k/--nocleanup -- leave such logs of an earlier run alone at start
-a/--minfds NUM -- start only with at least this many file descriptors
-t/--strip_ansi -- take terminal colours and the like out of program logs
--minprocs NUM -- start only with at least this many processes allowed
--profile_options OPTIONS -- taken for compatibility; there is no profiler
";

/// The whole text for `program`, which is `argv[0]`.
pub(crate) fn text(program: &str) -> String {
    format!(
        "supervisord -- run a set of applications as daemons.\n\nUsage: {program} [options]\n\n\
         Options:\n{OPTIONS}\n"
    )
}
