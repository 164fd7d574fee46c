//! Installing packages on Debian and Ubuntu.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use console::style;

use super::missing::{Missing, on_path};
use super::postgres::{self, MAJORS};
use crate::{terminal, workspace};

/// Whether this machine is a Debian, an Ubuntu, or made from one.
pub(crate) fn is_this() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let names = release.lines().filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")));
    let mut words = names.flat_map(|value| value.trim_matches('"').split(' '));
    on_path("apt-get") && words.any(|word| word == "debian" || word == "ubuntu")
}

/// Installs what is missing, PostgreSQL included where it is.
pub(crate) fn install(pg: Option<u16>, mut missing: Missing) -> Result<()> {
    let root = root_command()?;
    let mut updated = false;
    if postgres::find(pg).is_none() {
        let mut major = packaged(pg)?;
        if major.is_none() {
            update(root)?;
            updated = true;
            major = packaged(pg)?;
        }
        let Some(major) = major else {
            bail!(
                "this distribution packages no PostgreSQL {}: add the PostgreSQL project's own packages \
                 (https://wiki.postgresql.org/wiki/Apt), then run this again",
                pg.map_or_else(|| "15 to 18".to_owned(), |major| major.to_string())
            );
        };
        missing.add(format!("postgresql-{major}"), format!("PostgreSQL {major}"), "the server to run");
        missing.add(
            format!("postgresql-server-dev-{major}"),
            format!("the headers of PostgreSQL {major}"),
            "the extension is compiled against them",
        );
    }

    terminal::heading("Setting up: these packages are missing");
    for lack in &missing.0 {
        println!("  {:<28} {}", style(&lack.package).bold(), lack.why);
    }
    let packages: Vec<&str> = missing.0.iter().map(|lack| lack.package.as_str()).collect();
    if packages.iter().any(|name| name.starts_with("postgresql-")) && !on_path("pg_lsclusters") {
        println!();
        terminal::note(
            "Debian's server package also creates a cluster \"main\" on port 5432. org_scope never",
        );
        terminal::note(
            "touches it, and `pg_dropcluster --stop VERSION main` removes it if you don't want it.",
        );
    }
    if packages.contains(&"pgbouncer") {
        println!();
        terminal::note(
            "Debian's package also starts a PgBouncer on port 6432, which org_scope never touches.",
        );
    }
    println!("\n  {}", style(format!("{}apt-get install {}", shown(root), packages.join(" "))).dim());
    // Lists that were never fetched, or are outdated, are the common reason for a failed install.
    if !updated {
        update(root)?;
    }
    let mut install = apt_get(root);
    install.args(["install", "--yes", "--no-install-recommends"]).args(&packages);
    workspace::must(&mut install)
}

/// The version to install: the one that was asked for, if it is there, else the first that is.
fn packaged(pg: Option<u16>) -> Result<Option<u16>> {
    for major in pg.map_or(MAJORS.to_vec(), |major| vec![major]) {
        let output = Command::new("apt-cache")
            .args(["policy", &format!("postgresql-server-dev-{major}")])
            .env("LC_ALL", "C")
            .output()
            .context("running apt-cache")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let candidate = text.lines().find_map(|line| line.trim().strip_prefix("Candidate:"));
        if candidate.is_some_and(|version| version.trim() != "(none)") {
            return Ok(Some(major));
        }
    }
    Ok(None)
}

fn update(root: Root) -> Result<()> {
    terminal::note("fetching the package lists");
    workspace::must(apt_get(root).args(["update", "--quiet"]))
}

/// How we may install packages.
#[derive(Clone, Copy)]
enum Root {
    Already,
    Sudo,
}

fn root_command() -> Result<Root> {
    let output = Command::new("id").arg("-u").output().context("running id")?;
    if output.stdout.trim_ascii() == b"0" {
        Ok(Root::Already)
    } else if on_path("sudo") {
        Ok(Root::Sudo)
    } else {
        bail!(
            "packages are missing, but you are not root and there is no sudo: run `cargo xtask setup` as root once"
        )
    }
}

fn shown(root: Root) -> &'static str {
    match root {
        Root::Already => "",
        Root::Sudo => "sudo ",
    }
}

fn apt_get(root: Root) -> Command {
    let mut command = match root {
        Root::Already => Command::new("env"),
        Root::Sudo => {
            let mut sudo = Command::new("sudo");
            sudo.arg("env");
            sudo
        }
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    command
}
