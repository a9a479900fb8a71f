//! Makes the certificates of a development fleet; never for production.

use std::path::PathBuf;
use std::process::ExitCode;

use certs_dev::{Fleet, Validity, write_all};
use clap::Parser;

/// Makes a throw-away certificate authority and the certificates of a fleet.
#[derive(Debug, Parser)]
#[command(name = "certs-dev")]
struct Args {
    /// The directory for the files.
    #[arg(long, default_value = "certs-dev/out")]
    out: PathBuf,
    /// The fleet's name.
    #[arg(long, default_value = "demo")]
    fleet: String,
    /// The agents' names, comma-separated.
    #[arg(long, value_delimiter = ',', default_value = "web-1,web-2,db-1")]
    hosts: Vec<String>,
    /// An operator's name; may be given several times.
    #[arg(long = "operator", value_name = "NAME", default_value = "admin")]
    operators: Vec<String>,
    /// The controller's name.
    #[arg(long, default_value = "controller-1")]
    controller: String,
    /// A DNS name or IP address for the controller, beside localhost and 127.0.0.1; may be given
    /// several times. Fleetvisor itself looks at the URI only.
    #[arg(long = "controller-san", value_name = "NAME")]
    controller_names: Vec<String>,
    /// For how many days all of it is valid.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Use the authority that is there, and make only what is missing.
    #[arg(long)]
    missing: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let fleet = Fleet {
        name: args.fleet,
        hosts: args.hosts,
        operators: args.operators,
        controller: args.controller,
        controller_names: args.controller_names,
        validity: Validity::days(args.days),
    };
    match write_all(&fleet, &args.out, args.missing) {
        Ok(files) => {
            for file in files {
                println!("{}", file.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("certs-dev: {error}");
            ExitCode::from(2)
        }
    }
}
