//! The ways of keeping organizations apart that are read under: a schema for each, with the same rows in the same places.

use anyhow::Result;

use super::place::{self, BEFORE, OWNER, READER};
use crate::terminal::Progress;
use crate::watched::{Backend, Watch};

/// How the rows are kept apart, and how many are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// No row security: the statement says whose rows it means.
    Hand,
    /// The fence of a table whose rows all have an organization.
    Strict,
    /// The fallback, with so many in a hundred rows filled, the older ones.
    Fallback(usize),
}

impl Variant {
    pub(super) const ALL: [Self; 5] =
        [Self::Hand, Self::Strict, Self::Fallback(0), Self::Fallback(50), Self::Fallback(100)];

    pub(super) fn schema(self) -> String {
        match self {
            Self::Hand => "hand".into(),
            Self::Strict => "strict".into(),
            Self::Fallback(percent) => format!("fallback_{percent}"),
        }
    }

    pub(super) fn words(self) -> String {
        match self {
            Self::Hand => "by hand".into(),
            Self::Strict => "strict fence".into(),
            Self::Fallback(percent) => format!("fallback, {percent} % filled"),
        }
    }

    /// Which rows know their organization: a backfill goes through the table from its beginning.
    fn filled(self) -> String {
        match self {
            Self::Fallback(percent) => format!("part <= {percent} / 100.0"),
            _ => "true".into(),
        }
    }
}

/// Makes a schema for each variant, with the same rows in the same places.
pub(super) fn make(watch: &mut Watch<'_>, database: &str, rows: usize) -> Result<()> {
    let mut progress = Progress::new("fences and fallbacks, for reading");
    place::copy(watch, BEFORE, database)?;
    let mut superuser = watch.connect(database, "postgres")?;
    let mut owner = watch.connect(database, OWNER)?;
    for (done, variant) in Variant::ALL.into_iter().enumerate() {
        let schema = variant.schema();
        progress.at(done, Variant::ALL.len(), &variant.words());
        superuser.run(&format!("CREATE SCHEMA {schema} AUTHORIZATION {OWNER}"))?;
        owner.run(&place::tables(&schema, rows, &variant.filled()))?;
        owner.run(&format!(
            "CREATE INDEX messages_org ON {schema}.messages (organization_id, created_at);
             CREATE INDEX conversations_org ON {schema}.conversations (organization_id, created_at);
             GRANT USAGE ON SCHEMA {schema} TO {READER};
             GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {READER}; ANALYZE"
        ))?;
        for table in ["conversations", "messages"] {
            match variant {
                Variant::Hand => {}
                Variant::Strict => owner.run(&format!(
                    "ALTER TABLE {schema}.{table} ALTER organization_id SET NOT NULL;
                     SELECT FROM org_scope.protect('{schema}.{table}', 'organization_id')"
                ))?,
                Variant::Fallback(_) => fall_back(&mut owner, &format!("{schema}.{table}"))?,
            }
        }
    }
    superuser.run("VACUUM (FREEZE, ANALYZE)")?;
    progress.done();
    Ok(())
}

fn fall_back(owner: &mut Backend, table: &str) -> Result<()> {
    owner.run(&format!(
        "CALL org_scope.adopt('{table}', 'organization_id', lookup => 'account', legacy_column => 'account_id')"
    ))?;
    for statement in place::left_to_user(owner)? {
        owner.run(&statement)?;
    }
    owner.run(&format!("CALL org_scope.advance('{table}')"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_rows_are_filled_first() {
        assert_eq!(Variant::Fallback(50).filled(), "part <= 50 / 100.0");
        assert_eq!(Variant::Fallback(50).schema(), "fallback_50");
        assert_eq!(Variant::Strict.filled(), "true");
    }
}
