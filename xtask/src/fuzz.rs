//! `cargo xtask fuzz`: mutants of tokens, keys and key sets, and what the core answers.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::terminal::{Progress, heading, note};
use crate::{table, workspace};

/// Reasons that are shown by name; the rarer ones are one line.
const SHOWN: usize = 40;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many mutants
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    executions: u64,
    /// From what all of them follow
    #[arg(long, default_value_t = 7519)]
    seed: u64,
}

/// What the fuzzer said.
#[derive(Default)]
struct Said {
    /// How often each outcome came, of all targets and of each.
    outcomes: BTreeMap<String, usize>,
    targets: BTreeMap<String, (usize, usize)>,
    wrong: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    heading("Mutants of tokens, claims, key sets, keys and claim paths");
    build()?;
    let said = listen(arguments)?;
    show(&said);
    for what in &said.wrong {
        note(what);
    }
    ensure!(said.wrong.is_empty(), "the core was wrong about these mutants, and perhaps about more");
    let (accepted, all) = said.targets.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    note(&format!(
        "{} executions from seed {}: {} refused, {} accepted, and rightly",
        table::number(all),
        arguments.seed,
        table::number(all - accepted),
        table::number(accepted)
    ));
    Ok(())
}

fn cargo(word: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root());
    command.args([word, "--quiet", "--profile", "fuzz", "-p", "org_scope_fuzz"]);
    command
}

fn build() -> Result<()> {
    let mut progress = Progress::new("building the fuzzer");
    progress.busy("with checked arithmetic");
    let output = cargo("build").output().context("starting cargo")?;
    ensure!(output.status.success(), "the fuzzer doesn't build\n{}", String::from_utf8_lossy(&output.stderr));
    progress.done();
    Ok(())
}

fn listen(arguments: &Arguments) -> Result<Said> {
    let mut progress = Progress::new("fuzzing");
    let mut command = cargo("run");
    command.arg("--").args(["--executions", &arguments.executions.to_string()]);
    let mut child = command.args(["--seed", &arguments.seed.to_string()]).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("no output")?;
    let (mut said, mut most) = (Said::default(), 0);
    for line in BufReader::new(output).lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("at", done)) => {
                most = most.max(done.parse()?);
                progress.at(most, arguments.executions as usize, "mutants");
            }
            Some(("count", rest)) => said.count(rest).context("a line that can't be read")?,
            Some(("wrong", what)) => said.wrong.push(what.to_owned()),
            _ => bail!("the fuzzer said: {line}"),
        }
    }
    let status = child.wait()?;
    ensure!(status.success() || !said.wrong.is_empty(), "the fuzzer failed ({status})");
    progress.done();
    Ok(said)
}

impl Said {
    fn count(&mut self, line: &str) -> Option<()> {
        let mut fields = line.split('\t');
        let (target, outcome, count) =
            (fields.next()?, fields.next()?, fields.next()?.parse::<usize>().ok()?);
        let (accepted, all) = self.targets.entry(target.to_owned()).or_default();
        *all += count;
        if outcome == "accepted" {
            *accepted += count;
        } else {
            *self.outcomes.entry(outcome.to_owned()).or_default() += count;
        }
        Some(())
    }
}

fn show(said: &Said) {
    let of_target = |(name, (accepted, all)): (&String, &(usize, usize))| {
        vec![name.clone(), table::number(*all), table::number(all - accepted), table::number(*accepted)]
    };
    table::show(
        &["mutants of", "executions", "refused", "accepted"],
        said.targets.iter().map(of_target).collect(),
    );
    let mut reasons: Vec<_> = said.outcomes.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut rows: Vec<_> = reasons
        .iter()
        .take(SHOWN)
        .map(|(reason, count)| vec![(*reason).clone(), table::number(**count)])
        .collect();
    let rest = &reasons[reasons.len().min(SHOWN)..];
    if !rest.is_empty() {
        let sum = rest.iter().map(|(_, count)| **count).sum();
        rows.push(vec![format!("{} other reasons", rest.len()), table::number(sum)]);
    }
    table::show(&["refused for", "mutants"], rows);
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn counts_add_up() {
        let mut said = Said::default();
        for line in ["key\taccepted\t3", "key\tPem\t4", "paths\tSyntax\t5", "key set\tPem\t1"] {
            said.count(line).expect("a line");
        }
        assert_eq!(said.targets["key"], (3, 7));
        assert_eq!(said.outcomes["Pem"], 5);
        assert!(said.count("key\tPem").is_none() && said.count("key\tPem\tx").is_none());
    }
}
