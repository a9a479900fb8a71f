//! A host with event listeners, told as transcripts. `send L S/P TYPE [text]` is the event with the
//! serial S and the pool serial P for the listener L.

use agent_core::Saved;
use agent_core::input::Input;
use proto_words::Now;

use super::stage::{check, replay};

#[test]
fn a_pool_hears_of_its_own_group_and_of_everything_after_it_in_order() {
    check(
        "ears -1 10 EVENT: l\nshop 2: a autostart=false",
        "
        0.0 started     -> running, ears:l STARTING, spawn ears:l
        0.0 spawned ears:l ->
        0.1 ready ears:l   ->
        1.0 woke           -> ears:l RUNNING, send ears:l 0/0 PROCESS_GROUP_ADDED [groupname:ears]
        1.0 written ears:l 0 ->
        1.1 ok ears:l      ->
        1.1 ready ears:l   -> send ears:l 1/1 PROCESS_GROUP_ADDED [groupname:shop]
        1.1 ok ears:l      ->
        1.1 ready ears:l   -> send ears:l 2/2 SUPERVISOR_STATE_CHANGE_RUNNING []
        1.1 ok ears:l      ->
        1.1 ready ears:l   -> send ears:l 3/3 PROCESS_STATE_STARTING [processname:l groupname:ears from_state:STOPPED tries:0]
        1.1 ok ears:l      ->
        1.1 ready ears:l   -> send ears:l 4/4 PROCESS_STATE_RUNNING [processname:l groupname:ears from_state:STARTING pid:101]
        ",
    );
}

#[test]
fn events_are_numbered_for_all_and_for_each_pool_and_only_when_somebody_listens() {
    check(
        "all -1 10 PROCESS_STATE,REMOTE_COMMUNICATION: l startsecs=0\n\
         some -1 10 REMOTE_COMMUNICATION,REMOTE_COMMUNICATION: m startsecs=0\n\
         shop 2: a autostart=false",
        "
        0.0 started        -> running, all:l STARTING, spawn all:l, some:m STARTING, spawn some:m
        0.0 spawned all:l  -> all:l RUNNING
        0.0 spawned some:m -> some:m RUNNING
        0.1 ready some:m   ->
        0.1 1 event x hi   -> remote x, answer 1 done, send some:m 4/0 REMOTE_COMMUNICATION [type:x|hi]
        0.2 ok some:m      ->
        0.2 ready some:m   ->
        0.2 2 add nothing  -> answer 2 no: no such process or group: nothing
        0.3 3 remove shop  -> shop REMOVED, answer 3 done
        0.3 4 event y ho   -> remote y, answer 4 done, send some:m 5/1 REMOTE_COMMUNICATION [type:y|ho]
        0.4 ready all:l    -> send all:l 0/0 PROCESS_STATE_STARTING [processname:l groupname:all from_state:STOPPED tries:0]
        ",
    );
}

#[test]
fn a_rejection_is_the_business_of_its_own_pool() {
    check(
        "one -1 10 REMOTE_COMMUNICATION: l startsecs=0\ntwo -1 10 TICK_60: m startsecs=0",
        "
        0.0 started       -> running, one:l STARTING, spawn one:l, two:m STARTING, spawn two:m
        0.0 spawned one:l -> one:l RUNNING
        0.0 spawned two:m -> two:m RUNNING
        0.1 ready one:l   ->
        0.1 ready two:m   ->
        0.2 1 event x hi  -> remote x, answer 1 done, send one:l 0/0 REMOTE_COMMUNICATION [type:x|hi]
        0.3 fail one:l    ->
        0.4 ready one:l   -> send one:l 0/0 REMOTE_COMMUNICATION [type:x|hi]
        ",
    );
}

#[test]
fn what_a_dying_listener_had_comes_before_its_next_life() {
    replay(
        "ears -1 2 EVENT: l startsecs=0",
        "
        0.0 started          -> running, log ERRO pool ears event buffer overflowed, discarding event 0, ears:l STARTING, spawn ears:l
        0.0 spawned ears:l   -> log INFO spawned: 'l' with pid 101, log ERRO pool ears event buffer overflowed, discarding event 1, ears:l RUNNING, log INFO success: l entered RUNNING state, process has stayed up for > than 0 seconds (startsecs)
        0.1 ready ears:l     -> log DEBG l: ACKNOWLEDGED -> READY, send ears:l 2/2 PROCESS_STATE_STARTING [processname:l groupname:ears from_state:STOPPED tries:0], log DEBG rebuffering event 3 for pool ears (buf size=0, max=2)
        0.1 written ears:l 2 -> log DEBG event 2 sent to listener l
        0.2 1 event x hi     -> remote x, answer 1 done
        0.3 exit ears:l 7    -> log ERRO pool ears event buffer overflowed, discarding event 3, ears:l EXITED, log DEBG rebuffering event 2 for pool ears (buf size=2, max=2), log ERRO pool ears event buffer overflowed, discarding event 4, log WARN exited: l (exit status 7; not expected), log ERRO pool ears event buffer overflowed, discarding event 2, ears:l STARTING, spawn ears:l, log DEBG received SIGCHLD indicating a child quit
        ",
        true,
    );
}

#[test]
fn output_is_told_with_the_child_that_wrote_it() {
    check(
        "ears -1 10 PROCESS_LOG,PROCESS_COMMUNICATION_STDERR: l startsecs=0\nshop 2: a startsecs=0",
        "
        0.0 started        -> running, ears:l STARTING, spawn ears:l, shop:a STARTING, spawn shop:a
        0.0 spawned ears:l -> ears:l RUNNING
        0.0 spawned shop:a -> shop:a RUNNING
        0.1 ready ears:l   ->
        0.2 wrote shop:a hello -> send ears:l 0/0 PROCESS_LOG_STDOUT [processname:a groupname:shop pid:102 channel:stdout|hello]
        0.3 captured shop:a news ->
        0.4 ok ears:l      ->
        0.4 ready ears:l   -> send ears:l 1/1 PROCESS_COMMUNICATION_STDERR [processname:a groupname:shop pid:102|news]
        ",
    );
}

#[test]
fn ticks_are_told_at_their_beginnings_and_only_while_somebody_listens() {
    let host = check(
        "ears -1 10 TICK_5,TICK_60: l startsecs=0",
        "
        57.0 started        -> running, ears:l STARTING, spawn ears:l
        57.0 spawned ears:l -> ears:l RUNNING
        57.1 ready ears:l   ->
        59.9 woke           ->
        60.2 woke           -> send ears:l 0/0 TICK_5 [when:60]
        60.3 ok ears:l      ->
        60.3 ready ears:l   -> send ears:l 1/1 TICK_60 [when:60]
        60.4 ok ears:l      ->
        60.4 ready ears:l   ->
        76.0 woke           -> send ears:l 2/2 TICK_5 [when:75]
        ",
    );
    assert_eq!(host.core.next_deadline(), Some(80_000_000_000));
    let deaf = check(
        "ears -1 10 PROCESS_STATE,REMOTE_COMMUNICATION: l startsecs=0",
        "
        57.0 started        -> running, ears:l STARTING, spawn ears:l
        57.0 spawned ears:l -> ears:l RUNNING
        ",
    );
    assert_eq!(deaf.core.next_deadline(), None);
}

#[test]
fn pools_stop_last_and_hear_of_the_others_until_then() {
    check(
        "ears -1 10 SUPERVISOR_STATE_CHANGE,PROCESS_STATE_STOPPED,REMOTE_COMMUNICATION: l startsecs=0\n\
         shop 2: a startsecs=0",
        "
        0.0 started        -> running, ears:l STARTING, spawn ears:l, shop:a STARTING, spawn shop:a
        0.0 spawned ears:l -> ears:l RUNNING
        0.0 spawned shop:a -> shop:a RUNNING
        0.1 ready ears:l   -> send ears:l 0/0 SUPERVISOR_STATE_CHANGE_RUNNING []
        0.1 ok ears:l      ->
        0.1 ready ears:l   ->
        0.2 1 shutdown     -> answer 1 done, stopping, shop:a STOPPING, signal shop:a SIGTERM, send ears:l 1/1 SUPERVISOR_STATE_CHANGE_STOPPING []
        0.3 ok ears:l      ->
        0.3 ready ears:l   ->
        0.4 2 event x hi   -> remote x, answer 2 done, send ears:l 2/2 REMOTE_COMMUNICATION [type:x|hi]
        0.5 exit shop:a 0  -> shop:a STOPPED
        0.6 ok ears:l      ->
        0.6 ready ears:l   -> send ears:l 3/3 PROCESS_STATE_STOPPED [processname:a groupname:shop from_state:STOPPING pid:102]
        0.7 ok ears:l      -> ears:l STOPPING, signal ears:l SIGTERM
        0.8 exit ears:l 0  -> ears:l STOPPED, finish exit
        ",
    );
}

#[test]
fn a_listener_that_does_not_answer_holds_a_shutdown_up_for_a_second_and_no_longer() {
    let host = check(
        "ears -1 10 SUPERVISOR_STATE_CHANGE: l startsecs=0\ndeaf -1 10 EVENT: m startsecs=0",
        "
        0.0 started        -> running, deaf:m STARTING, spawn deaf:m, ears:l STARTING, spawn ears:l
        0.0 spawned ears:l -> ears:l RUNNING
        0.0 spawned deaf:m -> deaf:m RUNNING
        0.1 noise deaf:m   ->
        0.1 ready ears:l   -> send ears:l 2/0 SUPERVISOR_STATE_CHANGE_RUNNING []
        0.2 1 shutdown     -> answer 1 done, stopping
        ",
    );
    assert_eq!(host.core.next_deadline(), Some(1_200_000_000));
    check(
        "ears -1 10 SUPERVISOR_STATE_CHANGE: l startsecs=0\ndeaf -1 10 EVENT: m startsecs=0",
        "
        0.0 started        -> running, deaf:m STARTING, spawn deaf:m, ears:l STARTING, spawn ears:l
        0.0 spawned ears:l -> ears:l RUNNING
        0.0 spawned deaf:m -> deaf:m RUNNING
        0.1 noise deaf:m   ->
        0.1 ready ears:l   -> send ears:l 2/0 SUPERVISOR_STATE_CHANGE_RUNNING []
        0.2 1 shutdown     -> answer 1 done, stopping
        1.1 woke           ->
        1.2 woke           -> ears:l STOPPING, signal ears:l SIGTERM
        1.3 exit ears:l 0  -> ears:l STOPPED, deaf:m STOPPING, signal deaf:m SIGTERM
        1.4 exit deaf:m 0  -> deaf:m STOPPED, finish exit
        ",
    );
}

#[test]
fn a_changed_pool_begins_anew() {
    check(
        "ears -1 10 REMOTE_COMMUNICATION: l startsecs=0",
        "
        0.0 started        -> running, ears:l STARTING, spawn ears:l
        0.0 spawned ears:l -> ears:l RUNNING
        0.1 1 event x hi   -> remote x, answer 1 done
        new: ears -1 10 REMOTE_COMMUNICATION,PROCESS_GROUP: l startsecs=0
        0.2 2 update       -> read
        0.2 read 2         -> ears:l STOPPING, signal ears:l SIGTERM
        0.3 exit ears:l 0  -> ears:l STOPPED, ears REMOVED, prepare ears
        0.4 prepared 2 ears -> ears ADDED, ears:l STARTING, spawn ears:l, answer 2 +[] ~[\"ears\"] -[]
        0.5 spawned ears:l -> ears:l RUNNING
        0.6 ready ears:l   -> send ears:l 1/0 PROCESS_GROUP_ADDED [groupname:ears]
        ",
    );
}

#[test]
fn events_on_their_way_survive_being_written_out() {
    let mut host = check(
        "ears -1 10 TICK_5,REMOTE_COMMUNICATION: l startsecs=0",
        "
        57.0 started        -> running, ears:l STARTING, spawn ears:l
        57.0 spawned ears:l -> ears:l RUNNING
        57.1 ready ears:l   ->
        57.2 1 event x hi   -> remote x, answer 1 done, send ears:l 0/0 REMOTE_COMMUNICATION [type:x|hi]
        57.2 2 event y ho   -> remote y, answer 2 done
        ",
    );
    let saved = serde_json::to_string(&Saved::V1(Box::new(host.core.clone()))).expect("written");
    let Saved::V1(mut back) = serde_json::from_str(&saved).expect("read back");
    assert_eq!(*back, host.core);
    assert_eq!(back.event_serial(), 1);
    let now = Now { mono_ns: 61_000_000_000, wall_ms: 61_000 };
    assert_eq!(back.on_input(now, Input::Woke), host.core.on_input(now, Input::Woke));
    assert_eq!(*back, host.core);
}
