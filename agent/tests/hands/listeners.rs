//! Event listeners, heard by the bytes thread.

use agent::logs::{BytesReport, Order};
use agent_core::input::{Output, Stream, Unwritten};
use agent_core::listener::Said;
use agent_core::spec::Level;

use crate::support::{Host, WEB};

impl Host {
    fn send(&self, pid: i32, serial: i64, event: &[u8]) -> Result<(), Unwritten> {
        self.order(Order::Event { process: WEB, pid, serial, bytes: event.to_vec() });
        match self.bytes_report() {
            BytesReport::EventWritten { process: WEB, serial: of, verdict } if of == serial => {
                verdict
            }
            other => panic!("{other:?}"),
        }
    }

    fn said(&self, pid: i32) -> Said {
        match self.bytes_report() {
            BytesReport::ListenerSaid { process: WEB, pid: of, said } if of == pid => said,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_listener_is_heard_and_gets_its_events_and_its_log_has_what_it_said() {
    let host = Host::with(Level::Debug, false);
    let script = "echo READY; read a; printf \"RESULT 2\\nOK\"; echo READY; read b; echo RESULT; \
                  echo \"$a $b\" >&2";
    let (pid, watch) = host.start_listener(host.spec(&format!("/bin/sh -c '{script}'")));
    assert_eq!(host.said(pid), Said::Ready);
    assert_eq!(host.send(pid, 7, b"one\n"), Ok(()));
    assert_eq!([host.said(pid), host.said(pid)], [Said::Processed, Said::Ready]);
    assert_eq!(host.send(pid + 1, 8, b"for an earlier child\n"), Err(Unwritten::Closed));
    assert_eq!(host.send(pid, 9, b"two\n"), Ok(()));
    assert_eq!(host.said(pid), Said::BadResultLine("RESULT".to_owned()));
    assert_eq!(host.send(pid, 10, b"to the deaf\n"), Err(Unwritten::Closed));
    let ended = host.end(pid, &watch);
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("READY\nRESULT 2\nOKREADY\nRESULT\n", "one two\n")
    );
    assert_eq!(host.send(pid, 11, b"to the dead\n"), Err(Unwritten::Closed));
    let said = host.finish().join("\n");
    assert!(said.contains("DEBG 'web' stdout output:\nb'READY\\n'"), "{said}");
    assert!(said.contains("DEBG 'web' stderr output:\none two\n"), "{said}");
}

#[test]
fn a_listener_that_does_not_read_holds_up_nobody_and_one_event_of_any_size_is_taken() {
    let host = Host::new();
    let (pid, watch) = host.start_listener(host.spec("/bin/sh -c 'echo READY; exec sleep 1000'"));
    assert_eq!(host.said(pid), Said::Ready);
    assert_eq!(host.send(pid, 1, &vec![b'x'; 20 << 20]), Ok(()));
    assert_eq!(host.send(pid, 2, b"and no more"), Err(Unwritten::Full));
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    host.end(pid.as_raw(), &watch);
}

#[test]
fn a_listener_that_closes_its_stdin_gets_nothing() {
    let host = Host::new();
    let script = "exec 0<&-; echo READY; exec sleep 1000";
    let (pid, watch) = host.start_listener(host.spec(&format!("/bin/sh -c '{script}'")));
    assert_eq!(host.said(pid), Said::Ready);
    assert_eq!(host.send(pid, 1, b"one\n"), Err(Unwritten::Closed));
    assert_eq!(host.send(pid, 1, b"one\n"), Err(Unwritten::Closed));
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    host.end(pid.as_raw(), &watch);
}

#[test]
fn output_is_told_piece_by_piece_where_that_is_wanted_but_never_a_listeners_stdout() {
    let host = Host::new();
    let mut spec = host.spec(
        "/bin/sh -c 'printf \"a<!--XSUPERVISOR:BEGIN-->b<!--XSUPERVISOR:END-->c\"; echo e >&2'",
    );
    spec.stdout.events_enabled = true;
    spec.stdout.capture_maxbytes = 10;
    spec.stderr.events_enabled = true;
    let ended = host.run(spec.clone());
    let told: Vec<_> = ended
        .news
        .iter()
        .map(|report| match report {
            BytesReport::Wrote { output: Output::Logged(stream, bytes), .. } => {
                (*stream, "logged", bytes.clone())
            }
            BytesReport::Wrote { output: Output::Captured(stream, bytes), .. } => {
                (*stream, "captured", bytes.clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let stdout: Vec<_> = told.iter().filter(|(stream, ..)| *stream == Stream::Stdout).collect();
    let texts: Vec<_> =
        stdout.iter().map(|(_, how, bytes)| (*how, String::from_utf8_lossy(bytes))).collect();
    let wanted = [("logged", "a"), ("logged", "b"), ("captured", "b"), ("logged", "c")];
    assert_eq!(texts, wanted.map(|(how, text)| (how, text.into())));
    assert!(told.contains(&(Stream::Stderr, "logged", b"e\n".to_vec())), "{told:?}");
    assert_eq!(ended.stdout, "ac");

    let (pid, watch) = host.start_listener(spec);
    let ended = host.end(pid, &watch);
    let logged = |report: &BytesReport| {
        matches!(report, BytesReport::Wrote { output: Output::Logged(Stream::Stderr, _), .. })
    };
    let nonsense = BytesReport::ListenerSaid { process: WEB, pid, said: Said::Nonsense };
    assert!(ended.news.iter().all(|r| logged(r) || *r == nonsense), "{:?}", ended.news);
    assert!(ended.news.iter().any(logged) && ended.news.contains(&nonsense), "{:?}", ended.news);
}
