//! `start all` in waves over three hosts, and a group that spans two of them.

use std::time::Duration;

use integration::fleet::{Fleet, OPERATOR};
use integration::stamps::Stamp;

use super::{member, programs};

const HOSTS: [&str; 3] = ["db-1", "web-1", "web-2"];

/// From the slow program's stamp to its RUNNING: its `startsecs` are 3, and its stamp is a little
/// later than its spawning. Without a barrier the next wave would come two seconds sooner.
const SLOW_AT_LEAST: Duration = Duration::from_millis(1800);

const SHOP: &str = "[group:shop]\nprograms=api,front\npriority=500\n";

fn fleet() -> Fleet {
    let db = programs(&[("db", "forever", "priority=10")]);
    let quick = [("api", "forever", "priority=20"), ("front", "forever", "priority=30")];
    let slow = [("api", "forever", "priority=20\nstartsecs=3"), quick[1]];
    let (quick, slow) = (programs(&quick) + SHOP, programs(&slow) + SHOP);
    Fleet::start(&[
        member("db-1", "role=db", &db),
        member("web-1", "role=web", &quick),
        member("web-2", "role=web", &slow),
    ])
}

/// All stamps of the fleet so far, as host and stamp.
fn stamps(fleet: &Fleet) -> Vec<(&'static str, Stamp)> {
    let of = |name: &'static str| {
        let stamps = fleet.host(name).stamps();
        stamps.into_iter().map(move |stamp| (name, stamp))
    };
    HOSTS.into_iter().flat_map(of).collect()
}

/// The moments at which `note` started, on all hosts.
fn starts(fleet: &Fleet, note: &str) -> Vec<Duration> {
    let all = stamps(fleet).into_iter();
    all.filter(|(_, stamp)| stamp.note == note).map(|(_, stamp)| stamp.at).collect()
}

#[test]
fn a_wave_opens_when_the_earlier_one_has_its_results_on_all_hosts() {
    let fleet = fleet();
    a_dry_run_shows_the_waves_and_does_nothing(&fleet);
    the_first_start_goes_in_waves(&fleet);
    what_runs_is_not_started_again(&fleet);
    a_group_on_two_hosts_acts_as_one(&fleet);
    a_restart_gives_new_lives_and_only_where_asked(&fleet);
    stop_goes_the_other_way_round(&fleet);
    the_record_tells_all_of_it(&fleet);
}

fn a_dry_run_shows_the_waves_and_does_nothing(fleet: &Fleet) {
    let plan = fleet.operator(&["start", "--dry-run", "all"]);
    assert_eq!(
        plan.stdout,
        "wave 1 (group priority 10, priority 10): db-1/db\n\
         wave 2 (group priority 500, priority 20): web-1/shop:api web-2/shop:api\n\
         wave 3 (group priority 500, priority 30): web-1/shop:front web-2/shop:front\n\
         5 targets in 3 waves; it takes 5s at least; nothing was done\n",
        "{plan}"
    );
    assert_eq!(plan.code, 0);
    let status = fleet.ask(&["status"]);
    assert_eq!(
        status.states(),
        "db-1/db:db STOPPED, web-1/shop:api STOPPED, web-1/shop:front STOPPED, \
         web-2/shop:api STOPPED, web-2/shop:front STOPPED"
    );
    assert_eq!(status.code, 3);
    assert_eq!(stamps(fleet), []);
    assert_eq!(fleet.ask(&["operations"]).value.as_array().unwrap().len(), 0);
}

fn the_first_start_goes_in_waves(fleet: &Fleet) {
    let started = fleet.ask(&["start", "all"]);
    assert_eq!(
        started.summary(),
        "db-1/db:db OK, web-1/shop:api OK, web-1/shop:front OK, web-2/shop:api OK, \
         web-2/shop:front OK",
        "{started}"
    );
    assert_eq!(started.code, 0);
    let [db, api, front] = ["db", "api", "front"].map(|note| starts(fleet, note));
    assert_eq!((db.len(), api.len(), front.len()), (1, 2, 2));
    assert!(db.iter().max() < api.iter().min());
    // web-1's own api was up long before: its front has waited for the slow one on web-2.
    let slow = fleet.host("web-2").stamps_of("api")[0].at;
    let first = *front.iter().min().unwrap();
    assert!(first > slow + SLOW_AT_LEAST, "{slow:?}, {first:?}");
    let status = fleet.ask(&["status"]);
    assert_eq!(
        status.states(),
        "db-1/db:db RUNNING, web-1/shop:api RUNNING, web-1/shop:front RUNNING, \
         web-2/shop:api RUNNING, web-2/shop:front RUNNING"
    );
    assert_eq!(status.code, 0);
    for (host, stamp) in stamps(fleet) {
        let group = if host == "db-1" { "db" } else { "shop" };
        let row = status.of(&format!("{host}/{group}:{}", stamp.note)).clone();
        assert_eq!(row["pid"], stamp.pid, "{row}");
        let origin = row["origin"].as_str().unwrap();
        assert_eq!(origin, format!("fleet:{}", started.operation()));
    }
}

fn what_runs_is_not_started_again(fleet: &Fleet) {
    let again = fleet.ask(&["start", "all"]);
    assert_eq!(
        again.summary(),
        "db-1/db:db ALREADY, web-1/shop:api ALREADY, web-1/shop:front ALREADY, \
         web-2/shop:api ALREADY, web-2/shop:front ALREADY"
    );
    assert_eq!(again.code, 0);
    assert_eq!(stamps(fleet).len(), 5);
}

fn a_group_on_two_hosts_acts_as_one(fleet: &Fleet) {
    let stopped = fleet.ask(&["stop", "shop:*"]);
    assert_eq!(
        stopped.summary(),
        "web-1/shop:api OK, web-1/shop:front OK, web-2/shop:api OK, web-2/shop:front OK"
    );
    let status = fleet.ask(&["status"]);
    assert_eq!(
        status.states(),
        "db-1/db:db RUNNING, web-1/shop:api STOPPED, web-1/shop:front STOPPED, \
         web-2/shop:api STOPPED, web-2/shop:front STOPPED"
    );
    assert_eq!((stopped.code, status.code), (0, 3));
    let started = fleet.ask(&["start", "shop:*"]);
    assert_eq!(
        started.summary(),
        "web-1/shop:api OK, web-1/shop:front OK, web-2/shop:api OK, web-2/shop:front OK"
    );
    let (api, front) = (starts(fleet, "api"), starts(fleet, "front"));
    assert_eq!((api.len(), front.len()), (4, 4));
    assert!(api.iter().max() < front.iter().max());
    assert_eq!(fleet.ask(&["status"]).code, 0);
}

fn a_restart_gives_new_lives_and_only_where_asked(fleet: &Fleet) {
    let before = fleet.ask(&["status"]);
    let restarted = fleet.ask(&["restart", "web-[1-2]/shop:api"]);
    assert_eq!(restarted.summary(), "web-1/shop:api OK, web-2/shop:api OK");
    assert_eq!(restarted.code, 0);
    let after = fleet.ask(&["status"]);
    for (name, is_new) in [
        ("db-1/db:db", false),
        ("web-1/shop:front", false),
        ("web-1/shop:api", true),
        ("web-2/shop:api", true),
        ("web-2/shop:front", false),
    ] {
        let pids = (&before.of(name)["pid"], &after.of(name)["pid"]);
        assert_eq!(pids.0 != pids.1, is_new, "{name}: {pids:?}");
        assert_eq!(after.text(name, "state"), "RUNNING");
    }
}

fn stop_goes_the_other_way_round(fleet: &Fleet) {
    let stopped = fleet.ask(&["stop", "all"]);
    assert_eq!(stopped.code, 0, "{stopped}");
    let waves = [
        ("web-1/shop:front", 1),
        ("web-2/shop:front", 1),
        ("web-1/shop:api", 2),
        ("web-2/shop:api", 2),
        ("db-1/db:db", 3),
    ];
    for (name, wave) in waves {
        assert_eq!(stopped.of(name)["wave"], wave, "{name}: {stopped}");
    }
    let status = fleet.ask(&["status"]);
    let stopped_at = |name: &str| status.text(name, "stopped");
    for host in ["web-1", "web-2"] {
        let [front, api] = ["front", "api"].map(|name| stopped_at(&format!("{host}/shop:{name}")));
        assert!(!front.is_empty() && front <= api, "{status}");
        assert!(api <= stopped_at("db-1/db:db"), "{status}");
    }
}

fn the_record_tells_all_of_it(fleet: &Fleet) {
    let all = fleet.ask(&["operations"]);
    let verbs = all.value.as_array().unwrap().iter();
    let verbs: Vec<_> = verbs.map(|one| one["verb"].as_str().unwrap()).collect();
    assert_eq!(verbs, ["stop", "restart", "start", "stop", "start", "start"]);
    let id = all.value[0]["operation"].as_str().unwrap().to_owned();
    let one = fleet.ask(&["operation", &id]);
    assert_eq!((one.code, one.operation()), (0, id.clone()));
    assert_eq!(one.value["operator"], format!("spiffe://test/operator/{OPERATOR}"));
    let words = fleet.controller_words();
    let audit = words.lines().find(|line| line.contains(&id));
    let audit = audit.unwrap_or_else(|| panic!("no audit line:\n{words}"));
    for word in ["audit", OPERATOR, "127.0.0.1", "stop", "web-1/shop:api"] {
        assert!(audit.contains(word), "{word:?} is not in {audit}");
    }
}
