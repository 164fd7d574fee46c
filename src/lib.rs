//! org_scope: walls off organizations inside one PostgreSQL database.

pgrx::pg_module_magic!();

mod pg;
