//! A PgBouncer of one test's own.

use std::fs::{self, File};
use std::net::TcpListener;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use org_scope_cluster::{Address, Operator};
use postgres::{Client, Config, NoTls};
use tempfile::TempDir;

use super::stand::example;

/// It runs as long as the value lives, as the user that servers run as, on 127.0.0.1.
#[derive(Debug)]
pub(super) struct Pooler {
    process: Child,
    port: u16,
    folder: TempDir,
}

/// The password that PgBouncer asks of everybody.
const PASSWORD: &str = "between us";

impl Pooler {
    /// Starts it with the recipe's file in front of this database, and these lines in place of the file's.
    pub(super) fn start(server: &Address, dbname: &str, logins: &[&str], lines: &[&str]) -> Self {
        let operator = Operator::find().expect("who runs servers");
        let folder = tempfile::Builder::new().prefix("org_scope-").tempdir_in("/tmp").expect("a folder");
        let port = free_port();
        let users = folder.path().join("userlist.txt");
        let list: String = logins.iter().map(|login| format!("\"{login}\" \"{PASSWORD}\"\n")).collect();
        fs::write(&users, list).expect("the list of users");

        let mut settings = example("pgbouncer/pgbouncer.ini");
        let socket = server.socket_dir.display();
        for line in [
            format!("shop = host={socket} port={} dbname={dbname}", server.port),
            format!("listen_port = {port}"),
            format!("auth_file = {}", users.display()),
            "unix_socket_dir =".to_owned(),
        ] {
            settings = with(&settings, &line);
        }
        for line in lines {
            settings = with(&settings, line);
        }
        let ini = folder.path().join("pgbouncer.ini");
        fs::write(&ini, settings).expect("the settings");
        for path in [folder.path(), &users, &ini] {
            operator.own(path).expect("a path for PgBouncer");
        }

        let log =
            || File::options().append(true).create(true).open(folder.path().join("log")).expect("a log");
        let mut command = operator.command("/usr/bin/env");
        // Where Debian puts it isn't on everybody's PATH.
        command
            .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin")
            .arg("pgbouncer")
            .arg(&ini);
        command.stdin(Stdio::null()).stdout(log()).stderr(log());
        let process = command.spawn().expect("pgbouncer");
        let mut pooler = Self { process, port, folder };
        pooler.wait(logins[0]);
        pooler
    }

    /// What a program finds in its environment to get there.
    pub(super) fn environment(&self, login: &str) -> Vec<(&'static str, String)> {
        vec![
            ("PGHOST", "127.0.0.1".to_owned()),
            ("PGPORT", self.port.to_string()),
            ("PGDATABASE", "shop".to_owned()),
            ("PGUSER", login.to_owned()),
            ("PGPASSWORD", PASSWORD.to_owned()),
        ]
    }

    /// A client of PgBouncer.
    pub(super) fn connect(&self, login: &str) -> Client {
        self.config(login).connect(NoTls).unwrap_or_else(|error| panic!("{error:?}\n{}", self.log()))
    }

    /// The same, not yet connected.
    pub(super) fn config(&self, login: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).dbname("shop").user(login).password(PASSWORD);
        config
    }

    fn wait(&mut self, login: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.config(login).connect(NoTls).is_err() {
            let ended = self.process.try_wait().expect("a child").is_some();
            assert!(!ended && Instant::now() < deadline, "pgbouncer did not start:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // A failure here must not hide the test's own.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// The settings with this line in place of the one that sets the same, or else at the end, which is in the
/// section `[pgbouncer]`.
fn with(settings: &str, line: &str) -> String {
    let name = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
    let mut lines: Vec<&str> = settings.lines().filter(|old| name(old) != name(line)).collect();
    let first = settings.lines().position(|old| name(old) == name(line));
    lines.insert(first.unwrap_or(lines.len()), line);
    lines.join("\n") + "\n"
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}
