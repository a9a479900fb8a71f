//! From many results to one exit code.

use proto_words::OutcomeKind;

/// The code that a client ends with.
pub type ExitCode = u8;

/// Everything reached its goal.
const ALL_WELL: ExitCode = 0;
/// Some targets failed, or some failed and others were unreachable.
const SOME_FAILED: ExitCode = 10;
/// All targets failed.
const ALL_FAILED: ExitCode = 11;
/// Nothing failed, but some hosts were not there.
const ONLY_UNREACHABLE: ExitCode = 12;
/// A failure ended the operation, so that later targets were skipped.
const STOPPED: ExitCode = 13;
/// Of some targets nobody knows what became.
const SOME_UNKNOWN: ExitCode = 15;

/// One code for all results of an operation.
///
/// What is not known comes first, since it needs a person; then an early end; then failures.
/// SKIPPED never decides by itself. REFUSED, `NOT_READY`, CANCELLED and SUPERSEDED count as failed:
/// the goal was not reached.
#[must_use]
pub fn exit_code(results: impl IntoIterator<Item = OutcomeKind>, was_stopped: bool) -> ExitCode {
    let (mut well, mut failed, mut unreachable, mut unknown) = (0, 0, 0, 0);
    for kind in results {
        match kind {
            OutcomeKind::Ok | OutcomeKind::Already => well += 1,
            OutcomeKind::Failed
            | OutcomeKind::NotReady
            | OutcomeKind::Refused
            | OutcomeKind::Cancelled
            | OutcomeKind::Superseded => failed += 1,
            OutcomeKind::Unreachable => unreachable += 1,
            OutcomeKind::Unknown => unknown += 1,
            OutcomeKind::Skipped => {}
        }
    }
    match (unknown, failed) {
        (1.., _) => SOME_UNKNOWN,
        _ if was_stopped => STOPPED,
        (_, 1..) if well + unreachable == 0 => ALL_FAILED,
        (_, 1..) => SOME_FAILED,
        _ if unreachable > 0 => ONLY_UNREACHABLE,
        _ => ALL_WELL,
    }
}

#[cfg(test)]
mod tests {
    use proto_words::OutcomeKind::{
        self, Already, Cancelled, Failed, NotReady, Ok, Refused, Skipped, Unknown, Unreachable,
    };

    use super::exit_code;

    #[test]
    fn the_code_says_what_kind_of_trouble_there_was() {
        let table: [(&[OutcomeKind], bool, u8); 14] = [
            (&[], false, 0),
            (&[Ok, Already], false, 0),
            (&[Ok, Skipped], false, 0),
            (&[Ok, Failed], false, 10),
            (&[Failed, Unreachable], false, 10),
            (&[Ok, NotReady], false, 10),
            (&[Ok, Cancelled], false, 10),
            (&[Failed, Refused], false, 11),
            (&[Ok, Unreachable], false, 12),
            (&[Unreachable], false, 12),
            (&[Failed, Skipped], true, 13),
            (&[Unreachable, Skipped], true, 13),
            (&[Ok, Failed, Unknown], false, 15),
            (&[Failed, Unknown, Skipped], true, 15),
        ];
        for (results, was_stopped, code) in table {
            assert_eq!(exit_code(results.iter().copied(), was_stopped), code, "{results:?}");
        }
    }
}
