//! The audit line: who, from where, what, which targets, what came of it.

use controller_core::AuditLine;
use tracing::info;

/// Writes one line under the target `audit`, so that a collector can tell it from the rest.
pub(crate) fn write(line: &AuditLine) {
    info!(
        target: "audit",
        who = line.who,
        from = line.from,
        what = line.what,
        operation = line.operation,
        targets = line.targets.join(" "),
        result = line.result,
    );
}
