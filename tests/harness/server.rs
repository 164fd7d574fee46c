//! The servers that `cargo xtask test` has started, and further ones that a test starts for itself.

use std::sync::LazyLock;

use org_scope_cluster::{Address, Binaries, Cluster, Options};

/// A server that all tests share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// The library is loaded by the session that first calls it.
    Plain,
    /// `shared_preload_libraries = 'org_scope'`.
    Preloaded,
}

impl Server {
    /// Where it listens.
    pub(crate) fn address(self) -> Address {
        match self {
            Self::Plain => PLAIN.clone(),
            Self::Preloaded => PRELOADED.clone(),
        }
    }

    /// Where the hot standby of [`Server::Plain`] listens.
    pub(crate) fn standby() -> Address {
        STANDBY.clone()
    }
}

static PLAIN: LazyLock<Address> = LazyLock::new(|| address("ORG_SCOPE_TEST_PLAIN"));
static PRELOADED: LazyLock<Address> = LazyLock::new(|| address("ORG_SCOPE_TEST_PRELOADED"));
static STANDBY: LazyLock<Address> = LazyLock::new(|| address("ORG_SCOPE_TEST_STANDBY"));

/// The programs of the staged installation that the servers run from.
pub(crate) fn binaries() -> Binaries {
    Binaries::new(variable("ORG_SCOPE_TEST_BINARIES"))
}

fn address(name: &str) -> Address {
    variable(name).parse().expect("written by cargo xtask test")
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: these tests need servers, which `cargo xtask test` starts and stops")
    })
}

/// A server of one test's own, for what would disturb others: restarts, crashes, settings, promotion.
#[derive(Debug)]
pub(crate) struct Private(pub(crate) Cluster);

impl Private {
    /// Starts a server with these lines in its `postgresql.conf`.
    pub(crate) fn new(preload: bool, conf: &[&str]) -> Self {
        let conf = conf.iter().map(|line| (*line).to_owned()).collect();
        Self(Cluster::start_new(&binaries(), &Options { preload, conf }).expect("a server of the test's own"))
    }

    /// Starts a hot standby of this server.
    pub(crate) fn standby(&self) -> Self {
        Self(Cluster::start_standby(&binaries(), self.0.address()).expect("a standby"))
    }
}
