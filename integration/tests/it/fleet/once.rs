//! Nothing is done twice, and no result is guessed: links cut and agents killed in the middle.

use integration::fleet::{Agent, Fleet};
use integration::operator::Answer;
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};

use super::{member, programs};

/// The agent aborts when ACCEPTED is on its disk and nothing is done yet.
const FAIL_POINT: (&str, &str) = ("FLEETVISOR_FAILPOINT", "after-accept");

/// Up for so long counts as started; time enough to cut the link meanwhile.
const SLOW: &str = "startsecs=3";

fn fleet(keys: &str) -> Fleet {
    let api = programs(&[("api", "forever", keys)]);
    Fleet::start(&[member("web-1", "", &api)])
}

#[test]
fn a_link_that_is_back_before_the_deadline_brings_the_result() {
    let mut fleet = fleet(SLOW);
    let start = fleet.meanwhile(&["start", "all"]);
    fleet.host("web-1").wait_stamp("api");
    fleet.agent("web-1").link.cut();
    fleet.wait_host("web-1", "down");
    fleet.agent("web-1").link.restore();
    let ran = start.end();
    let answer = Answer::from(ran);
    assert_eq!((answer.code, answer.summary().as_str()), (0, "web-1/api:api OK"), "{answer}");
    assert_eq!(fleet.host("web-1").stamps().len(), 1);
    assert!(fleet.host("web-1").link.accepted() > 1);
}

#[test]
fn a_restart_whose_order_is_sent_again_is_done_once() {
    let mut fleet = fleet(SLOW);
    assert_eq!(fleet.ask(&["start", "all"]).code, 0);
    let restart = fleet.meanwhile(&["restart", "all"]);
    wait_stamps(fleet.host("web-1"), 2);
    fleet.agent("web-1").link.cut();
    fleet.wait_host("web-1", "down");
    fleet.agent("web-1").link.restore();
    let answer = Answer::from(restart.end());
    assert_eq!((answer.code, answer.summary().as_str()), (0, "web-1/api:api OK"), "{answer}");
    assert_eq!(fleet.host("web-1").stamps().len(), 2);
}

fn wait_stamps(agent: &Agent, count: usize) {
    wait::until(PATIENCE, &format!("{count} starts"), || {
        let now = agent.stamps().len();
        if now == count { Ok(()) } else { Err(now) }
    });
}

#[test]
fn a_link_that_is_back_after_the_deadline_amends_the_result() {
    let mut fleet = fleet(SLOW);
    let start = fleet.meanwhile(&["start", "all", "--host-deadline", "8s"]);
    fleet.host("web-1").wait_stamp("api");
    fleet.agent("web-1").link.cut();
    let answer = Answer::from(start.end());
    assert_eq!((answer.code, answer.summary().as_str()), (15, "web-1/api:api UNKNOWN"), "{answer}");
    fleet.agent("web-1").daemon.wait_state("api", "RUNNING");

    fleet.agent("web-1").link.restore();
    let id = answer.operation();
    let amended = fleet.ask_until(&["operation", &id], |record| record.code == 0);
    assert_eq!(amended.summary(), "web-1/api:api UNKNOWN>OK");
    assert_eq!(fleet.host("web-1").stamps().len(), 1);
}

/// Starts the agent anew, with the fail point or without, and waits until it has joined.
fn begin_anew(fleet: &mut Fleet, fail_point: bool) {
    let agent = fleet.agent("web-1");
    agent.daemon.kill();
    let value = if fail_point { FAIL_POINT.1 } else { "" };
    agent.daemon.host_mut().set_environment(FAIL_POINT.0, value);
    let joined = agent.link.accepted();
    agent.daemon.start_again();
    wait_redialled(agent, joined);
    fleet.wait_joined();
}

fn wait_redialled(agent: &Agent, before: usize) {
    wait::until(PATIENCE, "the agent to dial", || {
        let now = agent.link.accepted();
        if now > before { Ok(()) } else { Err(now) }
    });
}

#[test]
fn a_start_that_was_accepted_and_not_begun_is_done_once() {
    let mut fleet = fleet("");
    begin_anew(&mut fleet, true);
    let start = fleet.meanwhile(&["start", "all"]);
    // SIGABRT: the fail point was reached.
    assert_eq!(fleet.agent("web-1").daemon.wait_end(), 128 + 6);
    assert_eq!(fleet.host("web-1").stamps(), []);
    begin_anew(&mut fleet, false);
    let answer = Answer::from(start.end());
    assert_eq!((answer.code, answer.summary().as_str()), (0, "web-1/api:api OK"), "{answer}");
    assert_eq!(fleet.host("web-1").stamps().len(), 1);
    let log = fleet.host("web-1").daemon.log();
    assert!(log.contains("accepted and not finished when the agent ended"), "{log}");
}

#[test]
fn a_restart_that_was_accepted_is_content_with_the_life_that_the_agent_began() {
    let api = programs(&[("api", "forever", "autostart=true")]);
    let mut fleet = Fleet::start(&[member("web-1", "", &api)]);
    begin_anew(&mut fleet, true);
    fleet.host("web-1").daemon.wait_state("api", "RUNNING");
    let lives = fleet.host("web-1").stamps().len();
    let restart = fleet.meanwhile(&["restart", "all"]);
    assert_eq!(fleet.agent("web-1").daemon.wait_end(), 128 + 6);
    assert_eq!(fleet.host("web-1").stamps().len(), lives);
    begin_anew(&mut fleet, false);
    // ALREADY if the order came to it while it was STARTING: the agent itself had begun it.
    let answer = Answer::from(restart.end());
    let result = answer.text("web-1/api:api", "result");
    assert!(matches!(result.as_str(), "OK" | "ALREADY"), "{answer}");
    assert_eq!(answer.code, 0, "{answer}");
    // The agent's own start at its coming back is the new life; the order adds none.
    assert_eq!(fleet.host("web-1").stamps().len(), lives + 1);
}

#[test]
fn a_signal_that_was_accepted_is_never_sent_later() {
    let api = programs(&[("api", "catch:USR1=7 forever", "autostart=true\nautorestart=false")]);
    let mut fleet = Fleet::start(&[member("web-1", "", &api)]);
    begin_anew(&mut fleet, true);
    fleet.agent("web-1").daemon.wait_state("api", "RUNNING");
    let pid = fleet.agent("web-1").daemon.process("api").unwrap().pid;
    let signal = fleet.meanwhile(&["signal", "USR1", "all"]);
    assert_eq!(fleet.agent("web-1").daemon.wait_end(), 128 + 6);
    begin_anew(&mut fleet, false);
    let answer = Answer::from(signal.end());
    assert_eq!((answer.code, answer.summary().as_str()), (15, "web-1/api:api UNKNOWN"), "{answer}");
    let text = answer.text("web-1/api:api", "text");
    assert!(text.contains("not done again"), "{answer}");
    // The one that was meant, which lost its parent, and its successor: neither was signalled.
    assert_eq!(kill(pid, None), Ok(()));
    fleet.host("web-1").daemon.wait_state("api", "RUNNING");
    assert_eq!(fleet.host("web-1").stamps().len(), 3);
}

#[test]
fn an_agent_that_is_told_to_end_during_a_start_brings_none_of_it_back() {
    // Many, so that some results are still on their way when the end comes.
    let names: Vec<String> = (10..50).map(|number| format!("p{number}")).collect();
    let listed: Vec<_> =
        names.iter().map(|name| (name.as_str(), "forever", "startsecs=20")).collect();
    let programs = programs(&listed);
    let mut fleet = Fleet::start(&[member("web-1", "", &programs)]);
    let start = fleet.meanwhile(&["start", "all"]);
    wait_stamps(fleet.host("web-1"), names.len());
    let agent = fleet.agent("web-1");
    agent.daemon.signal(Signal::SIGTERM);
    assert_eq!(agent.daemon.wait_end(), 0);
    let joined = agent.link.accepted();
    agent.daemon.start_again();
    wait_redialled(agent, joined);
    let answer = Answer::from(start.end());
    let superseded = answer.results().values().filter(|result| *result == "SUPERSEDED").count();
    assert_eq!(superseded, names.len(), "{answer}");
    assert_eq!(fleet.host("web-1").stamps().len(), names.len(), "something was started again");
}
