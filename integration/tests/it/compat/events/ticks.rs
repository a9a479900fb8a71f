//! Ticks: the beginnings of slices of time, by a clock of the wall that goes where the test wants it.

use integration::ears::{Heard, wait_heard};
use integration::facts::shown;
use integration::subject::{Daemon, Host, Subject};
use integration::wait;
use integration::wall_clock::WallClock;

for_each_subject![slices_of_time_are_told_as_they_begin];

const HOUR: i64 = 3600;

const TICKS: &str = "{head}
[eventlistener:all]
command={child} serve:{dir}/all
events=TICK
buffer_size=100
startsecs=0
priority=-3
[eventlistener:minutes]
command={child} serve:{dir}/minutes
events=tick_60
startsecs=0
priority=-2
";

fn slices_of_time_are_told_as_they_begin(subject: Subject) {
    let mut host = Host::new(subject, TICKS);
    let clock = WallClock::of(&mut host);
    // Just after the beginning of an hour of another day: no slice begins at the start.
    let start = 400_000 * HOUR;
    let set = |secs: i64| {
        let real = i64::try_from(wait::wall().as_secs()).expect("a time of this age");
        #[expect(clippy::cast_precision_loss, reason = "small beside what a float holds")]
        clock.goes_wrong_by((secs - real) as f64);
    };
    set(start + 2);
    let daemon = Daemon::start_on(host);
    daemon.wait_state("minutes", "RUNNING");
    let first = wait_heard(&daemon, "all", "the first tick", |heard| !heard.is_empty());
    assert_eq!(first[0].name(), "TICK_5", "{first:?}");
    assert!(when(&first[0]) > start, "a tick of a slice that had begun: {first:?}");
    shown(subject, &["TCK-02"]);

    // The next hour is four seconds away; whatever was missed until then is one tick.
    let next = start + 3 * HOUR;
    set(next - 4);
    let known = first.len();
    look(&daemon);
    let heard = wait_heard(&daemon, "all", "the hour", |heard| {
        heard.iter().any(|event| event.name() == "TICK_3600" && when(event) == next)
    });
    let news: Vec<(&str, i64)> =
        heard[known..].iter().map(|event| (event.name(), when(event))).collect();
    // A tick may have come between the look at the notes and the setting of the clock.
    let news: Vec<_> = news.into_iter().filter(|(_, when)| *when > start + HOUR).collect();
    let wanted = [
        ("TICK_5", next - 5),
        ("TICK_60", next - 60),
        ("TICK_3600", next - HOUR),
        ("TICK_5", next),
        ("TICK_60", next),
        ("TICK_3600", next),
    ];
    assert_eq!(news[..wanted.len()], wanted);
    for event in &heard {
        assert_eq!(event.payload, format!("when:{}", when(event)));
    }
    shown(subject, &["TCK-01", "E-18", "E-19", "E-30"]);

    // A clock that is set back begins one slice, too.
    let known = heard.len();
    set(start + 1);
    look(&daemon);
    let heard = wait_heard(&daemon, "all", "the clock set back", |heard| {
        heard.iter().skip(known).filter(|event| when(event) <= start).count() == 3
    });
    let news: Vec<_> = heard[known..]
        .iter()
        .map(|event| (event.name(), when(event)))
        .filter(|(_, when)| *when <= start)
        .collect();
    assert_eq!(news, [("TICK_5", start), ("TICK_60", start), ("TICK_3600", start)]);
    shown(subject, &["TCK-03"]);
    let minutes = wait_heard(&daemon, "minutes", "three minutes", |heard| heard.len() == 3);
    let minutes: Vec<_> = minutes.iter().map(|event| (event.name(), when(event))).collect();
    assert_eq!(minutes, [("TICK_60", next - 60), ("TICK_60", next), ("TICK_60", start)]);
}

/// Whoever is asked something looks at the clock.
fn look(daemon: &Daemon) {
    daemon.door().call("supervisor.getState", &[]).expect("an answer");
}

fn when(event: &Heard) -> i64 {
    event.of_payload("when").parse().unwrap_or_else(|_| panic!("no time: {event:?}"))
}
