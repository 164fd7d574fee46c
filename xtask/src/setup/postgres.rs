//! Looking for an installed PostgreSQL that an extension can be built for.

use std::path::PathBuf;

use org_scope_cluster::Installation;

/// The major versions that org_scope is built for, the default first.
pub(crate) const MAJORS: [u16; 4] = [15, 16, 17, 18];

/// The first complete installation, with this major version if one is asked for.
pub(crate) fn find(pg: Option<u16>) -> Option<Installation> {
    candidates()
        .into_iter()
        .filter(|path| path.is_file())
        .filter_map(|path| Installation::ask(&path).ok())
        .filter(|found| found.has_server() && found.has_headers())
        .find(|found| pg.map_or(MAJORS.contains(&found.major), |major| found.major == major))
}

/// Where a `pg_config` may lie: what the caller names, the packages of Debian and of Red Hat, the PATH.
fn candidates() -> Vec<PathBuf> {
    let named = std::env::var_os("PGRX_PG_CONFIG_PATH").map(PathBuf::from);
    let debian = MAJORS.map(|major| format!("/usr/lib/postgresql/{major}/bin/pg_config").into());
    let red_hat = MAJORS.map(|major| format!("/usr/pgsql-{major}/bin/pg_config").into());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = std::env::split_paths(&path).map(|dir| dir.join("pg_config")).collect();
    named.into_iter().chain(debian).chain(red_hat).chain(path).collect()
}
