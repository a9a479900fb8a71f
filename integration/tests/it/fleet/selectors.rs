//! Which hosts and processes a command means, and the exit codes for what it cannot mean.

use integration::fleet::Fleet;

use super::{member, programs};

/// So many hosts are started in each test of this file; more than the guard lets through.
const GUARD: &str = "guard_hosts = 2\n";

fn fleet() -> Fleet {
    let db = programs(&[("db", "catch:USR1=7 forever", "autorestart=false\nexitcodes=7")]);
    let web = programs(&[("api", "forever", ""), ("front", "forever", "")])
        + "[group:shop]\nprograms=api,front\n";
    Fleet::start_with(
        GUARD,
        &[
            member("db-1", "role=db,zone=a", &db),
            member("web-1", "role=web,zone=a", &web),
            member("web-2", "role=web,zone=b", &web),
        ],
    )
}

#[test]
fn a_selector_means_what_it_says() {
    let fleet = fleet();
    let (db, shop) = ("db-1/db:db", ["shop:api", "shop:front"]);
    let of = |host: &str| shop.map(|name| format!("{host}/{name}")).to_vec();
    let web = [of("web-1"), of("web-2")].concat();
    let table: &[(&[&str], Vec<String>)] = &[
        (&["all"], [vec![db.to_owned()], web.clone()].concat()),
        (&["shop:*"], web.clone()),
        (&["web-2/all"], of("web-2")),
        (&["web-2/shop:api"], vec!["web-2/shop:api".into()]),
        (&["web-*/shop:*"], web.clone()),
        (&["web-[1-2]/all"], web.clone()),
        (&["web-1,db-1/all"], [vec![db.to_owned()], of("web-1")].concat()),
        (&["-H", "web-1", "all"], of("web-1")),
        (&["-l", "role=db", "all"], vec![db.into()]),
        (&["-l", "role=web,zone=b", "all"], of("web-2")),
        (&["-H", "web-*", "-l", "zone=a", "all"], of("web-1")),
        (&["db-1/db", "web-1/shop:api"], vec![db.into(), "web-1/shop:api".into()]),
    ];
    for (words, expected) in table {
        let plan = fleet.ask(&[&["start", "--dry-run"], *words].concat());
        let waves = plan.value["waves"].as_array().unwrap_or_else(|| panic!("{words:?}: {plan}"));
        let targets = waves.iter().flat_map(|wave| wave["targets"].as_array().unwrap());
        let mut found: Vec<_> = targets.map(|name| full(name.as_str().unwrap())).collect();
        found.sort();
        assert_eq!(found, *expected, "{words:?}");
        let shown = fleet.ask(&[&["status"], *words].concat());
        let rows = shown.states();
        let seen: Vec<_> = rows.split(", ").map(|row| row.trim_end_matches(" STOPPED")).collect();
        assert_eq!(seen, *expected, "{words:?}");
        assert_eq!((plan.code, shown.code), (0, 3), "{words:?}");
    }
    what_cannot_be_meant_has_its_exit_code(&fleet);
    a_signal_reaches_the_one_that_is_meant(&fleet);
    hosts_tell_contact_and_certificate(&fleet);
}

/// `db-1/db` is short for `db-1/db:db`.
fn full(name: &str) -> String {
    match name.split_once('/') {
        Some((host, name)) if !name.contains(':') => format!("{host}/{name}:{name}"),
        _ => name.to_owned(),
    }
}

fn what_cannot_be_meant_has_its_exit_code(fleet: &Fleet) {
    let table: &[(&[&str], i32, &str)] = &[
        (&["start", "web-9/all"], 2, "no host is called web-9"),
        (&["start", "-H", "web-9", "all"], 2, "no host is called web-9"),
        (&["hosts", "web-9"], 2, "no host is called web-9"),
        (&["start", "nobody"], 2, "nobody: no such process or group"),
        (&["start", "mail-*/all"], 16, "matches nothing"),
        (&["start", "-l", "role=mail", "all"], 16, "matches nothing"),
        (&["start", "--allow-empty", "mail-*/all"], 0, ""),
        (&["start", "all"], 17, "--yes 3"),
        (&["start", "all", "--yes", "2"], 17, "--yes 3"),
        (&["start", "a,b&c/all"], 2, "two different operators"),
        (&["start"], 2, "TARGET"),
        (&["signal", "NOPE", "all"], 2, "not a valid signal"),
        (&["status", "web-9/all"], 4, "web-9"),
        (&["status", "nobody"], 4, "nobody"),
        (&["operation", "0"], 2, "0"),
    ];
    for (words, code, text) in table {
        let ran = fleet.operator(words);
        assert_eq!(ran.code, *code, "{words:?}\n{ran}");
        assert!(ran.stderr.contains(text), "{words:?}\n{ran}");
    }
    for host in ["db-1", "web-1", "web-2"] {
        assert_eq!(fleet.host(host).stamps(), [], "{host}");
    }
}

fn a_signal_reaches_the_one_that_is_meant(fleet: &Fleet) {
    let started = fleet.ask(&["start", "all", "--yes", "3"]);
    assert_eq!(started.code, 0, "{started}");
    let sent = fleet.ask(&["signal", "USR1", "-l", "role=db", "all"]);
    assert_eq!((sent.code, sent.summary().as_str()), (0, "db-1/db:db OK"), "{sent}");
    let status = fleet.ask_until(&["status"], |status| status.code == 3);
    assert_eq!(
        status.states(),
        "db-1/db:db EXITED, web-1/shop:api RUNNING, web-1/shop:front RUNNING, \
         web-2/shop:api RUNNING, web-2/shop:front RUNNING"
    );
    assert_eq!(status.of("db-1/db:db")["exitstatus"], 7, "{status}");
}

fn hosts_tell_contact_and_certificate(fleet: &Fleet) {
    let hosts = fleet.ask(&["hosts", "-l", "role=web"]);
    let rows = hosts.value.as_array().unwrap();
    assert_eq!(rows.len(), 2, "{hosts}");
    for (row, name) in rows.iter().zip(["web-1", "web-2"]) {
        assert_eq!((&row["host"], &row["state"]), (&name.into(), &"up".into()));
        assert_eq!((&row["running"], &row["processes"]), (&2.into(), &2.into()));
        assert_eq!(row["labels"]["role"], "web");
        // Both are written alike, so the order of the texts is the order of the moments.
        let [contact, ends] = ["last_contact", "certificate_ends"].map(|key| row[key].as_str());
        assert!(contact.is_some() && contact < ends, "{hosts}");
    }
    let table = fleet.operator(&["hosts", "web-1"]).stdout;
    let (head, row) = table.split_once('\n').unwrap();
    assert!(head.contains("CONTACT") && head.contains("CERTIFICATE"), "{table}");
    // The certificates of the tests are made for a day.
    assert!(row.contains(" ago") && row.contains("h59m left, RENEW"), "{table}");
}
