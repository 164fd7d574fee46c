//! PostgreSQL's source package, as the machine's own package archives have it.
//!
//! Everything is apt's: which archives there are, whose signatures they carry, and what the package's
//! checksum is. Only its state lies in `target/`, so that nothing of the system's changes.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use org_scope_cluster::Installation;

use crate::terminal::{self, Progress};
use crate::workspace;

/// PostgreSQL's sources, packed.
pub(super) struct Source {
    /// Their version: `15.20`.
    pub(super) version: String,
    pub(super) tarball: PathBuf,
}

/// Downloads the source of the installed server; where the archives don't have it, of the newest minor
/// version that they have.
pub(super) fn source(installation: &Installation) -> Result<Source> {
    let apt = Apt::new(workspace::root().join("target/regress/apt"))?;
    let package = format!("postgresql-{}", installation.major);
    let progress = Progress::new(&format!("looking for the source of {package}"));
    let update = apt.run("apt-get", &["update"])?;
    let said = apt.run("apt-cache", &["showsrc", &package])?;
    progress.done();
    let installed = installation.number();
    let versions = in_order(&versions(&said.text, &package), installed);
    // One archive of several may be out of reach and still not be the one that matters.
    ensure!(!versions.is_empty(), "no archive has the source of {package}\n{}\n{}", update.text, said.text);
    for version in versions {
        let wanted = format!("{package}={version}");
        let progress = Progress::new(&format!("downloading the source of PostgreSQL {}", upstream(&version)));
        let said = apt.run("apt-get", &["source", "--download-only", "--tar-only", &wanted])?;
        if !said.succeeded {
            drop(progress);
            let why = said.text.lines().find(|line| line.starts_with("E: ")).unwrap_or(&said.text);
            terminal::note(&format!("the source of {version} is listed, but can't be had: {}", why.trim()));
            continue;
        }
        progress.done();
        let version = upstream(&version).to_owned();
        if version != installed {
            terminal::note(&format!(
                "the server is {installed}: where the two differ, tests fail without the library too"
            ));
        }
        let tarball = apt.tarball(&format!("{package}_{version}.orig.tar."))?;
        return Ok(Source { version, tarball });
    }
    bail!("no archive gives out the source of {package}")
}

/// apt with a state of its own.
struct Apt {
    root: PathBuf,
}

struct Said {
    succeeded: bool,
    text: String,
}

impl Apt {
    fn new(root: PathBuf) -> Result<Self> {
        let own = root.join("sources");
        // What the machine no longer has must not be asked.
        drop(fs::remove_dir_all(&own));
        for directory in [&own, &root.join("lists/partial"), &root.join("cache/archives/partial")] {
            fs::create_dir_all(directory)?;
        }
        let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten();
        for path in parts.map(|entry| entry.path()).chain(["/etc/apt/sources.list".into()]) {
            let translate: fn(&str) -> String = match path.extension().and_then(OsStr::to_str) {
                Some("sources") => sources_of_paragraphs,
                Some("list") => sources_of_lines,
                _ => continue,
            };
            if let (Ok(text), Some(name)) = (fs::read_to_string(&path), path.file_name()) {
                fs::write(own.join(name), translate(&text))?;
            }
        }
        Ok(Self { root })
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<Said> {
        let mut command = Command::new(program);
        command
            .current_dir(&self.root)
            .env("LC_ALL", "C")
            .args(["--option", "Dir::Etc::SourceList=/dev/null"]);
        for (option, directory) in
            [("Etc::SourceParts", "sources"), ("State::Lists", "lists"), ("Cache", "cache")]
        {
            let directory = self.root.join(directory);
            command.arg("--option").arg(format!("Dir::{option}={}", directory.display()));
        }
        let output = command.args(arguments).output().with_context(|| format!("starting {program}"))?;
        let text = [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned());
        Ok(Said { succeeded: output.status.success(), text: text.concat() })
    }

    fn tarball(&self, beginning: &str) -> Result<PathBuf> {
        let is = |path: &Path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning))
                && path.extension().is_some_and(|end| end != "asc")
        };
        let mut entries = fs::read_dir(&self.root)?.flatten().map(|entry| entry.path());
        entries.find(|path| is(path)).with_context(|| format!("apt-get left no {beginning}*"))
    }
}

/// A list of archives in paragraphs, made one of their sources.
fn sources_of_paragraphs(text: &str) -> String {
    let line = |line: &str| match line.split_once(':') {
        Some((name, _)) if name.eq_ignore_ascii_case("types") => "Types: deb-src\n".to_owned(),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// A list of archives in lines, made one of their sources.
fn sources_of_lines(text: &str) -> String {
    let archives = text.lines().filter_map(|line| line.trim_start().strip_prefix("deb"));
    let binary = archives.filter(|rest| rest.starts_with([' ', '\t']));
    binary.map(|rest| format!("deb-src{rest}\n")).collect()
}

/// The versions of a source package that `apt-cache showsrc` tells of.
fn versions(said: &str, package: &str) -> Vec<String> {
    let is_of = |paragraph: &&str| field(paragraph, "Package").is_some_and(|name| name == package);
    let paragraphs = said.split("\n\n").filter(is_of);
    paragraphs.filter_map(|paragraph| field(paragraph, "Version")).map(str::to_owned).collect()
}

fn field<'t>(paragraph: &'t str, name: &str) -> Option<&'t str> {
    let values = paragraph.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    values.map(str::trim).next()
}

/// The server's own version first, then from the newest to the oldest, each once.
fn in_order(versions: &[String], installed: &str) -> Vec<String> {
    let mut ordered = versions.to_vec();
    ordered.sort_by_key(|version| {
        let numbers = upstream(version).split('.').map(|part| part.parse().unwrap_or(0));
        (upstream(version) != installed, Reverse(numbers.collect::<Vec<u32>>()), version.clone())
    });
    ordered.dedup();
    ordered
}

/// PostgreSQL's part of a package's version: `15.20` of `15.20-0+deb12u1`.
fn upstream(version: &str) -> &str {
    version.rsplit_once('-').map_or(version, |(upstream, _)| upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_become_archives_of_sources() {
        let paragraphs = "Types: deb\nURIs: http://a\nSigned-By: /k\n\ntypes: deb deb-src\nURIs: http://b\n";
        let expected = "Types: deb-src\nURIs: http://a\nSigned-By: /k\n\nTypes: deb-src\nURIs: http://b\n";
        assert_eq!(sources_of_paragraphs(paragraphs), expected);
        let lines = "# deb http://no c\ndeb [signed-by=/k] http://a c main\ndeb-src http://a c main\n";
        assert_eq!(sources_of_lines(lines), "deb-src [signed-by=/k] http://a c main\n");
    }

    #[test]
    fn the_servers_own_version_is_tried_first_then_the_newest() {
        let said = "Package: postgresql-15\nBinary: a\nVersion: 15.9-0+deb12u1\n\n\
                    Package: postgresql-15\nVersion: 15.18-0+deb12u1\n\n\
                    Package: postgresql-15\nVersion: 15.20-0+deb12u1\n\n\
                    Package: other\nVersion: 99-1\n";
        let versions = versions(said, "postgresql-15");
        assert_eq!(versions.len(), 3);
        let upstream = |installed| -> Vec<String> {
            in_order(&versions, installed).iter().map(|v| super::upstream(v).to_owned()).collect()
        };
        assert_eq!(upstream("15.20"), ["15.20", "15.18", "15.9"]);
        assert_eq!(upstream("15.9"), ["15.9", "15.20", "15.18"]);
    }
}
