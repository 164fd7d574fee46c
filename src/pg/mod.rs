//! The boundary to the server: the only place with `unsafe`, each block with the fact it relies on.
#![allow(unsafe_code, reason = "the one room where the server is called")]

pub(crate) mod report;
