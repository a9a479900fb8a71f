//! The prompt: one action per line until the end of the input.

use std::cell::RefCell;
use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::rc::Rc;

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use proto_xmlrpc::Value;
use rustyline::completion::Completer;
use rustyline::config::{CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{History as _, MemHistory, SearchDirection};
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};

use crate::action;
use crate::complete::{Member, offers};
use crate::reach::trouble::Trouble;
use crate::reach::{Heard, Reach, Watch};
use crate::session::Session;

/// Lines of history that are kept. A shell of a month is shorter.
const HISTORY_LINES: usize = 1000;

/// A server that the prompt's completion and the actions use in turn.
#[derive(Clone)]
pub struct Shared(Rc<RefCell<dyn Reach>>);

impl Shared {
    /// Shares a server.
    pub fn new(reach: impl Reach + 'static) -> Self {
        Self(Rc::new(RefCell::new(reach)))
    }
}

impl Reach for Shared {
    fn url(&self) -> String {
        self.0.borrow().url()
    }

    fn turn_to(&mut self, url: &str) {
        self.0.borrow_mut().turn_to(url);
    }

    fn authenticate(&mut self, username: String, password: String) {
        self.0.borrow_mut().authenticate(username, password);
    }

    fn begin(&mut self) {
        self.0.borrow_mut().begin();
    }

    fn call(&mut self, method: &str, params: &[Value]) -> Result<Value, Trouble> {
        self.0.borrow_mut().call(method, params)
    }

    fn follow(&mut self, paths: &[String], with_input: bool) -> Result<Box<dyn Watch>, Trouble> {
        self.0.borrow_mut().follow(paths, with_input)
    }

    fn line(&mut self) -> Heard {
        self.0.borrow_mut().line()
    }
}

/// Shows the status, then takes actions until `quit`, Ctrl-D or Ctrl-C.
pub fn run(session: &mut Session<'_>, shared: &Shared, prompt: &str, history: Option<&Path>) {
    let prompt = format!("{prompt}> ");
    action::run(session, "status");
    let mut lines = Lines::open(shared, history);
    while !session.over {
        if let Some(line) = lines.next(session, &prompt) {
            action::run(session, &line);
        } else {
            lines.end(session);
        }
    }
    lines.close(history);
}

/// Where the lines come from.
enum Lines {
    Terminal(Box<Editor<Names, MemHistory>>),
    Pipe,
}

impl Lines {
    fn open(shared: &Shared, history: Option<&Path>) -> Self {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Self::Pipe;
        }
        let config = Config::builder().completion_type(CompletionType::List).build();
        let memory = MemHistory::with_config(&config);
        let Ok(mut editor) = Editor::with_history(config, memory) else {
            return Self::Pipe;
        };
        editor.set_helper(Some(Names { reach: shared.clone(), cache: RefCell::default() }));
        let before = history.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        for line in before.lines() {
            let _ = editor.add_history_entry(line);
        }
        Self::Terminal(Box::new(editor))
    }

    /// The next line; `None` at the end of the input and on Ctrl-C.
    fn next(&mut self, session: &mut Session<'_>, prompt: &str) -> Option<String> {
        match self {
            Self::Pipe => session.ask(prompt).ok(),
            Self::Terminal(editor) => loop {
                if let Some(names) = editor.helper() {
                    names.cache.take();
                }
                match editor.readline(prompt) {
                    Ok(line) => {
                        let _ = editor.add_history_entry(line.as_str());
                        return Some(line);
                    }
                    // The window changed its size, or another signal: ask again.
                    Err(ReadlineError::Signal(_)) => {}
                    Err(_) => return None,
                }
            },
        }
    }

    /// The end of the input ends the shell; a terminal's line is ended by its editor already.
    fn end(&self, session: &mut Session<'_>) {
        if matches!(self, Self::Pipe) {
            session.say("");
        }
        session.over = true;
    }

    /// Writes the history down; a file that cannot be written is let be.
    fn close(self, history: Option<&Path>) {
        let (Self::Terminal(editor), Some(file)) = (self, history) else {
            return;
        };
        let memory = editor.history();
        let first = memory.len().saturating_sub(HISTORY_LINES);
        let entry = |place| memory.get(place, SearchDirection::Forward).ok().flatten();
        let mut text = String::new();
        for line in (first..memory.len()).filter_map(entry) {
            text.push_str(&line.entry);
            text.push('\n');
        }
        let _ = fs::write(file, text);
    }
}

/// Completion of names. The server is asked at most once per line.
struct Names {
    reach: Shared,
    cache: RefCell<Option<Vec<Member>>>,
}

impl Names {
    fn members(&self) -> Vec<Member> {
        let mut cache = self.cache.borrow_mut();
        cache.get_or_insert_with(|| fetch(&mut self.reach.clone()).unwrap_or_default()).clone()
    }
}

fn fetch(reach: &mut dyn Reach) -> Option<Vec<Member>> {
    let infos = reach.call("getAllProcessInfo", &[]).ok()?;
    let text = |info: &Value, name: &str| Some(info.get(name)?.as_str()?.to_owned());
    let member = |info: &Value| Some((text(info, "group")?, text(info, "name")?));
    infos.as_array()?.iter().map(member).collect()
}

impl Helper for Names {}
impl Highlighter for Names {}
impl Validator for Names {}

impl Hinter for Names {
    type Hint = String;
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        place: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(offers(&line[..place], || self.members()))
    }
}

/// Asks for a line that is not shown while it is typed.
///
/// # Errors
///
/// Ctrl-C, and the end of the input.
pub fn ask_secretly(session: &mut Session<'_>, question: &str) -> Result<String, Trouble> {
    let stdin = io::stdin();
    let Ok(before) = tcgetattr(&stdin) else {
        return session.ask(question);
    };
    let mut silent = before.clone();
    silent.local_flags.remove(LocalFlags::ECHO);
    let _ = tcsetattr(&stdin, SetArg::TCSAFLUSH, &silent);
    let answer = session.ask(question);
    let _ = tcsetattr(&stdin, SetArg::TCSAFLUSH, &before);
    session.say("");
    answer
}
