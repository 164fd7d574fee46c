//! Databases, roles and sessions for a test, in short calls.
#![allow(dead_code, reason = "a call that no test needs at the moment stays for the next one")]

mod db;
mod fence;
mod program;
mod refusal;
mod role;
mod server;
mod session;
mod system;
mod wall;

pub(crate) use db::Db;
pub(crate) use fence::{A, B, Walled, fence};
pub(crate) use program::extension_directory;
pub(crate) use refusal::Refusal;
pub(crate) use role::Role;
pub(crate) use server::{Private, Server};
pub(crate) use session::Session;
pub(crate) use system::System;
pub(crate) use wall::{Step, Wall, kinds, notes, work};
