//! Plan-time folding: it changes plans and no result. Every way in which a plan outlives its context is
//! tried with folding on and off, for session and local contexts, in every plan cache mode, with the library
//! loaded late and early; what the two see must be the same, and right.

mod access;
mod call_sites;
mod constraints;
mod cursors;
mod hooks;
mod labels;
mod matrix;
mod midstatement;
mod parallel;
mod partial_indexes;
mod partitions;
mod places;
mod plpgsql;
mod protocol;
mod rules;
mod sql_functions;
mod statements;
mod transactions;
