//! The recipes of docs/recipes.md, as they stand in examples/: real drivers, behind a real PgBouncer.
//!
//! `cargo xtask test --only recipes` brings the drivers. Whether the page shows these files is looked at in
//! `documents.rs`, which needs none.

mod drivers;
#[allow(unused_imports, reason = "it serves the tests over connections; these need a part of it")]
#[path = "../harness/mod.rs"]
mod harness;
mod leftovers;
mod pooler;
mod stand;
