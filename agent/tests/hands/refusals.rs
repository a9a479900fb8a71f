//! Commands that cannot be run, and children that do not become their programs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use agent_core::Refusal;
use agent_core::input::Exit;
use agent_core::spec::{LogFile, ProcessSpec, UserSpec};

use crate::support::Host;

fn file(path: &Path, content: &str, mode: u32) -> String {
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A check says why, as what a caller is told; a spawn says the same as `spawnerr`.
fn refused(host: &Host, spec: &ProcessSpec) -> Refusal {
    let refusal = host.check(spec.clone()).unwrap_err();
    assert_eq!(host.birth(spec.clone()).err(), Some(refusal.to_string()));
    refusal
}

#[test]
fn what_cannot_be_run_is_said_in_supervisords_words() {
    let host = Host::new();
    let plain = file(&host.path("plain"), "", 0o644);
    let not_found = |text: &str| Refusal::NoFile(text.to_owned());
    let bad = |text: String| Refusal::NotExecutable(text);
    for (command, expected) in [
        ("nosuch", not_found("can't find command 'nosuch'")),
        ("/no/such -x", not_found("can't find command '/no/such'")),
        ("\"it's\"", not_found("can't find command \"it's\"")),
        ("/usr", bad("command at '/usr' is a directory".into())),
        (&plain, bad(format!("command at '{plain}' is not executable"))),
        ("", bad("command is empty".into())),
        ("  ", bad("command is empty".into())),
        ("sh -c 'a", bad("can't parse command \"sh -c 'a\": No closing quotation".into())),
        ("sh \\", bad("can't parse command 'sh \\\\': No escaped character".into())),
    ] {
        assert_eq!(refused(&host, &host.spec(command)), expected, "{command}");
    }
    assert_eq!(host.check(host.spec("sh -c true")), Ok(()));
}

#[test]
fn path_is_the_programs_own_and_its_first_hit_counts() {
    let host = Host::new();
    let mut spec = host.spec("tool");
    for directory in ["a", "b"] {
        std::fs::create_dir(host.path(directory)).unwrap();
    }
    file(&host.path("b/tool"), "#!/bin/sh\necho from b\n", 0o755);
    let (a, b) = (host.path("a"), host.path("b"));
    let path = format!("{}:{}", a.display(), b.display());
    spec.environment.insert("PATH".to_owned(), path);
    assert_eq!(host.run(spec.clone()).stdout, "from b\n");
    std::fs::create_dir(host.path("a/tool")).unwrap();
    let text = format!("command at '{}/tool' is a directory", a.display());
    assert_eq!(refused(&host, &spec), Refusal::NotExecutable(text));
}

#[test]
fn a_child_that_cannot_become_its_program_says_so_and_exits_127() {
    let host = Host::new();
    let garbage = file(&host.path("garbage"), "\u{1}\u{2}", 0o755);
    let no_interpreter = file(&host.path("script"), "#!/no/such/interpreter\n", 0o755);
    let mut nowhere = host.spec("true");
    nowhere.directory = Some("/no/such".to_owned());
    let mut nobody = host.spec("true");
    nobody.user = Some(UserSpec { uid: 3_999_999_999, gid: 1, name: "ghost".to_owned() });
    let uid = "couldn't setuid to 3999999999: Can't find uid 3999999999";
    for (spec, what) in [
        (host.spec(&garbage), format!("couldn't exec {garbage}: ENOEXEC")),
        (host.spec(&no_interpreter), format!("couldn't exec {no_interpreter}: ENOENT")),
        (nowhere, "couldn't chdir to /no/such: ENOENT".to_owned()),
        (nobody, uid.to_owned()),
    ] {
        let _ = std::fs::remove_file(host.path("err"));
        let ended = host.run(spec);
        let said = format!("supervisor: {what}\nsupervisor: child process was not spawned\n");
        assert_eq!((ended.exit, ended.stderr), (Exit::Code(127), said));
    }
}

#[test]
fn a_log_that_cannot_be_opened_is_a_spawn_error() {
    let host = Host::new();
    let mut spec = host.spec("true");
    spec.stderr.file = LogFile::Path("/no/such/log".to_owned());
    let why = "unknown error making dispatchers for 'web': ENOENT";
    assert_eq!(host.birth(spec.clone()).err().as_deref(), Some(why));
    spec.redirect_stderr = true;
    assert_eq!(host.run(spec).exit, Exit::Code(0));
}
