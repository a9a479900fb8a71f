//! Capture mode: what stands between the tokens stays out of the log.

use integration::facts::shown;
use integration::feed::Feed;
use integration::subject::{Daemon, Host, Subject, wait_text};

for_each_subject![tokens_are_found_however_they_are_split];

const HOST: &str = "{head}
[program:out]
command=cat {dir}/out.in
startsecs=0
stdout_capture_maxbytes=1000
stdout_logfile={dir}/out.log
[program:err]
command=sh -c 'exec cat {dir}/err.in >&2'
startsecs=0
stderr_capture_maxbytes=1KB
stderr_logfile={dir}/err.log
[program:off]
command=cat {dir}/off.in
startsecs=0
stdout_capture_maxbytes=0
stdout_logfile={dir}/off.log
stderr_capture_maxbytes=1000
";

const BEGIN: &str = "<!--XSUPERVISOR:BEGIN-->";
const END: &str = "<!--XSUPERVISOR:END-->";

/// Longer than a token: the original looks at shorter rests only when more has come.
const MORE: &str = "..............................\n";

fn tokens_are_found_however_they_are_split(subject: Subject) {
    let host = Host::new(subject, HOST);
    let names = ["out", "err", "off"];
    let feed = |name: &str| Feed::new(&host.home().join(&format!("{name}.in")));
    let [out, err, off] = names.map(feed);
    let daemon = Daemon::start_on(host);
    for name in names {
        daemon.wait_state(name, "RUNNING");
    }
    let (out_log, err_log) = (daemon.path("out.log"), daemon.path("err.log"));
    out.say(format!("a{BEGIN}captured{END}b{BEGIN}{END}c{MORE}"));
    assert_eq!(wait_text(&out_log, MORE), format!("abc{MORE}"));
    err.say(format!("a{BEGIN}captured{END}b{MORE}"));
    assert_eq!(wait_text(&err_log, MORE), format!("ab{MORE}"));
    // Where it is off, tokens are text.
    let whole = format!("a{BEGIN}not captured{END}b{MORE}");
    off.say(&whole);
    assert_eq!(wait_text(&daemon.path("off.log"), MORE), whole);
    shown(subject, &["CAP-01"]);

    let mut kept = daemon.home().read("out.log");
    for (number, at) in [1, 3, 12, 23, 24, 25, 26, 30, 33, 34, 50, 53].into_iter().enumerate() {
        let text = format!("{BEGIN}captured{END}");
        let (head, tail) = text.split_at(at);
        out.say(format!("{MORE}{number}{head}"));
        // Its beginning has been read when this is in the log.
        wait_text(&out_log, &format!("{kept}{MORE}{number}"));
        out.say(format!("{tail} {MORE}"));
        kept = format!("{kept}{MORE}{number} {MORE}");
        assert_eq!(wait_text(&out_log, &kept), kept, "split at {at}");
    }
    // What only begins like a token is text in the end.
    for text in ["<!--XSUPERVISOR:BEGIN--", "<", "<!--XSUPERVISOR:END-->", "<!--<!--XSUPERVISOR"] {
        out.say(format!("{MORE}{text}"));
        wait_text(&out_log, &format!("{kept}{MORE}"));
        out.say(format!("/{MORE}"));
        kept = format!("{kept}{MORE}{text}/{MORE}");
        assert_eq!(wait_text(&out_log, &kept), kept, "{text}");
    }
    shown(subject, &["CAP-03"]);
}
