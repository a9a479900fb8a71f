//! What a configuration means: each row of a table is loaded by both subjects, and both must make of
//! it what the row says, and of the whole of it the same.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use integration::facts::shown;
use integration::loaded::{Batch, Case, Loaded, differences};
use integration::subject::Subject;
use serde_json::Value;

/// Of each table `fn name() -> Vec<Row>` one test per subject. The original loads the tables of a module
/// at once.
macro_rules! tables {
    ($($name:ident),* $(,)?) => {
        fn check_table(subject: integration::subject::Subject, name: &str) {
            let tables = vec![$((stringify!($name), $name())),*];
            super::check(subject, module_path!(), name, tables);
        }

        /// Supervisor itself: are the rows true?
        mod original {
            $(#[test] fn $name() { super::check_table(integration::subject::Subject::Original, stringify!($name)); })*
        }

        /// Ours: does it do the same, and is the rest of what it loads the same, too?
        mod ours {
            $(#[test] fn $name() { super::check_table(integration::subject::Subject::Ours, stringify!($name)); })*
        }
    };
}

mod command;
mod daemon;
mod doors;
mod environment;
mod expansion;
mod groups;
mod include;
mod lexical;
mod names;
mod order;
mod programs;
mod refused;
mod reread;
mod running;
mod servers;
mod types;

/// One configuration and what is expected of it.
struct Row {
    ids: &'static [&'static str],
    case: Case,
    wanted: Vec<Wanted>,
}

/// One thing to look at in what was loaded.
enum Wanted {
    /// At this JSON pointer stands this value.
    Value(String, Value),
    /// There is nothing at this JSON pointer.
    Nothing(String),
    /// It is refused with this text.
    Error(String),
    /// It is refused with a text that begins so.
    ErrorBegins(String),
    /// This is said in the activity log, and nothing else of the same level.
    Messages(Vec<String>),
}

/// A key: its default, a value and what it becomes, a value that is refused and the error.
struct Key {
    ids: &'static [&'static str],
    name: &'static str,
    default: Value,
    written: &'static str,
    value: Value,
    refused: &'static str,
    error: &'static str,
}

fn key(
    ids: &'static [&'static str],
    name: &'static str,
    default: Value,
    written: &'static str,
    value: Value,
    refused: &'static str,
    error: &'static str,
) -> Key {
    Key { ids, name, default, written, value, refused, error }
}

impl Key {
    fn right(&self) -> String {
        format!("{}={}", self.name, self.written)
    }

    fn wrong(&self) -> String {
        format!("{}={}", self.name, self.refused)
    }
}

/// The first process of the first group.
const PROCESS: &str = "/groups/0/processes/0";

impl Row {
    fn new(ids: &'static [&'static str], case: Case) -> Self {
        Self { ids, case, wanted: Vec::new() }
    }

    /// A whole main file.
    fn whole(ids: &'static [&'static str], text: &str) -> Self {
        Self::new(ids, Case::new(text))
    }

    /// These lines under `[program:x]`.
    fn program(ids: &'static [&'static str], lines: &str) -> Self {
        Self::whole(ids, &format!("[supervisord]\n[program:x]\ncommand=c\n{lines}\n"))
    }

    /// These lines under `[supervisord]`.
    fn daemon(ids: &'static [&'static str], lines: &str) -> Self {
        Self::whole(ids, &format!("[supervisord]\n{lines}\n"))
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.case = self.case.file(path, text);
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.case = self.case.variable(name, value);
        self
    }

    fn has(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        self.wanted.push(Wanted::Value(pointer.to_owned(), value.into()));
        self
    }

    fn lacks(mut self, pointer: &str) -> Self {
        self.wanted.push(Wanted::Nothing(pointer.to_owned()));
        self
    }

    /// A key of the first process.
    fn is(self, key: &str, value: impl Into<Value>) -> Self {
        self.has(&format!("{PROCESS}/{key}"), value)
    }

    fn fails(mut self, text: &str) -> Self {
        self.wanted.push(Wanted::Error(text.to_owned()));
        self
    }

    fn fails_with(mut self, beginning: &str) -> Self {
        self.wanted.push(Wanted::ErrorBegins(beginning.to_owned()));
        self
    }

    fn says(mut self, messages: &[&str]) -> Self {
        self.wanted.push(Wanted::Messages(messages.iter().map(ToString::to_string).collect()));
        self
    }
}

impl Wanted {
    /// What is otherwise, if anything.
    fn missing(&self, loaded: &Loaded) -> Option<String> {
        let found = |pointer: &str| loaded.0.pointer(pointer);
        match self {
            Self::Value(pointer, wanted) => (found(pointer) != Some(wanted)).then(|| {
                let found = found(pointer).unwrap_or(&loaded.0["error"]);
                format!("{pointer} should be {wanted}, is {found}")
            }),
            Self::Nothing(pointer) => {
                let found = found(pointer)?;
                Some(format!("{pointer} should not be there, is {found}"))
            }
            Self::Error(wanted) => (loaded.error() != Some(wanted))
                .then(|| format!("should fail: {wanted:?}, is {:?}", outcome(loaded))),
            Self::ErrorBegins(wanted) => {
                let begins = loaded.error().is_some_and(|text| text.starts_with(wanted));
                (!begins).then(|| format!("should fail: {wanted:?}…, is {:?}", outcome(loaded)))
            }
            Self::Messages(wanted) => {
                let found = loaded.messages();
                (found != *wanted).then(|| format!("should say {wanted:?}, says {found:?}"))
            }
        }
    }
}

fn outcome(loaded: &Loaded) -> String {
    let crash = loaded.crash().map(|text| format!("a crash: {text}"));
    let error = loaded.error().map(str::to_owned);
    crash.or(error).unwrap_or_else(|| "no error".to_owned())
}

/// A module's tables by their names.
type Tables = Vec<(&'static str, Vec<Row>)>;

/// Loads every row of a table with the subject and compares; then the facts have been shown. Ours must
/// also make the same of the rest as the original does.
fn check(subject: Subject, module: &str, table: &str, mut tables: Tables) {
    let original = original(module, &tables);
    let at = tables.iter().position(|(name, _)| *name == table).expect("the macro names its own");
    let rows = tables.swap_remove(at).1;
    let loaded = match subject {
        Subject::Original => original[table].clone(),
        Subject::Ours => {
            Batch::new(rows.iter().map(|row| row.case.clone()).collect()).load(subject)
        }
    };
    let mut wrong = Vec::new();
    for ((row, original), loaded) in rows.iter().zip(&original[table]).zip(&loaded) {
        let Row { ids, case, wanted } = row;
        assert!(!wanted.is_empty(), "{ids:?} looks at nothing");
        let text = String::from_utf8_lossy(&case.files[0].1).into_owned();
        let mut found: Vec<_> = wanted.iter().filter_map(|wanted| wanted.missing(loaded)).collect();
        if found.is_empty() {
            found = differences(&original.common(), &loaded.common());
        }
        wrong.extend(found.iter().map(|why| format!("{ids:?} {text:?}\n    {why}")));
    }
    assert!(wrong.is_empty(), "{} faults on {subject:?}:\n{}", wrong.len(), wrong.join("\n"));
    let ids: Vec<_> = rows.iter().flat_map(|row| row.ids.iter().copied()).collect();
    shown(subject, &ids);
}

/// What the original makes of a module's tables, loaded once for the tests of both subjects.
fn original(module: &str, tables: &Tables) -> Arc<HashMap<&'static str, Vec<Loaded>>> {
    type Modules = HashMap<String, Arc<OnceLock<Arc<HashMap<&'static str, Vec<Loaded>>>>>>;
    static LOADED: LazyLock<Mutex<Modules>> = LazyLock::new(Mutex::default);
    let mut modules = LOADED.lock().expect("nothing panics while it is held");
    let own = Arc::clone(modules.entry(module.to_owned()).or_default());
    drop(modules);
    let load = || {
        let cases = tables.iter().flat_map(|(_, rows)| rows.iter().map(|row| row.case.clone()));
        let mut loaded = Batch::new(cases.collect()).load(Subject::Original).into_iter();
        let of = |(name, rows): &(&'static str, Vec<Row>)| {
            (*name, loaded.by_ref().take(rows.len()).collect())
        };
        Arc::new(tables.iter().map(of).collect())
    };
    Arc::clone(own.get_or_init(load))
}
