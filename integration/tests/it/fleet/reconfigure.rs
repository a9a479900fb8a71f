//! A deployment: new configurations, `reread`, `update`, and a reading that fails.

use integration::fleet::Fleet;

use super::{member, programs};

#[test]
fn reread_tells_what_is_new_and_update_applies_it() {
    let old = programs(&[("api", "forever", ""), ("old", "forever", "")]);
    let mut fleet = Fleet::start(&[member("web-1", "", &old), member("web-2", "", &old)]);
    let changed =
        programs(&[("api", "forever", "startsecs=0"), ("new", "forever", "autostart=true")]);
    for name in ["web-1", "web-2"] {
        let host = fleet.agent(name).daemon.host();
        let text = host.home().read("supervisord.conf");
        let (_, of_fleet) = text.split_once("[fleet]").unwrap();
        host.configure(&format!("{changed}\n[fleet]{of_fleet}"));
    }

    let reread = fleet.ask(&["reread"]);
    assert_eq!((reread.code, reread.summary().as_str()), (0, "web-1 OK, web-2 OK"), "{reread}");
    for name in ["web-1", "web-2"] {
        let row = reread.of(name);
        let found = [&row["added"], &row["changed"], &row["removed"]].map(ToString::to_string);
        assert_eq!(found, [r#"["new"]"#, r#"["api"]"#, r#"["old"]"#], "{reread}");
    }
    let told = fleet.operator(&["reread", "web-1"]).stdout;
    for phrase in ["added: new", "changed: api", "removed: old"] {
        assert!(told.contains(phrase), "{told}");
    }
    let before = "web-1/api:api STOPPED, web-1/old:old STOPPED, \
                  web-2/api:api STOPPED, web-2/old:old STOPPED";
    assert_eq!(fleet.ask(&["status"]).states(), before);

    let only_one = fleet.ask(&["update", "-H", "web-1"]);
    assert_eq!((only_one.code, only_one.summary().as_str()), (0, "web-1 OK"), "{only_one}");
    let after = "web-1/api:api STOPPED, web-1/new:new RUNNING, \
                 web-2/api:api STOPPED, web-2/old:old STOPPED";
    fleet.ask_until(&["status"], |status| status.states() == after);
    let one_group = fleet.ask(&["update", "web-2/new"]);
    assert_eq!(one_group.code, 0, "{one_group}");
    let after = "web-1/api:api STOPPED, web-1/new:new RUNNING, \
                 web-2/api:api STOPPED, web-2/new:new RUNNING, web-2/old:old STOPPED";
    fleet.ask_until(&["status"], |status| status.states() == after);

    a_configuration_that_cannot_be_read_fails_on_its_host_alone(&mut fleet);
}

fn a_configuration_that_cannot_be_read_fails_on_its_host_alone(fleet: &mut Fleet) {
    let host = fleet.agent("web-2").daemon.host();
    let text = host.home().read("supervisord.conf");
    host.configure(&text.replace("autostart=true", "autostart=perhaps"));
    let pid = fleet.ask(&["status"]).of("web-2/new:new")["pid"].clone();
    let update = fleet.ask(&["update"]);
    assert_eq!(
        (update.code, update.summary().as_str()),
        (10, "web-1 OK, web-2 FAILED"),
        "{update}"
    );
    // The place, the fault and what would be right.
    for told in ["supervisord.conf:", "perhaps", "write true"] {
        assert!(update.text("web-2", "text").contains(told), "{update}");
    }
    let status = fleet.ask(&["status", "web-2/new"]);
    assert_eq!(status.of("web-2/new:new")["pid"], pid, "{status}");
}
