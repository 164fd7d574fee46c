//! The integration tests in `tests/`, over connections to servers that are started for them.

use anyhow::Result;
use org_scope_cluster::{Cluster, Installation, Options, Profile};

use super::Arguments;
use crate::terminal::heading;
use crate::{prepare, workspace};

/// What `tests/harness/db.rs` copies for each test.
const TEMPLATE: &str = "org_scope_template";

pub(super) fn run(installation: &Installation, arguments: &Arguments) -> Result<()> {
    heading("Tests over connections");
    let stage = prepare::stage(installation, Profile::Dev)?;
    let binaries = stage.binaries();
    let plain = prepare::cluster(&binaries, &Options::default(), "a plain server")?;
    template(&plain)?;
    let standby = prepare::standby(&plain)?;
    let preload = Options { preload: true, ..Options::default() };
    let preloaded = prepare::cluster(&binaries, &preload, "a server that preloads org_scope")?;
    template(&preloaded)?;

    let mut test = workspace::cargo(installation);
    test.args(["test", "-p", "org_scope_tests", "--test", "wall"]);
    arguments.filter(&mut test);
    test.args(["--", "--test-threads=4"]);
    test.env("ORG_SCOPE_TEST_PLAIN", plain.address().to_string());
    test.env("ORG_SCOPE_TEST_PRELOADED", preloaded.address().to_string());
    test.env("ORG_SCOPE_TEST_STANDBY", standby.address().to_string());
    test.env("ORG_SCOPE_TEST_BINARIES", binaries.directory());
    let result = workspace::must(&mut test);
    for (name, cluster) in [("plain", &plain), ("preloaded", &preloaded), ("standby", &standby)] {
        for line in cluster.crashes() {
            eprintln!("the {name} server's log: {line}");
        }
    }
    result
}

fn template(cluster: &Cluster) -> Result<()> {
    let mut client = cluster.connect("postgres", "postgres")?;
    client.batch_execute(&format!("CREATE DATABASE {TEMPLATE} TEMPLATE template0"))?;
    cluster.connect(TEMPLATE, "postgres")?.batch_execute("CREATE EXTENSION org_scope")?;
    Ok(())
}
