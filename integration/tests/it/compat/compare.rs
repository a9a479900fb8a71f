//! `fleetvisord check --compare`: what only one of the two takes is a difference, and told as one.

use std::process::Command;

use integration::home::Home;
use integration::loaded::{Batch, Case};
use integration::places;
use integration::ran::Ran;
use integration::subject::Subject;
use serde_json::Value;

/// Configurations that the original takes and ours refuses, with the number of the difference.
const REFUSED: [(&str, &str); 4] = [
    ("[program:x]\ncommand=c\ndirectory=/srv/100% sure\n", "COMPAT-7"),
    ("[eventlistener:x]\ncommand=c\nevents=TICK\nresult_handler=os:getcwd\n", "COMPAT-8"),
    ("[rpcinterface:x]\nsupervisor.rpcinterface_factory=os.path:join\n", "COMPAT-8"),
    ("[program:x]\ncommand=c\nprocess_name=%(process_num)40000d\n", "COMPAT-9"),
];

fn compared(text: &str, as_json: bool) -> Ran {
    let home = Home::new();
    home.write("s.conf", &format!("[supervisord]\n{text}"));
    let mut command = Command::new(places::binary("fleetvisord"));
    command.args(["check", "--compare"]).current_dir(home.path());
    if as_json {
        command.args(["-o", "json"]);
    }
    Ran::of(command.arg("s.conf")).unwrap()
}

#[test]
fn what_ours_alone_refuses_is_a_difference() {
    let case = |(text, _): &(&str, &str)| Case::new(&format!("[supervisord]\n{text}"));
    let batch = Batch::new(REFUSED.iter().map(case).collect());
    let originals = batch.load(Subject::Original);
    let both = originals.iter().zip(batch.load(Subject::Ours));
    for ((original, ours), (text, number)) in both.zip(REFUSED) {
        assert_eq!((original.error(), original.crash()), (None, None), "{text}");
        assert!(ours.error().is_some(), "{text}");
        let ran = compared(text, false);
        assert_eq!((ran.code, ran.stderr.as_str()), (1, ""), "{text}\n{ran}");
        assert!(ran.stdout.contains(&format!(": {number}: supervisord ")), "{text}\n{ran}");
    }
}

#[test]
fn as_json_it_is_one_document_with_the_same_exit_code() {
    for (text, code, differences) in [
        ("[program:x]\ncommand=c\n", 0, Some(0)),
        ("[program:x]\ncommand=c\nstopwaitsecs=0\n", 1, Some(1)),
        ("[program:x]\n", 2, None),
    ] {
        let ran = compared(text, true);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((ran.code, ran.stderr.as_str()), (code, ""), "{ran}");
        let found = document["differences"].as_array().map(Vec::len);
        assert_eq!(found, differences, "{ran}");
        assert_eq!(document["error"].is_object(), differences.is_none(), "{ran}");
    }
}
