//! What a machine lacks, and what each thing is for.

use std::path::Path;
use std::process::{Command, Stdio};

use org_scope_cluster::Operator;

/// One thing that is missing.
#[derive(Debug)]
pub(crate) struct Lack {
    /// Debian's package.
    pub(crate) package: String,
    /// What it is, for people with another package manager.
    pub(crate) what: String,
    /// What it is for.
    pub(crate) why: &'static str,
}

/// Everything that is missing apart from PostgreSQL itself, whose package has a version in its name.
#[derive(Debug, Default)]
pub(crate) struct Missing(pub(crate) Vec<Lack>);

impl Missing {
    /// Building the extension.
    pub(crate) fn for_building(&mut self) {
        self.need(on_path("cc"), "build-essential", "a C compiler", "rustc links with it");
        self.need(
            has_libclang(),
            "libclang-dev",
            "libclang with its headers",
            "pgrx reads the server's headers with it",
        );
    }

    /// pgrx's test framework starts its server through sudo where root calls it.
    pub(crate) fn for_pgrx_tests(&mut self) {
        let root = Operator::find().is_ok_and(|operator| operator.other().is_some());
        self.need(
            !root || on_path("sudo"),
            "sudo",
            "sudo",
            "pgrx's tests start their server through it, not as root",
        );
    }

    /// The recipes run applications in several languages behind a pooler.
    pub(crate) fn for_recipes(&mut self) {
        // Debian puts it where only root's PATH leads.
        let pgbouncer = on_path("pgbouncer") || Path::new("/usr/sbin/pgbouncer").is_file();
        self.need(pgbouncer, "pgbouncer", "PgBouncer", "the recipes' applications connect through it");
        let venv = "Python 3 with venv and pip";
        self.need(has_venv(), "python3-venv", venv, "the recipes for psycopg, SQLAlchemy and Django");
        self.need(on_path("node"), "nodejs", "Node.js", "the recipe for node-postgres");
        self.need(on_path("npm"), "npm", "npm", "it fetches node-postgres");
    }

    /// PostgreSQL's own sources are packed with it.
    pub(crate) fn for_sources(&mut self) {
        self.need(on_path("bzip2"), "bzip2", "bzip2", "PostgreSQL's own tests are unpacked with it");
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, package: String, what: String, why: &'static str) {
        self.0.push(Lack { package, what, why });
    }

    /// What to tell somebody whose package manager we don't know.
    pub(crate) fn instructions(&self, pg: Option<u16>, postgres_too: bool) -> String {
        let mut lines =
            vec!["this needs, and only on Debian and Ubuntu can it be installed for you:".to_owned()];
        if postgres_too {
            let version = pg.map_or_else(|| "15, 16, 17 or 18".to_owned(), |major| major.to_string());
            lines.push(format!("  - PostgreSQL {version}: the server and its development headers"));
            lines
                .push("    (set PGRX_PG_CONFIG_PATH to its pg_config if that is not on the PATH)".to_owned());
        }
        lines.extend(self.0.iter().map(|lack| format!("  - {}: {}", lack.what, lack.why)));
        lines.join("\n")
    }

    fn need(&mut self, there: bool, package: &str, what: &str, why: &'static str) {
        if !there {
            self.add(package.to_owned(), what.to_owned(), why);
        }
    }
}

pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Debian's Python comes without the parts that make an environment.
fn has_venv() -> bool {
    let mut python = Command::new("python3");
    python.args(["-c", "import ensurepip, venv"]).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// libclang as bindgen finds it: named in the environment, or where distributions put it.
fn has_libclang() -> bool {
    if std::env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let usr_lib = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let directories = usr_lib.flat_map(|path| [path.join("lib"), path]);
    directories
        .chain(["/usr/lib64".into(), "/usr/local/lib".into()])
        .any(|directory| holds_libclang(&directory))
}

fn holds_libclang(directory: &Path) -> bool {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.any(|name| name.starts_with("libclang.so") || name.starts_with("libclang-") && name.contains(".so"))
}
