//! The controller killed, and a second agent with a name that is taken.

use integration::fleet::Fleet;
use integration::operator::{Answer, Meanwhile};
use integration::subject::{Client, wait_text};

use super::{member, programs};

/// Redialling takes two seconds at most, so an operation outlives the controller easily.
const SLOW: &str = "startsecs=5";

#[test]
fn programs_do_not_notice_that_the_controller_is_killed() {
    let conf = programs(&[("api", "forever", ""), ("slow", "forever", SLOW)]);
    let mut fleet = Fleet::start(&[member("web-1", "", &conf), member("web-2", "", &conf)]);
    assert_eq!(fleet.ask(&["start", "web-1/api", "web-2/api"]).code, 0);
    let before = fleet.ask(&["status", "web-*/api"]);
    let under_way = fleet.meanwhile(&["start", "web-1/slow"]);
    fleet.host("web-1").wait_stamp("slow");
    let newest = fleet.ask(&["operations", "-n", "1"]);
    let id = newest.value[0]["operation"].as_str().unwrap().to_owned();

    fleet.kill_controller();
    the_client_says_what_goes_on(&fleet, under_way, &id);
    each_host_still_obeys_its_own_client(&fleet);
    fleet.start_controller();
    fleet.wait_joined();

    let after = fleet.ask(&["status", "web-*/api"]);
    for name in ["web-1/api:api", "web-2/api:api"] {
        let (before, after) = (before.of(name), after.of(name));
        assert_eq!(before["pid"], after["pid"], "{name}");
        assert_eq!(before["started"], after["started"], "{name}");
    }
    let status = fleet.ask_until(&["status"], |status| status.code == 0);
    assert_eq!(status.text("web-2/slow:slow", "state"), "RUNNING");
    assert_eq!(status.text("web-2/slow:slow", "origin"), "local-xmlrpc");
    let is_done = |record: &Answer| record.value["state"] == "done";
    let resumed = fleet.ask_until(&["operation", &id], is_done);
    assert_eq!(resumed.summary(), "web-1/slow:slow OK", "{resumed}");
    assert_eq!(resumed.code, 0);
    for host in ["web-1", "web-2"] {
        let notes = fleet.host(host).stamps().into_iter().map(|stamp| stamp.note);
        assert_eq!(notes.collect::<Vec<_>>(), ["api", "slow"], "{host}");
    }
}

fn the_client_says_what_goes_on(fleet: &Fleet, under_way: Meanwhile, id: &str) {
    let ran = under_way.end();
    assert_eq!(ran.code, 20, "{ran}");
    assert!(ran.stderr.contains("the operation goes on"), "{ran}");
    let next = format!("fleetvisorctl operation {id}");
    assert!(ran.stderr.contains(&next), "{ran}");
    let away = fleet.operator(&["status"]);
    assert_eq!(away.code, 20, "{away}");
    assert!(away.stderr.contains("programs run on without it"), "{away}");
}

fn each_host_still_obeys_its_own_client(fleet: &Fleet) {
    let local = fleet.host("web-2").daemon.host();
    let stopped = local.client(Client::Ours, &["stop", "slow"]);
    assert_eq!(stopped.stdout, "slow: ERROR (not running)\n", "{stopped}");
    let started = local.client(Client::Ours, &["start", "slow"]);
    assert_eq!(started.stdout, "slow: started\n", "{started}");
}

#[test]
fn a_second_agent_with_a_name_that_is_taken_is_refused_while_the_first_answers() {
    let conf = programs(&[("api", "forever", "")]);
    let mut fleet = Fleet::start(&[member("web-1", "", &conf)]);
    let first = fleet.ask(&["hosts"]).text("web-1", "instance_id");
    let other = programs(&[("other", "forever", "")]);
    let log = {
        let second = fleet.start_agent(&member("web-1", "", &other));
        second.daemon.path("main.log")
    };
    wait_text(&log, "another agent is connected as web-1 and answers");
    wait_text(&log, "give this one its own name and certificate");
    let words = fleet.controller_words();
    assert!(words.contains("refused a second agent as web-1 from 127.0.0.1"), "{words}");
    let hosts = fleet.ask(&["hosts"]);
    assert_eq!(hosts.text("web-1", "instance_id"), first);
    assert_eq!(hosts.text("web-1", "state"), "up");
    assert_eq!(fleet.ask(&["status"]).states(), "web-1/api:api STOPPED");

    // A host that was made anew takes the name over when the old one is gone. (The second one was
    // told to stay away for a while.)
    fleet.agent("web-1").daemon.kill();
    fleet.wait_host("web-1", "down");
    fleet.start_agent(&member("web-1", "", &other));
    let hosts = fleet.wait_host("web-1", "up");
    assert_ne!(hosts.text("web-1", "instance_id"), first);
    fleet.ask_until(&["status"], |status| status.states() == "web-1/other:other STOPPED");
}
