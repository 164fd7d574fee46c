//! Who may act for which organization.

pub(crate) mod access;
pub(crate) mod each_org;
pub(crate) mod explain;
pub(crate) mod keys;
pub(crate) mod lookups;
pub(crate) mod pre_request;
pub(crate) mod projects;
mod table;
pub(crate) mod tokens;
