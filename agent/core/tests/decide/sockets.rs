//! The socket that FastCGI programs share: made before the first child, closed after the last.

use super::stage::{check, replay};

#[test]
fn the_first_child_makes_the_socket_and_the_last_one_closes_it() {
    check(
        "w 1 fastcgi: a; b autorestart=false",
        "
        0.0 started     -> running, w:a STARTING, open w, w:b STARTING
        0.1 opened w    -> spawn w:a, spawn w:b
        0.1 spawned w:a ->
        0.1 spawned w:b ->
        1.1 woke        -> w:a RUNNING, w:b RUNNING
        2.0 exit w:a 1  -> w:a EXITED, w:a STARTING, spawn w:a
        2.1 spawned w:a ->
        2.2 exit w:b 0  -> w:b EXITED
        2.3 1 stop w:a  -> w:a STOPPING, signal w:a SIGTERM
        2.4 exit w:a 0  -> w:a STOPPED, answer 1 done, close w
        ",
    );
}

#[test]
fn a_lone_child_that_ends_closes_it_before_the_next_opens_it() {
    check(
        "w 1 fastcgi: a autorestart=true startsecs=0",
        "
        0.0 started      -> running, w:a STARTING, open w
        0.1 opened w     -> spawn w:a
        0.1 spawned w:a  -> w:a RUNNING
        1.0 exit w:a 0   -> w:a EXITED, close w, w:a STARTING, open w
        1.1 opened w     -> spawn w:a
        1.2 spawned w:a  -> w:a RUNNING
        1.3 1F restart w:a -> w:a STOPPING, signal w:a SIGTERM
        1.4 exit w:a 0   -> w:a STOPPED, check w:a, close w
        1.4 checked 1 w:a -> w:a STARTING, open w
        ",
    );
}

#[test]
fn a_socket_that_cannot_be_made_is_a_spawn_error_of_all_who_wait() {
    replay(
        "w 1 fastcgi: a startretries=0; b",
        "
        0.0 started     -> running, w:a STARTING, log INFO Creating socket unix:///w, open w, w:b STARTING
        0.1 unopened w  -> log INFO spawnerr: in use, w:a BACKOFF, w:a FATAL, log INFO gave up: a entered FATAL state, too many start retries too quickly, log INFO spawnerr: in use, w:b BACKOFF
        1.1 woke        -> w:b STARTING, log INFO Creating socket unix:///w, open w
        1.2 opened w    -> spawn w:b
        1.3 unspawned w:b -> log INFO spawnerr: no such command, w:b BACKOFF, log INFO Closing socket unix:///w, close w
        ",
        true,
    );
}

#[test]
fn a_group_whose_socket_cannot_be_made_is_not_added() {
    check(
        "a 1: a autostart=false",
        "
        new: a 1: a autostart=false | w 2 fastcgi: w | v 3: v autostart=false
        1.0 1 reread       -> read
        1.0 read 1         -> answer 1 +[\"w\", \"v\"] ~[] -[]
        1.0 2 add w        -> prepare w
        1.1 unprepared 2 w -> answer 2 no: in use
        2.0 3 update       -> read
        2.0 read 3         -> prepare w, prepare v
        2.1 unprepared 3 w ->
        2.1 prepared 3 v   -> v ADDED, answer 3 no: in use
        3.0 4 add w        -> prepare w
        3.0 prepared 4 w   -> w ADDED, answer 4 done
        ",
    );
}

#[test]
fn who_is_stopped_while_the_socket_hangs_does_not_wait_for_it() {
    replay(
        "w 1 fastcgi: a stopwaitsecs=1; b stopwaitsecs=1",
        "
        0.0 started   -> running, w:a STARTING, log INFO Creating socket unix:///w, open w, w:b STARTING
        1.0 1 stop w:a ->
        2.0 woke      -> log INFO spawnerr: stopped before it could be started: a file system or name service that it needs hangs, w:a BACKOFF, log DEBG Attempted to kill a, which is in BACKOFF state., w:a STOPPED, answer 1 done
        3.0 2 stop w:b ->
        4.0 woke      -> log INFO spawnerr: stopped before it could be started: a file system or name service that it needs hangs, w:b BACKOFF, log DEBG Attempted to kill b, which is in BACKOFF state., w:b STOPPED, answer 2 done
        5.0 opened w  -> log INFO Closing socket unix:///w, close w
        ",
        true,
    );
}
