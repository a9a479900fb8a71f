//! Operations: what is asked, and what is heard of it until its end.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use proto::v1::{self, operate_message, operate_request};
use proto_words::Signal;

use super::args::{Args, Barrier, How, OnFailure, OnUnreachable, Order, Output, Verb};
use super::{exit, show};
use crate::reach::fleet::{Controller, Trouble};

/// Often enough for the clock on the line, seldom enough for a slow terminal.
const TICK: Duration = Duration::from_millis(200);

/// Asks for the operation and follows it to its end; the exit code.
pub async fn run(controller: &mut Controller, args: &Args) -> Result<u8, Trouble> {
    let request = request(args)?;
    let mut screen = Screen::new(args.output, request.dry_run);
    let mut stream = controller.client.operate(request).await?.into_inner();
    loop {
        let message = tokio::select! {
            message = stream.message() => message,
            _ = tokio::signal::ctrl_c() => return Ok(screen.left("interrupted", exit::INTERRUPTED)),
        };
        match message {
            Ok(Some(message)) => {
                if let Some(exit) = screen.take(message.body)? {
                    return Ok(exit);
                }
            }
            Ok(None) => return Ok(screen.left("the controller has hung up", exit::UNAVAILABLE)),
            Err(status) => {
                return Ok(screen.left(&Trouble::from(status).text, exit::UNAVAILABLE));
            }
        }
    }
}

/// Where news of an operation is shown.
struct Screen {
    output: Output,
    is_dry_run: bool,
    operation: String,
    waves: usize,
    bar: ProgressBar,
}

impl Screen {
    fn new(output: Output, is_dry_run: bool) -> Self {
        let wants_bar = output == Output::Table && io::stderr().is_terminal() && !is_dry_run;
        let target =
            if wants_bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}  {msg}") {
            bar.set_style(style);
        }
        Self { output, is_dry_run, operation: String::new(), waves: 0, bar }
    }

    /// Shows one piece of news; the exit code when it was the last one.
    fn take(&mut self, body: Option<operate_message::Body>) -> Result<Option<u8>, Trouble> {
        let Some(body) = body else {
            return Ok(None); // of a later version
        };
        match &body {
            operate_message::Body::Refused(refused) => return Err(refusal(refused)),
            operate_message::Body::Plan(plan) => self.plan(plan),
            operate_message::Body::WaveOpened(wave) => {
                self.bar.set_message(format!("wave {} of {}", wave.wave + 1, self.waves));
            }
            operate_message::Body::Result(_) => self.bar.inc(1),
            operate_message::Body::Finished(_) => self.bar.finish_and_clear(),
        }
        let is_last = match &body {
            operate_message::Body::Plan(_) => self.is_dry_run,
            operate_message::Body::Finished(_) => true,
            _ => false,
        };
        let text = match self.output {
            Output::Table => show::operation::news(&body, self.is_dry_run, self.waves),
            Output::Jsonl => Some(format!("{}\n", show::operation::json(&body))),
            Output::Json => is_last.then(|| format!("{:#}\n", show::operation::json(&body))),
        };
        self.print(text.as_deref().unwrap_or_default());
        Ok(match body {
            operate_message::Body::Finished(record) => {
                Some(u8::try_from(record.exit_code).unwrap_or(exit::UNAVAILABLE))
            }
            _ => is_last.then_some(exit::SUCCESS),
        })
    }

    fn plan(&mut self, plan: &v1::Plan) {
        self.operation.clone_from(&plan.operation);
        self.waves = plan.waves.len();
        self.bar.set_length(count(plan) as u64);
        if self.bar.is_hidden() {
            return;
        }
        self.bar.enable_steady_tick(TICK);
    }

    fn print(&self, text: &str) {
        self.bar.suspend(|| {
            // Whoever closed our output does not want it; the operation goes on.
            let _ = io::stdout().write_all(text.as_bytes());
        });
    }

    /// We stop listening before the end; the operation does not stop.
    fn left(&self, why: &str, exit: u8) -> u8 {
        self.bar.finish_and_clear();
        if self.operation.is_empty() {
            eprintln!("fleetvisorctl: {why}");
        } else {
            eprintln!(
                "fleetvisorctl: {why}\nthe operation goes on; next: fleetvisorctl operation {0}   \
                 (or: fleetvisorctl cancel {0})",
                self.operation
            );
        }
        exit
    }
}

/// Targets with a result of their own: a restart in two halves names each twice.
fn count(plan: &v1::Plan) -> usize {
    let once = plan.waves.iter().filter(|wave| wave.half != "start");
    once.map(|wave| wave.targets.len()).sum()
}

fn refusal(refused: &v1::OperateRefused) -> Trouble {
    let exit = match refused.reason() {
        v1::OperateRefusal::Selection => exit::USAGE,
        v1::OperateRefusal::Empty => exit::EMPTY,
        v1::OperateRefusal::Guard => exit::GUARD,
        v1::OperateRefusal::Locked => exit::LOCKED,
        v1::OperateRefusal::Busy | v1::OperateRefusal::Unspecified => exit::UNAVAILABLE,
    };
    Trouble::new(exit, refused.text.clone())
}

fn request(args: &Args) -> Result<v1::OperateRequest, Trouble> {
    let (verb, how, targets) = match &args.verb {
        Verb::Start(start) => {
            let order = v1::StartOrder { barrier: barrier(start.barrier) };
            (operate_request::Verb::Start(order), &start.how, &start.targets[..])
        }
        Verb::Stop(stop) => {
            (operate_request::Verb::Stop(v1::StopOrder {}), &stop.how, &stop.targets[..])
        }
        Verb::Restart(restart) => {
            let order = v1::RestartOrder { barrier: barrier(restart.barrier), replaces: None };
            (operate_request::Verb::Restart(order), &restart.how, &restart.targets[..])
        }
        Verb::Signal(send) => {
            let signal = Signal::parse(&send.signal).map_err(|e| Trouble::usage(e.to_string()))?;
            let order = v1::SignalOrder { signal: signal.number() };
            (operate_request::Verb::Signal(order), &send.how, &send.targets[..])
        }
        Verb::Reread(reread) => {
            let order = operate_request::Verb::Reread(v1::RereadOrder {});
            return Ok(with(order, &reread.how, args.selection(&[], &reread.hosts)?));
        }
        Verb::Update(update) => return update_request(args, &update.groups, &update.how),
        Verb::Hosts(_)
        | Verb::Status(_)
        | Verb::Events(_)
        | Verb::Operations(_)
        | Verb::Operation(_)
        | Verb::Cancel(_) => return Err(Trouble::usage("this verb is no operation")),
    };
    let mut request = with(verb, how, args.selection(targets, &[])?);
    if matches!(&args.verb, Verb::Restart(restart) if restart.order == Order::StopThenStart) {
        request.set_restart_order(v1::RestartOrderKind::StopThenStart);
    }
    Ok(request)
}

/// `update [HOSTS/]GROUP…`: all groups go to the same hosts, since it is one order per host.
fn update_request(args: &Args, words: &[String], how: &How) -> Result<v1::OperateRequest, Trouble> {
    let mut groups = Vec::new();
    let mut hosts: Vec<String> = Vec::new();
    for word in words {
        let (host, group) =
            word.rsplit_once('/').map_or((None, word.as_str()), |(h, g)| (Some(h), g));
        if let Some(host) = host.map(str::to_owned).filter(|host| !hosts.contains(host)) {
            hosts.push(host);
        }
        if !matches!(group, "" | "all") {
            groups.push(group.trim_end_matches('*').trim_end_matches(':').to_owned());
        }
    }
    if hosts.len() > 1 || (!hosts.is_empty() && words.iter().any(|word| !word.contains('/'))) {
        return Err(Trouble::usage(
            "update takes one host part for all groups; name the hosts with -H, the groups without",
        ));
    }
    let order = v1::UpdateOrder { groups, digest: Vec::new() };
    Ok(with(operate_request::Verb::Update(order), how, args.selection(&[], &hosts)?))
}

fn with(verb: operate_request::Verb, how: &How, selection: v1::Selection) -> v1::OperateRequest {
    v1::OperateRequest {
        selection: Some(selection),
        verb: Some(verb),
        dry_run: how.dry_run,
        on_failure: match how.on_failure {
            None => v1::OnFailure::Unspecified,
            Some(OnFailure::Continue) => v1::OnFailure::Continue,
            Some(OnFailure::Stop) => v1::OnFailure::Stop,
            Some(OnFailure::Abort) => v1::OnFailure::Abort,
        }
        .into(),
        on_unreachable: match how.on_unreachable {
            OnUnreachable::Skip => v1::OnUnreachable::Skip,
            OnUnreachable::Fail => v1::OnUnreachable::Fail,
            OnUnreachable::Wait => v1::OnUnreachable::Wait,
        }
        .into(),
        host_deadline: how.host_deadline.and_then(|span| span.try_into().ok()),
        deadline: how.deadline.and_then(|span| span.try_into().ok()),
        parallel: how.parallel,
        restart_order: v1::RestartOrderKind::Unspecified.into(),
        allow_empty: how.allow_empty,
        yes: how.yes,
    }
}

fn barrier(word: Barrier) -> i32 {
    match word {
        Barrier::Running => v1::Barrier::Running,
        Barrier::Spawned => v1::Barrier::Spawned,
        Barrier::None => v1::Barrier::None,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use proto::v1::{self, operate_request::Verb};

    use super::{Args, request};

    fn asked(line: &str) -> Result<v1::OperateRequest, String> {
        let words = std::iter::once("fleetvisorctl").chain(line.split_whitespace());
        request(&Args::parse_from(words)).map_err(|trouble| trouble.text)
    }

    #[test]
    fn a_line_becomes_a_request() {
        let start =
            asked("start web-*/all --barrier spawned --on-failure continue --yes 3").unwrap();
        assert_eq!(
            start.verb,
            Some(Verb::Start(v1::StartOrder { barrier: v1::Barrier::Spawned.into() }))
        );
        assert_eq!((start.on_failure(), start.yes), (v1::OnFailure::Continue, 3));
        assert_eq!(start.selection.unwrap().targets, ["web-*/all"]);
        let signal = asked("signal hup all").unwrap();
        assert_eq!(signal.verb, Some(Verb::Signal(v1::SignalOrder { signal: 1 })));
        let restart = asked("restart all --order stop-then-start").unwrap();
        assert_eq!(restart.restart_order(), v1::RestartOrderKind::StopThenStart);
    }

    #[test]
    fn an_update_is_for_groups_of_the_same_hosts() {
        let groups = |line: &str| {
            asked(line).map(|request| match request.verb {
                Some(Verb::Update(update)) => (update.groups, request.selection.unwrap().hosts),
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(groups("update"), Ok((vec![], String::new())));
        assert_eq!(groups("update all"), Ok((vec![], String::new())));
        assert_eq!(
            groups("update web-*/shop: web-*/cat"),
            Ok((vec!["shop".into(), "cat".into()], "web-*".into()))
        );
        assert!(groups("update web-1/shop web-2/shop").is_err());
        assert!(groups("update web-1/shop cat").is_err());
    }
}
