//! org_scope: walls off organizations inside one PostgreSQL database.
//!
//! `api` is the SQL surface, the features decide, `pg` is the boundary to the server and the only
//! place with `unsafe`, and `org_scope_core` is everything that needs no server.

use pgrx::prelude::*;

mod across;
mod adopt;
mod api;
mod context;
mod harden;
mod identity;
mod pg;
mod policy;
mod run;

pgrx::pg_module_magic!();

extension_sql_file!("../sql/bootstrap.sql", name = "bootstrap", bootstrap);
extension_sql_file!("../sql/context.sql", name = "context", requires = ["bootstrap"]);
extension_sql_file!("../sql/access.sql", name = "access", requires = ["context"]);
extension_sql_file!("../sql/lookups.sql", name = "lookups", requires = ["access"]);
extension_sql_file!("../sql/tokens.sql", name = "tokens", requires = ["lookups"]);
extension_sql_file!("../sql/projects.sql", name = "projects", requires = ["tokens"]);
extension_sql_file!("../sql/across.sql", name = "across", requires = ["projects"]);
extension_sql_file!("../sql/explain.sql", name = "explain", requires = ["across"]);
extension_sql_file!("../sql/policy.sql", name = "policy", requires = ["across"]);
extension_sql_file!("../sql/harden.sql", name = "harden", requires = ["policy"]);
extension_sql_file!("../sql/through.sql", name = "through", requires = ["policy"]);
extension_sql_file!("../sql/adopt.sql", name = "adopt", requires = ["through"]);
extension_sql_file!("../sql/usage.sql", name = "usage", requires = ["policy"]);
extension_sql_file!("../sql/org_index.sql", name = "org_index", requires = ["policy"]);
extension_sql_file!("../sql/watch.sql", name = "watch", requires = ["policy"]);
extension_sql_file!("../sql/ddl.sql", name = "ddl", requires = ["watch"]);

/// Runs when the library loads: with the server, with the session, or with the first call.
#[pg_guard]
extern "C-unwind" fn _PG_init() {
    pg::init();
    run::init();
    policy::init();
    adopt::init();
}

/// What pgrx's test framework asks the crate for.
#[cfg(test)]
pub mod pg_test {
    /// Called once before the server starts.
    pub fn setup(_options: Vec<&str>) {}

    /// Lines for `postgresql.conf`.
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        Vec::new()
    }
}
