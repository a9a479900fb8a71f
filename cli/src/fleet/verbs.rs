//! The verbs that only look, and `cancel`.

use std::io::{self, Write as _};

use proto::v1::{self, watch_message};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::args::{Args, Events, OnHosts, OnTargets, OneOperation, Operations, Output};
use super::{exit, now_ms, show};
use crate::reach::fleet::{Controller, Trouble};

/// `hosts`.
pub async fn hosts(
    controller: &mut Controller,
    args: &Args,
    asked: &OnHosts,
) -> Result<u8, Trouble> {
    let selection = Some(args.selection(&[], &asked.hosts)?);
    let request = v1::HostsRequest { selection };
    let hosts = controller.client.hosts(request).await?.into_inner().hosts;
    let text = || show::hosts::table(&hosts, now_ms());
    print(args.output, text, hosts.iter().map(show::hosts::json).collect());
    Ok(exit::SUCCESS)
}

/// `status`.
pub async fn status(
    controller: &mut Controller,
    args: &Args,
    asked: &OnTargets,
) -> Result<u8, Trouble> {
    let selection = Some(args.selection(&asked.targets, &[])?);
    let request = v1::StatusRequest { selection };
    let reply = controller.client.status(request).await?.into_inner();
    let text = || show::status::table(&reply, now_ms());
    print(args.output, text, reply.processes.iter().map(show::status::json).collect());
    for name in &reply.missing {
        eprintln!("{name}: ERROR (no such host or process)");
    }
    for warning in &reply.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(show::status::exit_code(&reply))
}

/// `operations`.
pub async fn operations(
    controller: &mut Controller,
    args: &Args,
    asked: &Operations,
) -> Result<u8, Trouble> {
    let request = v1::OperationsRequest { most: asked.most };
    let all = controller.client.operations(request).await?.into_inner().operations;
    let text = || show::operation::list(&all);
    print(args.output, text, all.iter().map(show::operation::record_json).collect());
    Ok(exit::SUCCESS)
}

/// `operation ID`; ends with the operation's own exit code, 0 while it runs.
pub async fn operation(
    controller: &mut Controller,
    args: &Args,
    asked: &OneOperation,
) -> Result<u8, Trouble> {
    let request = v1::OperationRequest { operation: asked.id.clone() };
    let record = controller.client.operation(request).await?.into_inner();
    Ok(one_record(args, &record))
}

/// `cancel ID`.
pub async fn cancel(
    controller: &mut Controller,
    args: &Args,
    asked: &OneOperation,
) -> Result<u8, Trouble> {
    let request = v1::OperationRequest { operation: asked.id.clone() };
    let record = controller.client.cancel(request).await?.into_inner();
    one_record(args, &record);
    Ok(exit::SUCCESS)
}

fn one_record(args: &Args, record: &v1::OperationRecord) -> u8 {
    match args.output {
        Output::Table => write(&show::operation::record(record)),
        Output::Json => write(&format!("{:#}\n", show::operation::record_json(record))),
        Output::Jsonl => write(&format!("{}\n", show::operation::record_json(record))),
    }
    match record.state() {
        v1::OperationState::Done => u8::try_from(record.exit_code).unwrap_or(exit::UNAVAILABLE),
        v1::OperationState::Running | v1::OperationState::Unspecified => exit::SUCCESS,
    }
}

/// `events`, until Ctrl-C or the end of the controller.
pub async fn events(
    controller: &mut Controller,
    args: &Args,
    asked: &Events,
) -> Result<u8, Trouble> {
    let request = v1::WatchRequest {
        selection: Some(args.selection(&asked.targets, &[])?),
        states: asked.states()?,
    };
    // Listened to before the watch begins, so that no Ctrl-C falls between.
    let mut interrupts = signal(SignalKind::interrupt()).map_err(|error| {
        Trouble::new(exit::UNAVAILABLE, format!("Ctrl-C cannot be listened to: {error}"))
    })?;
    let mut stream = controller.client.watch(request).await?.into_inner();
    loop {
        let message = tokio::select! {
            message = stream.message() => message?,
            _ = interrupts.recv() => return Ok(exit::SUCCESS),
        };
        let Some(message) = message else {
            return Err(Trouble::new(exit::UNAVAILABLE, "the controller has hung up; watch again"));
        };
        match &message.body {
            Some(watch_message::Body::Begun(_)) if args.output == Output::Table => {
                eprintln!("watching; Ctrl-C ends it");
            }
            Some(body) => {
                let line = match args.output {
                    Output::Table => show::events::line(body),
                    Output::Json | Output::Jsonl => show::events::json(body).to_string(),
                };
                write(&format!("{line}\n"));
            }
            None => {} // of a later version
        }
    }
}

/// A table for people, one JSON array, or a JSON object per line.
fn print(output: Output, table: impl Fn() -> String, values: Vec<Value>) {
    match output {
        Output::Table => write(&table()),
        Output::Json => write(&format!("{:#}\n", Value::Array(values))),
        Output::Jsonl => {
            for value in values {
                write(&format!("{value}\n"));
            }
        }
    }
}

fn write(text: &str) {
    // Whoever closed our output does not want it.
    let _ = io::stdout().write_all(text.as_bytes());
}
