//! Where a server listens.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use postgres::{Client, Config, NoTls};

/// A server's socket folder and port; written as `socket_dir:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The folder of its Unix socket, which only the server's own user and root may enter.
    pub socket_dir: PathBuf,
    /// Its port, on the socket and on 127.0.0.1.
    pub port: u16,
}

impl Address {
    /// A configuration to connect with, over the Unix socket.
    #[must_use]
    pub fn config(&self, dbname: &str, user: &str) -> Config {
        let mut config = Config::new();
        config.host_path(&self.socket_dir).port(self.port).dbname(dbname).user(user);
        config
    }

    /// Connects over the Unix socket.
    pub fn connect(&self, dbname: &str, user: &str) -> Result<Client> {
        self.config(dbname, user)
            .connect(NoTls)
            .with_context(|| format!("connecting to {dbname} on {self} as {user}"))
    }

    /// The line that a person types to get there.
    #[must_use]
    pub fn psql(&self, dbname: &str, user: &str) -> String {
        format!("psql -h {} -p {} -U {user} {dbname}", self.socket_dir.display(), self.port)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.socket_dir.display(), self.port)
    }
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((dir, port)) = text.rsplit_once(':') else { bail!("{text:?} is not socket_dir:port") };
        Ok(Self { socket_dir: dir.into(), port: port.parse().context("a port is a number")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let address = Address { socket_dir: "/tmp/a:b".into(), port: 5433 };
        assert_eq!(address.to_string().parse::<Address>().expect("written by Display"), address);
        assert!("5433".parse::<Address>().is_err());
    }
}
