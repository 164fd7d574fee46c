//! The project's own commands: `cargo xtask demo`, `test`, `bench`, `scale`, `adoption`,
//! `regress`, `fuzz`, `schema`, `setup`.

mod adoption;
mod bench;
mod chapter;
mod clock;
mod demo;
mod difference;
mod fuzz;
mod plan;
mod prepare;
mod regress;
mod scale;
mod schema;
mod setup;
mod statistics;
mod table;
mod terminal;
mod test;
mod unit;
mod watched;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows three applications isolated on a real server, and attacks them
    Demo(demo::Arguments),
    /// Runs every test that CI runs
    Test(test::Arguments),
    /// Measures whether any statement under the fence is slower than its hand-written twin
    Bench(bench::Arguments),
    /// Runs PostgreSQL's own tests without and with the library, and compares what they print
    Regress(regress::Arguments),
    /// Measures whether anything grows with the number of tables or organizations
    Scale(scale::Arguments),
    /// Measures what the adoption of a live table costs those who use it meanwhile
    Adoption(adoption::Arguments),
    /// Mutates tokens, keys and key sets, and judges what the core answers
    Fuzz(fuzz::Arguments),
    /// Writes the install script sql/org_scope--VERSION.sql from the source
    Schema(schema::Arguments),
    /// Installs what the other commands need, and says what and why first
    Setup(setup::Command),
}

fn main() -> ExitCode {
    // Servers do not die with their starter, so an interrupted command stops them itself.
    let handler = ctrlc::set_handler(|| {
        org_scope_cluster::remains::clear();
        std::process::exit(130);
    });
    match handler.map_err(Into::into).and_then(|()| run(Arguments::parse().command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {error:#}", console::style("error:").red().bold().for_stderr());
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Regress(arguments) => regress::run(&arguments),
        Command::Scale(arguments) => scale::run(&arguments),
        Command::Adoption(arguments) => adoption::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Setup(arguments) => setup::run(&arguments),
    }
}
