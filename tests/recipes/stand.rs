//! The database that the recipes work with, and a PgBouncer in front of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::pooler::Pooler;
use crate::harness::{Db, Private};

/// The login of the application.
pub(super) const WEB: &str = "web";

/// A file of examples/.
pub(super) fn example(file: &str) -> String {
    let path = root().join("examples").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// A server with examples/invoices.sql in it, whose roles have plain names.
pub(super) struct Stand {
    // In the order in which they must end.
    pub(super) pooler: Pooler,
    pub(super) db: Db,
    _server: Private,
}

impl Stand {
    /// Two server connections for everybody, and these lines in the settings of PgBouncer.
    pub(super) fn new(test: &str, lines: &[&str]) -> Self {
        let server = Private::new(false, &[]);
        let db = Db::empty_on(&server, test);
        let said = db.psql_script(&example("invoices.sql"));
        assert_eq!(said.stderr, "", "{said:#?}");
        let pooler = Pooler::start(db.address(), db.name(), &[WEB], lines);
        Self { pooler, db, _server: server }
    }

    /// What a program prints that connects through PgBouncer.
    pub(super) fn run(&self, mut command: Command) -> String {
        for name in std::env::vars_os().map(|(name, _)| name) {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.envs(self.pooler.environment(WEB));
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{command:?}\n{said}\n{complained}");
        said.into_owned()
    }
}
