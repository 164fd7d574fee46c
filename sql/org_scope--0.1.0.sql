\echo Use "CREATE EXTENSION org_scope" to load this file. \quit

-- Written by `cargo xtask schema` from the Rust source and sql/; change those, not this file.
