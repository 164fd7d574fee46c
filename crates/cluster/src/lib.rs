//! Throwaway PostgreSQL servers with org_scope in them.
//!
//! A [`Stage`] is a private copy of an installed PostgreSQL that has the extension in it, so nothing
//! is ever written into the system's directories; a [`Cluster`] is a server started from it. Both
//! disappear with the value that stands for them, or with [`remains::clear`] when the process is
//! interrupted. (The crate pgtemp starts servers too, but has neither standbys, nor staged
//! installations, nor clusters that stay.)
#![forbid(unsafe_code)]

mod address;
mod binaries;
mod build;
mod cluster;
mod installation;
mod operator;
pub mod remains;
mod stage;

pub use address::Address;
pub use binaries::Binaries;
pub use build::{Build, Profile, Step};
pub use cluster::{Cluster, Options};
pub use installation::Installation;
pub use operator::Operator;
pub use stage::Stage;
