//! The workspace's directory, and cargo in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use org_scope_cluster::Installation;

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    // cargo says where xtask lies now; where it lay when it was compiled is the second best.
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    xtask.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// A cargo command in the workspace, building against this installation.
pub(crate) fn cargo(installation: &Installation) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    in_workspace(&mut command, installation);
    command
}

/// Runs a command in the workspace with what pgrx's build script reads.
pub(crate) fn in_workspace(command: &mut Command, installation: &Installation) {
    command.current_dir(root()).env("PGRX_PG_CONFIG_PATH", &installation.pg_config);
    // The schema section survives the linker by itself, and a flag that changes would build everything twice.
    command.env("CARGO_PGRX_DISABLE_GC_SECTIONS_WORKAROUND", "1");
}

/// Runs a command that shows what it does, and fails where it fails.
pub(crate) fn must(command: &mut Command) -> Result<()> {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let status = command.status().with_context(|| format!("starting {}", words[0]))?;
    ensure!(status.success(), "{} failed ({status})", words.join(" "));
    Ok(())
}
