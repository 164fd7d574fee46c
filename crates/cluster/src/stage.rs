//! A private copy of an installed PostgreSQL, with the extension in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::remains::Remains;
use crate::{Binaries, Installation};

/// A tree under `/tmp` that mirrors the installation's directories at the same relative places.
///
/// PostgreSQL's programs find their share and library directories relative to where they themselves lie,
/// symbolic links resolved. So the programs are real copies, everything else is links, and the staged
/// server never looks for an extension in the system's directories.
#[derive(Debug)]
pub struct Stage {
    root: PathBuf,
    installation: Installation,
    remains: Remains,
}

impl Stage {
    /// Copies the installation. The directory is removed when the value is dropped.
    pub fn new(original: &Installation) -> Result<Self> {
        let root = tempfile::Builder::new().prefix("org_scope-").tempdir_in("/tmp")?.keep();
        let remains = Remains::new({
            let root = root.clone();
            move || drop(fs::remove_dir_all(root))
        });
        // The server's user is often not the one who builds.
        fs::set_permissions(&root, Permissions::from_mode(0o755))?;

        let staged = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
        let installation = Installation {
            pg_config: staged(&original.bindir).join("pg_config"),
            bindir: staged(&original.bindir),
            sharedir: staged(&original.sharedir),
            pkglibdir: staged(&original.pkglibdir),
            includedir_server: staged(&original.includedir_server),
            ..original.clone()
        };
        copy_programs(&original.bindir, &installation.bindir)?;
        link_entries(&original.pkglibdir, &installation.pkglibdir)?;
        link_entries(&original.sharedir, &installation.sharedir)?;
        let extension = installation.sharedir.join("extension");
        fs::remove_file(&extension).context("the installation has no extension directory")?;
        link_entries(&original.sharedir.join("extension"), &extension)?;
        if let Some(parent) = installation.includedir_server.parent() {
            fs::create_dir_all(parent)?;
            symlink(&original.includedir_server, &installation.includedir_server)?;
        }
        Ok(Self { root, installation, remains })
    }

    /// Puts the extension in: the library, the control file and every script in `sql/` that PostgreSQL
    /// would look for.
    pub fn add_extension(&self, library: &Path, workspace: &Path) -> Result<()> {
        let extension = self.installation.sharedir.join("extension");
        place(library, &self.installation.pkglibdir.join("org_scope.so"))?;
        place(&workspace.join("org_scope.control"), &extension.join("org_scope.control"))?;
        for entry in fs::read_dir(workspace.join("sql")).context("reading sql/")? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with("org_scope--") && name.ends_with(".sql") {
                place(&entry.path(), &extension.join(&*name))?;
            }
        }
        Ok(())
    }

    /// The copy, as an installation of its own.
    #[must_use]
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The copy's programs.
    #[must_use]
    pub fn binaries(&self) -> Binaries {
        self.installation.binaries()
    }

    /// The directory that holds all of it.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Leaves the directory where it is when the value is dropped.
    pub fn keep(&self) {
        self.remains.keep();
    }
}

fn copy_programs(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs::copy(&path, to.join(name)).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}

/// Links every entry but our own: a system-wide org_scope must not stand in for the one under test.
fn link_entries(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with("org_scope") {
            symlink(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Copies under another name first: a running server may have the old library mapped.
fn place(from: &Path, to: &Path) -> Result<()> {
    let new = to.with_extension("new");
    fs::copy(from, &new).with_context(|| format!("copying {}", from.display()))?;
    fs::set_permissions(&new, Permissions::from_mode(0o644))?;
    fs::rename(&new, to).with_context(|| format!("placing {}", to.display()))
}
