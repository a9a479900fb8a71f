//! Births that take long, since a file system or a name service hangs.

use super::stage::{check, replay};

#[test]
fn a_birth_that_hangs_is_mentioned_once() {
    replay(
        "a 1: a",
        "
        0.0 started   -> running, a STARTING, spawn a
        5.0 woke      -> log WARN starting a takes long: a file system or name service that it needs may hang; others start meanwhile
        9.0 woke      ->
        9.1 spawned a -> log INFO spawned: 'a' with pid 101
        10.1 woke     -> a RUNNING, log INFO success: a entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)
        ",
        true,
    );
}

#[test]
fn a_stop_waits_for_the_birth_as_long_as_for_an_end() {
    check(
        "g 1: a stopwaitsecs=3; b stopwaitsecs=0",
        "
        0.0 started     -> running, g:a STARTING, spawn g:a, g:b STARTING, spawn g:b
        0.1 1 stop g:a  ->
        0.1 2 stop g:b  ->
        1.0 woke        ->
        1.1 woke        -> cancel g:b
        1.2 spawned g:b -> g:b STOPPING, signal g:b SIGTERM
        1.3 exit g:b 0  -> g:b STOPPED, answer 2 done
        3.1 woke        -> cancel g:a
        3.1 unspawned g:a -> g:a BACKOFF, g:a STOPPED, answer 1 done
        ",
    );
}

#[test]
fn a_shutdown_does_not_wait_for_a_birth_that_hangs() {
    check(
        "a 1: a stopwaitsecs=3",
        "
        0.0 started      -> running, a STARTING, spawn a
        1.0 1 shutdown   -> answer 1 done, stopping
        4.0 woke         -> cancel a
        4.0 unspawned a  -> a BACKOFF, a STOPPED, finish exit
        ",
    );
}
