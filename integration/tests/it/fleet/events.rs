//! One watcher hears of any host.

use integration::fleet::Fleet;
use integration::subject::Client;
use serde_json::Value;

use super::{member, programs};

/// Dies at once and is given up at once.
const BAD: (&str, &str, &str) = ("bad", "exit:3", "startretries=0");

#[test]
fn one_watcher_hears_of_any_host() {
    let conf = programs(&[("good", "forever", ""), BAD]);
    let mut fleet = Fleet::start(&[member("web-1", "", &conf), member("web-2", "", &conf)]);
    let fatal = fleet.meanwhile(&["events", "--state", "FATAL"]);
    let of_one = fleet.meanwhile(&["events", "web-2/good"]);
    for watcher in [&fatal, &of_one] {
        watcher.wait_words("begun");
    }
    let started = fleet.ask(&["start", "all", "--on-failure", "continue"]);
    assert_eq!(started.code, 10, "{started}");

    for host in ["web-1", "web-2"] {
        fatal.wait_words(&format!("\"host\":\"{host}\""));
    }
    for event in processes(&fatal.words()) {
        assert_eq!(event["state"], "FATAL", "{event}");
        assert_eq!((&event["group"], &event["name"]), (&"bad".into(), &"bad".into()));
        assert_eq!(event["from"], "BACKOFF", "{event}");
    }
    assert_eq!(processes(&fatal.words()).len(), 2, "{}", fatal.words());

    of_one.wait_words("RUNNING");
    let changes: Vec<_> = processes(&of_one.words())
        .iter()
        .map(|event| format!("{} {}->{}", event["host"], event["from"], event["state"]))
        .collect();
    assert_eq!(changes, [r#""web-2" "STOPPED"->"STARTING""#, r#""web-2" "STARTING"->"RUNNING""#]);
    // A host that goes is news as well.
    let hosts = fleet.meanwhile(&["events"]);
    hosts.wait_words("begun");
    fleet.agent("web-1").daemon.kill();
    hosts.wait_words("\"down\"");
    let gone = objects(&hosts.words()).into_iter().find(|event| event["kind"] == "host");
    assert_eq!(gone.unwrap()["host"], "web-1");
}

#[test]
fn a_host_whose_line_goes_dead_is_silent_then_down_then_back_in_step() {
    let keepalive = "keepalive_idle = \"1s\"\nkeepalive_busy = \"1s\"\n";
    let conf = programs(&[("good", "forever", "")]);
    let mut fleet = Fleet::start_with(keepalive, &[member("web-1", "", &conf)]);
    let watcher = fleet.meanwhile(&["events"]);
    watcher.wait_words("begun");
    // Neither end sees a closed connection: only what is not said can tell.
    fleet.agent("web-1").link.stall();
    fleet.wait_host("web-1", "down");
    let host = fleet.host("web-1").daemon.host();
    let started = host.client(Client::Ours, &["start", "good"]);
    assert_eq!(started.stdout, "good: started\n", "{started}");
    assert_eq!(fleet.ask(&["status"]).code, 4);

    fleet.agent("web-1").link.restore();
    let status = fleet.ask_until(&["status"], |status| status.code == 0);
    assert_eq!(status.states(), "web-1/good:good RUNNING");
    watcher.wait_words("\"up\"");
    let words = watcher.words();
    let place = |state: &str| words.find(&format!("\"state\":\"{state}\""));
    let places = ["silent", "down", "up"].map(|state| place(state).expect("it was told"));
    assert!(places.is_sorted(), "{words}");
}

/// One JSON object per line.
fn objects(words: &str) -> Vec<Value> {
    let lines = words.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn processes(words: &str) -> Vec<Value> {
    let mut all = objects(words);
    all.retain(|event| event["kind"] == "process");
    all
}
