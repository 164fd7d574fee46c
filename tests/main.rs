//! Everything that org_scope promises, attacked over real connections with ordinary roles.
//!
//! `cargo xtask test` starts the servers that these tests need; see README.md beside this file.

mod harness;

mod access;
mod across_orgs;
mod added_default;
mod adopt;
mod behind_our_back;
mod context;
mod copy_view;
mod documents;
mod folding;
mod for_each_org;
mod generator;
mod generator_review;
mod guarantee_01_closed_by_default;
mod guarantee_02_only_our_functions;
mod guarantee_03_transactional;
mod guarantee_04_one_statement_one_org;
mod guarantee_05_never_looser;
mod guarantee_06_every_road;
mod guarantee_07_nobody_is_fooled;
mod guarantee_08_protect_time;
mod guarantee_08_search_path;
mod guarantee_09_secrets;
mod guarantee_10_survives;
mod guarantee_10_survives_standby;
mod harden;
mod harness_itself;
mod lookups;
mod lookups_conditions;
mod new_rows;
mod partitions;
mod referential_integrity;
mod search;
mod shapes;
mod skew;
mod surface;
mod system_a_workflow;
mod system_b_voice;
mod system_c_inbox;
mod through;
mod tokens;
mod usage;
mod views;
mod watch;
