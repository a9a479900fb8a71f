//! Methods that send signals. What is no signal is refused here, after the name was found good.

use agent_core::command::{Command, Reply, Scope};
use proto_words::{FaultCode, ProcessPart, ProcessState, Row, Signal};
use proto_xmlrpc::{Fault, Value};

use super::args::{Args, shown};
use super::control::Reach;
use super::faults::{fault, result_struct, with};
use super::{Failure, Outcome, Xmlrpc, unexpected};

/// What a signal argument is.
enum Meant {
    Signal(Signal),
    NoSignal,
    /// Not even a text or a number: supervisord fails on it.
    Nonsense,
}

/// Names and numbers, and numbers in any type that has one.
fn meant(value: &Value) -> Meant {
    let number = match value {
        Value::String(text) => {
            return Signal::parse(text).map_or(Meant::NoSignal, Meant::Signal);
        }
        Value::Int(_) | Value::Boolean(_) | Value::Double(_) => value.to_int(),
        Value::Nil | Value::DateTime(_) | Value::Array(_) | Value::Struct(_) => None,
    };
    let Some(number) = number else {
        return Meant::Nonsense;
    };
    let known = i32::try_from(number).ok().and_then(Signal::from_number);
    known.map_or(Meant::NoSignal, Meant::Signal)
}

/// One result for each row, in the order in which supervisord goes through them.
fn each(mut rows: Vec<Row>, fault: &Fault) -> Value {
    rows.sort_by_cached_key(|row| (row.group_priority, row.group.clone(), row.priority));
    let results =
        rows.iter().map(|row| result_struct(&row.group, &row.name, fault.code, &fault.text));
    results.collect::<Vec<_>>().into()
}

impl Xmlrpc {
    pub(super) async fn signal(&self, args: &Args, reach: Reach) -> Outcome {
        let (scope, subject) = reach.scope(args)?;
        let given = args.value(reach.next());
        match meant(given) {
            Meant::Signal(signal) => {
                let command = Command::Signal { scope, signal };
                self.order(command, subject).await
            }
            Meant::NoSignal => {
                let refused = with(FaultCode::BadSignal, &shown(given));
                self.refuse_signal(&scope, subject, refused.into()).await
            }
            Meant::Nonsense => {
                let why = Failure::Internal(format!("{} is no signal", shown(given)));
                self.refuse_signal(&scope, subject, why).await
            }
        }
    }

    /// A bad signal to one process is a fault, if there is such a process; to many it is a
    /// result for each that could have been signalled.
    async fn refuse_signal(&self, scope: &Scope, subject: &str, refused: Failure) -> Outcome {
        let group = match scope {
            Scope::All => None,
            Scope::Group(group) => Some(group.as_str()),
            Scope::Named(name) => match name.process {
                ProcessPart::Every => Some(name.group.as_str()),
                ProcessPart::One(_) => {
                    return match self.ask(Command::Info(name.clone())).await {
                        Reply::Infos(_) => Err(refused),
                        Reply::Refused(refusal) => Err(fault(refusal, subject).into()),
                        other => Err(unexpected(&other)),
                    };
                }
            },
        };
        let mut rows = self.rows().await?;
        rows.retain(|row| row.state.is_some() && group.is_none_or(|group| row.group == group));
        if rows.is_empty() && group.is_some() {
            return Err(with(FaultCode::BadName, subject).into());
        }
        rows.retain(|row| row.state.is_some_and(ProcessState::is_signallable));
        match refused {
            Failure::Fault(fault) => Ok(each(rows, &fault)),
            Failure::Internal(_) if rows.is_empty() => Ok(Vec::new().into()),
            nonsense @ Failure::Internal(_) => Err(nonsense),
        }
    }

    async fn rows(&self) -> Result<Vec<Row>, Failure> {
        match self.ask(Command::Rows).await {
            Reply::Rows(table) => Ok(table.rows),
            Reply::Refused(refusal) => Err(fault(refusal, "").into()),
            other => Err(unexpected(&other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proto_xmlrpc::Value;

    use super::{Meant, meant};

    #[test]
    fn signals_are_taken_in_every_type_that_has_a_number() {
        for (value, number) in [
            (Value::from("HUP"), Some(1)),
            (" sigterm ".into(), Some(15)),
            ("9".into(), Some(9)),
            (Value::Int(15), Some(15)),
            (Value::Double(15.9), Some(15)),
            (Value::Boolean(true), Some(1)),
            (Value::Int(0), Some(0)),
            ("SIG_DFL".into(), Some(0)),
            ("".into(), None),
            (Value::Int(99), None),
            (Value::Int(-9), None),
        ] {
            let found = match meant(&value) {
                Meant::Signal(signal) => Some(signal.number()),
                Meant::NoSignal => None,
                Meant::Nonsense => panic!("{value:?} is a text or a number"),
            };
            assert_eq!(found, number, "{value:?}");
        }
        assert!(matches!(meant(&Value::Array(vec![])), Meant::Nonsense));
        assert!(matches!(meant(&Value::Double(f64::NAN)), Meant::Nonsense));
    }
}
