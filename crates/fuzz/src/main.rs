//! Mutates good tokens, claims, key sets, keys and claim paths, and judges what the core makes of them.
//!
//! Everything follows from the seed: the same seed and number of executions do the same, on any number of
//! threads. On standard output come lines for a program to read: `at N`, `count TARGET OUTCOME N` and, where the
//! core is wrong, `wrong DESCRIPTION`.

mod claims;
mod keys;
mod model;
mod mutator;
mod outcome;
mod paths;
mod run;
mod seeds;
mod sets;
mod text;

use std::process::ExitCode;

use clap::Parser as _;

#[derive(clap::Parser)]
struct Arguments {
    /// How many mutants
    #[arg(long)]
    executions: u64,
    /// From what everything follows
    #[arg(long)]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if run::run(arguments.executions, arguments.seed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
