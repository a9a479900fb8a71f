//! A whole host, told as transcripts: what was asked or happened, and what came of it.
//! How they are written: `stage.rs`.

use agent_core::Saved;
use agent_core::input::Input;
use proto_words::Now;

use super::stage::{check, replay};

#[test]
fn autostart_goes_by_group_priority_then_the_groups_own_order() {
    check(
        "late 20: c; b priority=1\nearly 10: a; off autostart=false",
        "
        0.0 started -> running, early:a STARTING, spawn early:a, late:c STARTING, spawn late:c, late:b STARTING, spawn late:b
        ",
    );
}

#[test]
fn a_start_looks_at_the_command_first_and_is_answered_when_running() {
    check(
        "a 1: a autostart=false",
        "
        0.0 started       -> running
        0.1 1 start a     -> check a
        0.1 unchecked 1 a -> answer 1 no: can't find command 'a'
        0.2 1 start a     -> check a
        0.2 checked 1 a   -> a STARTING, spawn a
        0.3 spawned a     ->
        0.4 2 start a     -> check a
        0.4 checked 2 a   -> answer 2 no: a is running already
        1.3 woke          -> a RUNNING, answer 1 done
        ",
    );
}

#[test]
fn a_start_without_wait_is_answered_when_the_child_exists() {
    check(
        "a 1: a autostart=false",
        "
        0.0 started          -> running
        0.1 1 start a nowait -> check a
        0.1 checked 1 a      -> a STARTING, spawn a
        0.3 spawned a        -> answer 1 done
        0.4 exit a 1         -> a BACKOFF
        0.5 2 stop a         -> a STOPPED, answer 2 done
        0.6 3 start a nowait -> check a
        0.6 checked 3 a      -> a STARTING, spawn a
        0.7 unspawned a      -> a BACKOFF, answer 3 no: a: no such command
        ",
    );
}

#[test]
fn a_start_that_fails_is_answered_at_its_first_backoff() {
    check(
        "a 1: a autostart=false startretries=0",
        "
        0.0 started     -> running
        0.1 1 start a   -> check a
        0.1 checked 1 a -> a STARTING, spawn a
        0.3 spawned a   ->
        0.4 exit a 0    -> a BACKOFF, answer 1 no: a: Exited too quickly (process log may have details), a FATAL
        ",
    );
}

#[test]
fn names_that_name_nothing_are_refused_as_given() {
    check(
        "g 1: a",
        "
        0.1 1 start zz     -> answer 1 no: no such process or group: zz
        0.1 2 start a      -> answer 2 no: no such process or group: a
        0.1 3 start zz:*   -> answer 3 no: no such process or group: zz
        0.1 4 info g:*     -> answer 4 no: no such process or group: g:*
        0.1 5 info g:a     -> answer 5 STOPPED
        0.1 6 clear zz     -> answer 6 no: no such process or group: zz
        0.1 7 clear g:a    -> answer 7 done
        0.1 8 stdin g:a    -> answer 8 no: g:a is not running
        0.1 9 signal g:a   -> answer 9 no: g:a is not running
        0.1 10 stop g:a    -> answer 10 no: g:a is not running
        0.1 11 restart g:z -> answer 11 no: no such process or group: g:z
        ",
    );
}

#[test]
fn a_group_is_started_and_stopped_as_one_and_leaves_out_what_is_there() {
    check(
        "g 1: a priority=2; b priority=1; c autostart=false",
        "
        0.0 started       -> running, g:a STARTING, spawn g:a, g:b STARTING, spawn g:b
        0.0 spawned g:a   ->
        0.0 spawned g:b   ->
        1.0 woke          -> g:a RUNNING, g:b RUNNING
        2.0 1 start g:*   -> check g:c
        2.0 checked 1 g:c -> g:c STARTING, spawn g:c
        2.0 2 stop g:     -> g:b STOPPING, signal g:b SIGTERM, g:a STOPPING, signal g:a SIGTERM, answer 1 [c: g:c: a newer command has overtaken this one]
        2.1 exit g:a 0    -> g:a STOPPED
        2.2 spawned g:c   -> g:c STOPPING, signal g:c SIGTERM
        2.3 exit g:c 0    -> g:c STOPPED
        2.4 exit g:b 0    -> g:b STOPPED, answer 2 [b; a; c]
        2.5 3 stop g:*    -> answer 3 []
        ",
    );
}

#[test]
fn results_of_one_second_are_told_in_the_order_of_their_targets() {
    check(
        "g 1: a; b; c",
        "
        0.0 started     -> running, g:a STARTING, spawn g:a, g:b STARTING, spawn g:b, g:c STARTING, spawn g:c
        0.0 spawned g:a ->
        0.0 spawned g:b ->
        0.0 spawned g:c ->
        1.0 woke        -> g:a RUNNING, g:b RUNNING, g:c RUNNING
        2.0 1 stop all  -> g:a STOPPING, signal g:a SIGTERM, g:b STOPPING, signal g:b SIGTERM, g:c STOPPING, signal g:c SIGTERM
        2.8 exit g:c 0  -> g:c STOPPED
        2.9 exit g:b 0  -> g:b STOPPED
        3.1 exit g:a 0  -> g:a STOPPED, answer 1 [b; c; a]
        ",
    );
}

#[test]
fn a_local_client_that_stops_what_stops_is_refused_and_the_fleet_waits_for_the_goal() {
    check(
        "a 1: a",
        "
        0.0 started    -> running, a STARTING, spawn a
        0.0 spawned a  ->
        1.0 woke       -> a RUNNING
        2.0 1 stop a   -> a STOPPING, signal a SIGTERM
        2.1 2 stop a   -> answer 2 no: a is not running
        2.1 3F stop a  ->
        2.2 exit a 0   -> a STOPPED, answer 1 done, answer 3 done
        2.3 4F stop a  -> answer 4 no: a is not running
        ",
    );
}

#[test]
fn a_start_of_what_stops_fails_when_it_waits_and_does_nothing_when_not() {
    check(
        "a 1: a",
        "
        0.0 started          -> running, a STARTING, spawn a
        0.0 spawned a        ->
        1.0 woke             -> a RUNNING
        2.0 1 stop a nowait  -> a STOPPING, signal a SIGTERM, answer 1 done
        2.1 2 start a        -> check a
        2.1 checked 2 a      -> answer 2 no: a did not reach RUNNING
        2.1 3 start a nowait -> check a
        2.1 checked 3 a      -> answer 3 done
        ",
    );
}

#[test]
fn a_start_by_the_fleet_of_what_stops_waits_until_it_is_gone_and_brings_it_up() {
    check(
        "a 1: a",
        "
        0.0 started      -> running, a STARTING, spawn a
        0.0 spawned a    ->
        1.0 woke         -> a RUNNING
        2.0 1F stop a    -> a STOPPING, signal a SIGTERM
        2.1 2F start a   -> check a
        2.1 checked 2 a  ->
        2.2 exit a 0     -> a STOPPED, answer 1 done, check a
        2.2 checked 2 a  -> a STARTING, spawn a
        2.3 spawned a    ->
        3.3 woke         -> a RUNNING, answer 2 done
        ",
    );
}

#[test]
fn a_restart_stops_and_starts_and_names_the_life_that_it_replaces() {
    check(
        "a 1: a",
        "
        0.0 started       -> running, a STARTING, spawn a
        0.0 spawned a     ->
        1.0 woke          -> a RUNNING
        2.0 1F restart a 1 -> a STOPPING, signal a SIGTERM
        2.1 exit a 0      -> a STOPPED, check a
        2.1 checked 1 a   -> a STARTING, spawn a
        2.2 spawned a     ->
        3.2 woke          -> a RUNNING, answer 1 done
        4.0 2F restart a 1 -> answer 2 no: a is running already
        4.0 3F restart a 2 -> a STOPPING, signal a SIGTERM
        4.1 4 stop a      -> answer 3 no: a: a newer command has overtaken this one, answer 4 no: a is not running
        4.2 exit a 0      -> a STOPPED
        5.0 5F restart a  -> check a
        5.0 checked 5 a   -> a STARTING, spawn a
        ",
    );
}

#[test]
fn a_signal_is_answered_by_what_the_kernel_says() {
    check(
        "a 1: a",
        "
        0.0 started    -> running, a STARTING, spawn a
        0.0 spawned a  ->
        0.1 1 signal a -> signal a SIGTERM
        0.1 sent 1 a   -> answer 1 done
        0.2 2 signal all -> signal a SIGTERM
        0.2 sent 2 a   -> answer 2 [a]
        0.3 3 signal a -> signal a SIGTERM
        0.3 eperm 3 a  -> a UNKNOWN, answer 3 no: unknown problem sending sig a (101):[Errno 1]
        0.4 4 start a  -> check a
        0.4 checked 4 a -> answer 4 no: a is in an unknown process state
        0.5 exit a 0   -> a STOPPED
        ",
    );
}

#[test]
fn whoever_waits_for_a_stop_that_cannot_be_signalled_is_told_why() {
    check(
        "a 1: a startsecs=0",
        "
        0.0 started    -> running, a STARTING, spawn a
        0.0 spawned a  -> a RUNNING
        0.1 1 stop a   -> a STOPPING, signal a SIGTERM
        0.1 2 restart a -> 
        0.1 eperm 0 a  -> a UNKNOWN, answer 1 no: unknown problem killing a (101):[Errno 1], answer 2 no: unknown problem killing a (101):[Errno 1]
        ",
    );
}

#[test]
fn a_start_that_is_looked_at_when_a_shutdown_begins_comes_too_late() {
    check(
        "a 2: a startsecs=0\nb 1: b autostart=false",
        "
        0.0 started     -> running, a STARTING, spawn a
        0.0 spawned a   -> a RUNNING
        0.1 1 start b   -> check b
        0.2 2 shutdown  -> answer 2 done, stopping, a STOPPING, signal a SIGTERM
        0.3 checked 1 b -> answer 1 no: the host is shutting down
        0.4 exit a 0    -> a STOPPED, finish exit
        ",
    );
}

#[test]
fn a_reread_tells_and_an_update_does() {
    check(
        "gone 1: x\nkept 1: k\nother 1: o",
        "
        0.0 started      -> running, gone:x STARTING, spawn gone:x, kept:k STARTING, spawn kept:k, other:o STARTING, spawn other:o
        0.0 spawned gone:x  ->
        0.0 spawned kept:k  ->
        0.0 spawned other:o ->
        1.0 woke         -> gone:x RUNNING, kept:k RUNNING, other:o RUNNING
        2.0 1 reread     -> read
        2.0 unread 1     -> answer 1 no: no section headers
        new: kept 1: k | other 1: o startsecs=7 | new 1: n
        2.1 1 reread     -> read
        2.1 read 1       -> answer 1 +[\"new\"] ~[\"other\"] -[\"gone\"]
        2.2 2 update     -> read
        2.2 read 2       -> gone:x STOPPING, signal gone:x SIGTERM, other:o STOPPING, signal other:o SIGTERM
        2.3 exit other:o 0 -> other:o STOPPED
        2.4 exit gone:x 0  -> gone:x STOPPED, gone REMOVED, other REMOVED, prepare other, prepare new
        2.5 prepared 2 other -> other ADDED, other:o STARTING, spawn other:o
        2.5 prepared 2 new -> new ADDED, new:n STARTING, spawn new:n, answer 2 +[\"new\"] ~[\"other\"] -[\"gone\"]
        2.6 3 update     -> read
        2.6 read 3       -> answer 3 +[] ~[] -[]
        ",
    );
}

#[test]
fn groups_are_added_and_removed_one_by_one() {
    check(
        "a 1: a",
        "
        0.0 started      -> running, a STARTING, spawn a
        0.0 1 remove a   -> answer 1 no: group a still runs
        0.0 2 remove zz  -> answer 2 no: no such process or group: zz
        0.0 3 add a      -> answer 3 no: group a is active already
        0.0 4 add b      -> answer 4 no: no such process or group: b
        new: a 1: a | b 1: b
        0.1 5 reread     -> read
        0.1 read 5       -> answer 5 +[\"b\"] ~[] -[]
        0.1 6 add b      -> prepare b
        0.1 prepared 6 b -> b ADDED, b STARTING, spawn b, answer 6 done
        0.2 unspawned b  -> b BACKOFF
        0.2 7 stop b     -> b STOPPED, answer 7 done
        0.2 8 remove b   -> b REMOVED, answer 8 done
        ",
    );
}

#[test]
fn shutdown_goes_group_by_group_from_the_highest_number_and_backoff_becomes_fatal() {
    check(
        "a 1: a\nb 2: b1 priority=1; b2 priority=2; idle autostart=false\nc 2: c",
        "
        0.0 started      -> running, a STARTING, spawn a, b:b1 STARTING, spawn b:b1, b:b2 STARTING, spawn b:b2, c STARTING, spawn c
        0.0 spawned a    ->
        0.0 spawned b:b1 ->
        0.0 spawned b:b2 ->
        0.0 unspawned c  -> c BACKOFF
        0.5 1 stop a     -> a STOPPING, signal a SIGTERM
        0.6 2 shutdown   -> answer 2 done, stopping, c FATAL, b:b2 STOPPING, signal b:b2 SIGTERM, b:b1 STOPPING, signal b:b1 SIGTERM
        0.6 3 state      -> answer 3 SHUTDOWN
        0.6 4 start c    -> answer 4 no: the host is shutting down
        0.7 exit b:b1 0  -> b:b1 STOPPED
        0.8 exit b:b2 0  -> b:b2 STOPPED
        0.9 exit a 0     -> a STOPPED, answer 1 done, finish exit
        ",
    );
}

#[test]
fn groups_with_nothing_to_stop_do_not_delay_the_next() {
    check(
        "a 1: a\nidle 2: x autostart=false\nidler 3: y autostart=false\nb 4: b\nc 5: z autostart=false",
        "
        0.0 started    -> running, a STARTING, spawn a, b STARTING, spawn b
        0.0 spawned a  ->
        0.0 spawned b  ->
        0.6 1 shutdown -> answer 1 done, stopping, b STOPPING, signal b SIGTERM
        0.7 exit b 0   -> b STOPPED, a STOPPING, signal a SIGTERM
        0.8 exit a 0   -> a STOPPED, finish exit
        ",
    );
}

#[test]
fn the_log_tells_who_is_waited_for_every_three_seconds() {
    replay(
        "a 1: a",
        "
        0.0 started        -> running, a STARTING, spawn a
        0.0 spawned a      -> log INFO spawned: 'a' with pid 101
        0.5 signalled TERM -> log WARN received SIGTERM indicating exit request, stopping, log DEBG killing a (pid 101) with signal SIGTERM, a STOPPING, signal a SIGTERM, log INFO waiting for a to die, log BLAT a state: STOPPING
        1.0 signalled INT  -> log WARN received SIGINT indicating exit request
        1.1 signalled HUP  -> log WARN ignored SIGHUP indicating restart request (shutdown in progress)
        3.5 woke           -> log INFO waiting for a to die, log BLAT a state: STOPPING
        3.6 exit a 0       -> a STOPPED, log INFO stopped: a (exit status 0), log DEBG received SIGCHLD indicating a child quit, finish exit
        ",
        true,
    );
}

#[test]
fn a_local_stop_is_mentioned_at_once_and_every_two_seconds() {
    replay(
        "a 1: a",
        "
        0.0 started   -> running, a STARTING, spawn a
        0.0 spawned a -> log INFO spawned: 'a' with pid 101
        0.5 1 stop a  -> log DEBG killing a (pid 101) with signal SIGTERM, a STOPPING, signal a SIGTERM, log INFO waiting for a to stop
        0.7 2F stop a ->
        2.5 woke      -> log INFO waiting for a to stop
        2.6 exit a 0  -> a STOPPED, answer 1 done, answer 2 done, log INFO stopped: a (exit status 0), log DEBG received SIGCHLD indicating a child quit
        4.5 woke      ->
        ",
        true,
    );
}

#[test]
fn hup_looks_at_the_configuration_before_it_stops_anything() {
    replay(
        "a 1: a",
        "
        0.0 started        -> running, a STARTING, spawn a
        0.0 spawned a      -> log INFO spawned: 'a' with pid 101
        1.0 woke           -> a RUNNING, log INFO success: a entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
        2.0 signalled HUP  -> log WARN received SIGHUP indicating restart request, read-to-restart
        2.0 unread 0       -> log ERRO not restarted, everything goes on: conf:1: no section headers; begin with [supervisord]; correct it, look with fleetvisord check FILE, and send SIGHUP again
        3.0 signalled HUP  -> log WARN received SIGHUP indicating restart request, read-to-restart
        3.0 read 0         -> stopping, log DEBG killing a (pid 101) with signal SIGTERM, a STOPPING, signal a SIGTERM, log INFO waiting for a to die, log BLAT a state: STOPPING
        3.1 signalled TERM -> log WARN received SIGTERM indicating exit request
        3.2 exit a 0       -> a STOPPED, log INFO stopped: a (exit status 0), log DEBG received SIGCHLD indicating a child quit, finish exit
        ",
        true,
    );
    check(
        "a 1: a autostart=false",
        "0.0 started -> running\n1.0 1 reload -> read-to-restart\n1.0 read 1 -> answer 1 done, stopping, finish restart",
    );
    check(
        "a 1: a autostart=false",
        "0.0 started -> running\n1.0 1 reload -> read-to-restart\n1.0 unread 1 -> answer 1 no: no section headers",
    );
}

#[test]
fn usr2_reopens_the_logs() {
    check("a 1: a", "0.0 signalled USR2 -> reopen");
}

#[test]
fn whoever_still_waits_at_the_end_is_told() {
    check(
        "a 1: a autostart=false",
        "
        0.0 started   -> running
        0.1 1 start a -> check a
        0.1 2 shutdown -> answer 2 done, stopping, answer 1 no: a: a newer command has overtaken this one, finish exit
        ",
    );
}

#[test]
fn nothing_is_activated_on_the_way_down() {
    check(
        "a 1: a\nb 2: b",
        "
        0.0 started      -> running, a STARTING, spawn a, b STARTING, spawn b
        0.0 spawned a    ->
        0.0 spawned b    ->
        new: a 1: a | b 2: b startsecs=7 | n 3: n
        0.1 1 reread     -> read
        0.1 read 1       -> answer 1 +[\"n\"] ~[\"b\"] -[]
        0.1 2 add n      -> prepare n
        0.2 3 update     -> read
        0.2 read 3       -> b STOPPING, signal b SIGTERM
        0.2 4 reread     -> read
        0.3 5 shutdown   -> answer 5 done, stopping
        0.4 prepared 2 n -> answer 2 no: the host is shutting down
        0.4 read 4       -> answer 4 no: the host is shutting down
        0.5 exit b 0     -> b STOPPED, a STOPPING, signal a SIGTERM
        0.6 exit a 0     -> a STOPPED, answer 3 no: the host is shutting down, finish exit
        ",
    );
}

#[test]
fn a_shutdown_after_the_last_moment_of_a_restart_is_still_a_shutdown() {
    check(
        "a 1: a autostart=false",
        "
        0.0 started        -> running
        0.1 1 reload       -> read-to-restart
        0.1 read 1         -> answer 1 done, stopping, finish restart
        0.1 signalled TERM -> finish exit
        0.1 signalled HUP  ->
        ",
    );
}

#[test]
fn the_whole_state_can_be_written_out_and_read_back() {
    let host = check(
        "a 1: a\nb 2: b1; b2 autostart=false",
        "
        0.0 started      -> running, a STARTING, spawn a, b:b1 STARTING, spawn b:b1
        0.0 spawned a    ->
        0.0 unspawned b:b1 -> b:b1 BACKOFF
        0.5 1 stop a     -> a STOPPING, signal a SIGTERM
        0.5 2 start b:b2 -> check b:b2
        ",
    );
    let saved = serde_json::to_string(&Saved::V1(Box::new(host.core.clone()))).expect("written");
    assert!(saved.starts_with("{\"V1\":"), "the version stands first");
    let Saved::V1(mut back) = serde_json::from_str(&saved).expect("read back");
    assert_eq!(*back, host.core);
    let now = Now { mono_ns: 1_000_000_000, wall_ms: 1000 };
    let mut original = host.core;
    assert_eq!(back.on_input(now, Input::Woke), original.on_input(now, Input::Woke));
    assert_eq!(back.next_deadline(), original.next_deadline());
}
