//! What the tests are run under, without the library and with it.

use clap::ValueEnum;

use super::suite::{ALL, ISOLATION, MAIN, PLPGSQL, Suite};

/// Circumstances under which the library must not be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Setting {
    /// No other library, first without and then with the extension in every database
    Alone,
    /// Whatever can be is executed by parallel workers, as PostgreSQL's developers test them
    Workers,
    /// Between pg_stat_statements and auto_explain, whose hooks must be called as well, in both orders
    Neighbours,
}

/// One run of the suites on a server of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    /// Names its results, and what is explained about it.
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// `shared_preload_libraries`.
    pub(super) libraries: &'static str,
    /// Whether the extension is created in each suite's database.
    pub(super) created: bool,
}

const fn round(name: &'static str, what: &'static str, libraries: &'static str) -> Round {
    Round { name, what, libraries, created: false }
}

impl Round {
    /// Whether it has the library.
    pub(super) fn is_with(&self) -> bool {
        self.libraries.split(',').any(|library| library == "org_scope")
    }
}

impl Setting {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Alone => "PostgreSQL's tests, without and with org_scope",
            Self::Workers => "The same in parallel workers",
            Self::Neighbours => "The same beside pg_stat_statements and auto_explain",
        }
    }

    /// What the others are compared with: the round without the library.
    pub(super) fn baseline(self) -> Round {
        match self {
            Self::Alone => round("alone_without", "without org_scope", ""),
            Self::Workers => round("workers_without", "without org_scope", ""),
            Self::Neighbours => {
                round("neighbours_without", "without org_scope", "pg_stat_statements,auto_explain")
            }
        }
    }

    /// The rounds with the library.
    pub(super) fn rounds(self) -> Vec<Round> {
        match self {
            Self::Alone => vec![
                round("alone_loaded", "org_scope loaded", "org_scope"),
                Round {
                    created: true,
                    ..round("alone_created", "and created in every database", "org_scope")
                },
            ],
            Self::Workers => vec![round("workers_loaded", "org_scope loaded", "org_scope")],
            Self::Neighbours => vec![
                round(
                    "neighbours_second",
                    "org_scope after pg_stat_statements",
                    "pg_stat_statements,org_scope,auto_explain",
                ),
                round(
                    "neighbours_reversed",
                    "org_scope before pg_stat_statements",
                    "auto_explain,org_scope,pg_stat_statements",
                ),
            ],
        }
    }

    pub(super) fn suites(self) -> Vec<Suite> {
        match self {
            Self::Alone => vec![MAIN, PLPGSQL, ISOLATION],
            // Starting workers for every statement makes a suite of waiting sessions last minutes.
            Self::Workers => vec![MAIN, PLPGSQL],
            Self::Neighbours => ALL.to_vec(),
        }
    }

    /// Further lines of the servers' `postgresql.conf`.
    pub(super) fn conf(self, major: u16) -> Vec<String> {
        let lines: &[&str] = match self {
            Self::Alone => &[],
            Self::Workers if major < 16 => &["force_parallel_mode = regress"],
            Self::Workers => &["debug_parallel_query = regress"],
            // Everything is explained, and nothing of that is written: a level below the log's and the clients'.
            // Query identifiers are left out of EXPLAIN: they contain OIDs, which no two servers share.
            Self::Neighbours => &[
                "compute_query_id = regress",
                "auto_explain.log_min_duration = 0",
                "auto_explain.log_analyze = on",
                "auto_explain.log_nested_statements = on",
                "auto_explain.log_level = debug5",
            ],
        };
        lines.iter().map(|line| (*line).to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_baseline_is_without_the_library_and_names_are_not_shared() {
        let mut names = Vec::new();
        for setting in Setting::value_variants() {
            assert!(!setting.baseline().is_with());
            assert!(setting.rounds().iter().all(Round::is_with));
            names.push(setting.baseline().name);
            names.extend(setting.rounds().iter().map(|round| round.name));
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
