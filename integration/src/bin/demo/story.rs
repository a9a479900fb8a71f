//! The steps, what each is to show, and the looks that decide whether it did.

use serde_json::Value;

use super::stage::{HOSTS, Stage};

/// `startsecs` of the examples: how long the database must be up before the next wave may begin.
const STARTSECS: f64 = 1.0;

/// How the story is told.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// End after the last step.
    pub once: bool,
    /// Make a step fail.
    pub broken: Option<Break>,
}

/// A step that is made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// The database cannot start.
    Database,
    /// One half of the shop cannot start.
    Shop,
    /// The lost host does not come back.
    Host,
}

impl Break {
    /// The step with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "database" => Some(Self::Database),
            "shop" => Some(Self::Shop),
            "host" => Some(Self::Host),
            _ => None,
        }
    }
}

type Told = Result<(), String>;

/// Tells the whole story.
pub fn tell(stage: &mut Stage, manner: Manner) -> Told {
    join(stage, manner)?;
    start_all(stage)?;
    the_shop(stage)?;
    lose_a_host(stage)?;
    back_again(stage, manner)?;
    say_what_to_try(stage);
    Ok(())
}

fn say(number: u32, text: &str) {
    println!("\n── {number} ── {text}");
}

/// Runs a command as a person would, shows it, and demands its exit code.
fn show(stage: &Stage, arguments: &[&str], wanted: i32) -> Result<String, String> {
    println!("\n$ fleetvisorctl {}", arguments.join(" "));
    let said = stage.ctl(arguments)?;
    for line in said.text.lines() {
        println!("  {line}");
    }
    if said.code == wanted {
        return Ok(said.text);
    }
    let command = arguments.join(" ");
    Err(format!("`fleetvisorctl {command}` ended with {} instead of {wanted}", said.code))
}

fn demand(holds: bool, what: &str) -> Told {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn join(stage: &mut Stage, manner: Manner) -> Told {
    say(1, "A controller, and three hosts that dial it with certificates.");
    for (broken, host, program) in
        [(Break::Database, "db-1", "database"), (Break::Shop, "web-2", "api")]
    {
        if manner.broken == Some(broken) {
            break_program(stage, host, program)?;
        }
    }
    let printed = stage.start_controller()?;
    for line in printed.lines() {
        println!("  {line}");
    }
    for host in HOSTS {
        stage.start_agent(host)?;
    }
    stage.await_state("all three hosts are up", || all_up(stage))?;
    show(stage, &["hosts"], 0)?;
    println!("\nNothing runs yet; status says so with exit code 3, as supervisorctl does.");
    show(stage, &["status"], 3)?;
    Ok(())
}

/// Gives a program a command that is not there.
fn break_program(stage: &Stage, host: &str, program: &str) -> Told {
    let file = stage.configuration(host);
    let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let head = format!("[program:{program}]\ncommand=");
    let (before, after) = text.split_once(&head).ok_or("the example has changed")?;
    let text = format!("{before}{head}/nowhere/{program} ;{after}");
    std::fs::write(&file, text).map_err(|error| error.to_string())
}

fn start_all(stage: &Stage) -> Told {
    say(2, "`start all` means every machine, in waves: the database before the shop.");
    show(stage, &["start", "all", "--dry-run"], 0)?;
    show(stage, &["start", "all"], 0)?;
    show(stage, &["status"], 0)?;
    let rows = rows(stage)?;
    let database = rows.iter().find(|row| row.name == "database").ok_or("no database")?;
    let (day, up) = (&database.started.0, database.started.1 + STARTSECS);
    let later = |row: &Row| row.started.0 > *day || row.started.1 >= up;
    demand(
        rows.iter().filter(|row| row.group == "shop").all(later),
        "the shop began before the database was up",
    )?;
    println!("\nThe processes' own stamps agree: the shop began after the database was up.");
    Ok(())
}

fn the_shop(stage: &Stage) -> Told {
    say(3, "The group `shop` spans web-1 and web-2: it is stopped and started as one.");
    let running = |rows: &[Row], group: &str| {
        rows.iter().filter(|row| row.group == group && row.state == "RUNNING").count()
    };
    show(stage, &["stop", "shop:*"], 0)?;
    show(stage, &["status"], 3)?;
    let stopped = rows(stage)?;
    demand(running(&stopped, "shop") == 0, "some of the shop still runs")?;
    demand(running(&stopped, "database") == 1, "the database was stopped, too")?;
    show(stage, &["start", "shop:*"], 0)?;
    let started = rows(stage)?;
    demand(running(&started, "shop") == 4, "not all of the shop runs")
}

fn lose_a_host(stage: &mut Stage) -> Told {
    say(4, "The agent of web-2 is killed. The fleet says so, and everything else goes on.");
    let programs: Vec<i64> =
        rows(stage)?.iter().filter(|row| row.host == "web-2").map(|row| row.pid).collect();
    stage.kill_agent("web-2", &programs)?;
    stage.await_state("web-2 is known to be gone", || match liveness(stage, "web-2")? {
        gone if gone == "DOWN" => Ok(()),
        other => Err(format!("web-2 is {other}")),
    })?;
    show(stage, &["hosts"], 0)?;
    println!("\nA restart of the whole shop: web-1 does it, web-2 was not reached (exit code 12).");
    let said = show(stage, &["restart", "shop:*"], 12)?;
    demand(said.contains("UNREACHABLE"), "web-2 was not shown as unreachable")
}

fn back_again(stage: &mut Stage, manner: Manner) -> Told {
    say(5, "The agent of web-2 is back, and the fleet is in step again.");
    if manner.broken != Some(Break::Host) {
        stage.start_agent("web-2")?;
    }
    stage.await_state("all three hosts are up", || all_up(stage))?;
    show(stage, &["start", "web-2/all"], 0)?;
    show(stage, &["status"], 0)?;
    demand(rows(stage)?.iter().all(|row| row.state == "RUNNING"), "not everything runs")
}

fn say_what_to_try(stage: &Stage) {
    let settings = stage.client_settings().display().to_string();
    println!("\n── The controller listens on {}. In another terminal:", stage.address());
    println!("  export FLEETVISOR_CONFIG={settings} FLEETVISOR_SERVER=fleet://{}", stage.address());
    let bin = integration::places::binary("fleetvisorctl").display().to_string();
    for words in ["status", "events", "restart 'web-[1-2]/shop:api'", "stop -l role=web all"] {
        println!("  {bin} {words}");
    }
    let one = stage.configuration("web-1").display().to_string();
    println!("  env -u FLEETVISOR_SERVER {bin} -c {one} status   (one host, as supervisorctl)");
}

/// One process, as the client's JSON shows it.
struct Row {
    host: String,
    group: String,
    name: String,
    state: String,
    pid: i64,
    /// When it last started: a day, and the second of the day.
    started: (String, f64),
}

fn rows(stage: &Stage) -> Result<Vec<Row>, String> {
    let answer = stage.json(&["status"])?;
    let list = list_in(&answer, "processes").ok_or("status shows no list")?;
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let row = |row: &Value| Row {
        host: text(row, "host"),
        group: text(row, "group"),
        name: text(row, "name"),
        state: text(row, "state"),
        pid: row["pid"].as_i64().unwrap_or_default(),
        started: moment(&text(row, "started")),
    };
    Ok(list.iter().map(row).collect())
}

/// The list itself, or the one under a name.
fn list_in<'a>(answer: &'a Value, name: &str) -> Option<&'a Vec<Value>> {
    answer.as_array().or_else(|| answer.get(name)?.as_array())
}

/// `2026-11-20T13:00:00.250Z` as its day and the second of that day.
fn moment(text: &str) -> (String, f64) {
    let (day, time) = text.split_once('T').unwrap_or(("", text));
    let seconds = time
        .trim_end_matches('Z')
        .split(':')
        .filter_map(|part| part.parse::<f64>().ok())
        .fold(0.0, |sum, part| sum * 60.0 + part);
    (day.to_owned(), seconds)
}

fn liveness(stage: &Stage, host: &str) -> Result<String, String> {
    let answer = stage.json(&["hosts"])?;
    let list = list_in(&answer, "hosts").ok_or("hosts shows no list")?;
    let found = list.iter().find(|entry| entry["host"] == host);
    let seen = found.and_then(|entry| entry["state"].as_str());
    Ok(seen.unwrap_or("absent").to_uppercase())
}

fn all_up(stage: &Stage) -> Told {
    for host in HOSTS {
        let seen = liveness(stage, host)?;
        demand(seen == "UP", &format!("{host} is {seen}"))?;
    }
    Ok(())
}
