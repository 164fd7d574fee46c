//! From the source to servers that have it.

use anyhow::Result;
use org_scope_cluster::{Binaries, Build, Cluster, Installation, Options, Profile, Stage};

use crate::terminal::Progress;
use crate::workspace;

/// Builds the extension and stages it.
pub(crate) fn stage(installation: &Installation, profile: Profile) -> Result<Stage> {
    let root = workspace::root();
    let mut progress = Progress::new(&format!("building org_scope for PostgreSQL {}", installation.major));
    let library = Build { workspace: &root, installation, profile }
        .run(|step| progress.at(step.done, step.total, step.package))?;
    progress.done();
    let stage = Stage::new(installation)?;
    stage.add_extension(&library, &root)?;
    Ok(stage)
}

/// Starts a server.
pub(crate) fn cluster(binaries: &Binaries, options: &Options, what: &str) -> Result<Cluster> {
    let progress = Progress::new(&format!("starting {what}"));
    let cluster = Cluster::start_new(binaries, options)?;
    progress.done();
    Ok(cluster)
}

/// Starts a hot standby of a server.
pub(crate) fn standby(primary: &Cluster) -> Result<Cluster> {
    let progress = Progress::new("starting its standby");
    let standby = Cluster::start_standby(primary.binaries(), primary.address())?;
    progress.done();
    Ok(standby)
}
