//! The pages say what is true: every command that a reader may type is run, and must end and print
//! as its page has it; the examples are configurations for the original, too.

mod markdown;
mod stage;

use std::collections::BTreeSet;

use integration::places;
use integration::subject::{Daemon, Subject};

use stage::{HOSTS, Stage};

/// Runs the commands of a page in their order, on a fresh fleet in which nothing runs.
fn check(page: &str) {
    let text = std::fs::read_to_string(places::repository().join(page))
        .unwrap_or_else(|error| panic!("{page}: {error}"));
    let commands = markdown::commands(&text).unwrap_or_else(|why| panic!("{page}, {why}"));
    if commands.is_empty() {
        return;
    }
    let mut stage = Stage::new();
    for command in &commands {
        if let Err(why) = stage.check(command) {
            panic!("{page}:{}: `{}`: {why}", command.line, command.text);
        }
    }
}

macro_rules! pages {
    ($($name:ident: $page:literal),* $(,)?) => {
        const PAGES: &[&str] = &[$($page),*];
        $(#[test] fn $name() { check($page); })*
    };
}

pages! {
    readme: "README.md",
    certs_dev: "certs-dev/README.md",
    getting_started: "docs/getting-started.md",
    fleet: "docs/FLEET.md",
    check_verb: "docs/verbs/check.md",
    companions: "docs/verbs/companions.md",
    one_host: "docs/verbs/one-host.md",
    hosts: "docs/verbs/hosts.md",
    status: "docs/verbs/status.md",
    start: "docs/verbs/start.md",
    stop: "docs/verbs/stop.md",
    restart: "docs/verbs/restart.md",
    signal: "docs/verbs/signal.md",
    reread: "docs/verbs/reread.md",
    update: "docs/verbs/update.md",
    events: "docs/verbs/events.md",
    operations: "docs/verbs/operations.md",
}

#[test]
fn no_page_of_a_verb_is_left_out() {
    let directory = std::fs::read_dir(places::repository().join("docs/verbs"))
        .expect("the verbs have their pages");
    let there: BTreeSet<_> = directory
        .flatten()
        .map(|entry| format!("docs/verbs/{}", entry.file_name().display()))
        .collect();
    let tested = PAGES.iter().filter(|page| page.starts_with("docs/verbs/"));
    assert_eq!(there, tested.map(|page| (*page).to_owned()).collect());
}

#[test]
fn links_lead_somewhere() {
    for page in PAGES {
        let path = places::repository().join(page);
        let text = std::fs::read_to_string(&path).expect("a page that is tested is there");
        for link in markdown::links(&text) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let beside = path.parent().expect("a page lies in a directory");
            let target = if file.is_empty() { path.clone() } else { beside.join(file) };
            assert!(target.exists(), "{page}: {link} leads nowhere");
            let has_heading = || {
                let there = std::fs::read_to_string(&target).unwrap_or_default();
                markdown::has_heading(&there, heading)
            };
            assert!(
                heading.is_empty() || has_heading(),
                "{page}: {link}: there is no such heading"
            );
        }
    }
}

#[test]
fn the_examples_are_the_same_to_both() {
    for host in HOSTS {
        let text = stage::for_the_harness(&stage::example(host));
        let known = |subject| {
            let daemon = Daemon::start(subject, &text);
            let ran = daemon.ctl(&["avail"]);
            assert_eq!(ran.code, 0, "{host}: {ran}");
            ran.stdout
        };
        let original = known(Subject::Original);
        assert!(original.contains("20:999") || original.contains("10:10"), "{original}");
        assert_eq!(original, known(Subject::Ours), "{host}");
    }
}
