//! An index that holds the rows of one organization alone, for plans that are made for it.

use serde::Deserialize;

use super::{Action, Compared, Facts, Kind, Source, Spec, Step, index_name};
use crate::Error;
use crate::org::{OrgType, OrgValue};
use crate::sql::{Ident, Literal};

/// One that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgIndex {
    /// What stands behind USING.
    definition: String,
    /// Which rows are in it.
    predicate: String,
    /// The organization, as it is legible in a name.
    legible: String,
}

/// One of the table's that has this definition and these rows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Standing {
    /// Its name; the schema is the table's.
    pub name: Ident,
    /// Valid, ready and live.
    pub valid: bool,
}

impl OrgIndex {
    /// Reads what was asked for.
    ///
    /// # Errors
    /// OS010 without a fence, OS009 where it stands on no column or the table has no rows of its own, OS004 for what
    /// is no value of the column.
    pub fn read(facts: &Facts, definition: &str, org: &str) -> Result<Self, Error> {
        let table = facts.table();
        if facts.policy(super::FENCE).is_none() {
            return Err(Error::NotProtected { table });
        }
        if facts.kind != 'r' {
            return Err(Error::NoOrgIndex { table, partitioned: true });
        }
        let on_column = match Spec::read_back(facts).map(|spec| spec.org) {
            Some(Source::Column(_)) => {
                facts.column.as_ref().and_then(|c| Compared::column(c).ok().zip(Some(c)))
            }
            _ => None,
        };
        let Some((compared, column)) = on_column else {
            return Err(Error::NoOrgIndex { table: table.clone(), partitioned: false });
        };
        let value = OrgValue::parse(org).ok_or(Error::EmptyOrg)?;
        let unfit = || Error::NotItsOrg {
            table: table.clone(),
            column: column.name.clone(),
            type_name: column.type_name.clone(),
        };
        let text = match compared.family() {
            OrgType::Text => value.text().to_owned(),
            OrgType::Uuid => value.uuid().map_err(|_| unfit())?.to_string(),
            OrgType::Bigint => value.bigint().map_err(|_| unfit())?.to_string(),
        };
        let literal = Literal::new(text.as_str()).map_err(|_| Error::EmptyOrg)?;
        let legible = text.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        let predicate = format!("{} OPERATOR(pg_catalog.=) {literal}", column.name);
        Ok(Self { definition: definition.trim().to_owned(), predicate, legible })
    }

    /// Everything behind the name of the table.
    pub fn tail(&self) -> String {
        format!("USING {} WHERE {}", self.definition, self.predicate)
    }

    /// The names to try, best first.
    pub fn names(&self, facts: &Facts) -> Vec<Ident> {
        index_name::prefixed("idx_", facts.name.raw(), &self.legible)
    }

    /// What is left to do, where these stand and this name is free.
    pub fn steps(&self, facts: &Facts, standing: &[Standing], free: Option<&Ident>) -> Vec<Step> {
        let table = facts.table();
        let mut steps = Vec::new();
        if !standing.iter().any(|index| index.valid) {
            let yours = |action, reason| Step::run_yourself(Kind::Index, &table, action, reason);
            let broken = standing.first().map(|index| {
                yours(
                    Action::Reindex(index.name.clone()),
                    "the index isn't valid: CREATE INDEX CONCURRENTLY is running, or was interrupted",
                )
            });
            steps.extend(broken.or_else(|| {
                let index = free.cloned().or_else(|| self.names(facts).into_iter().next())?;
                let action = Action::CreateOrgIndex { index, tail: self.tail() };
                Some(yours(
                    action,
                    "holds one organization's rows, for plans that are made for it; its statement names the \
                     organization in the catalogs, which every role can read",
                ))
            }));
        }
        if facts.standing_shared() {
            steps.push(Step::note(
                Kind::Index,
                None,
                "rows that belong to nobody can be read by all, and are in no organization's index: SELECT can't use it",
            ));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::super::simulate::table;
    use super::*;

    const ORG: &str = "AAAAAAAA-0000-4000-8000-000000000001";

    fn fenced() -> Facts {
        let mut facts = table();
        let own = Compared::column(facts.column.as_ref().expect("a column")).expect("a uuid").own();
        facts.policies.push(super::super::Policy {
            name: Ident::new(Part::Fence.name()).expect("legal"),
            permissive: false,
            command: '*',
            roles: vec![],
            using: Some(own.printed.clone()),
            check: Some(own.printed),
            columns: vec![Ident::new("org_id").expect("legal")],
            comment: None,
        });
        facts
    }

    fn standing(valid: bool) -> Standing {
        Standing { name: Ident::new("found").expect("legal"), valid }
    }

    #[test]
    fn the_statement_has_the_organization_as_a_literal_of_the_columns_type() {
        let facts = fenced();
        let index = OrgIndex::read(&facts, " hnsw (e vector_l2_ops) ", ORG).expect("a fence on a column");
        let steps = index.steps(&facts, &[], None);
        let [step] = &steps[..] else { panic!("{steps:?}") };
        assert_eq!(
            step.statement.as_deref(),
            Some(
                "CREATE INDEX CONCURRENTLY idx_agents_aaaaaaaa_0000_4000_8000_000000000001 ON public.agents \
                 USING hnsw (e vector_l2_ops) WHERE org_id OPERATOR(pg_catalog.=) 'aaaaaaaa-0000-4000-8000-000000000001'"
            )
        );
        let free = Ident::new("free").expect("legal");
        let named = index.steps(&facts, &[], Some(&free));
        assert!(
            named[0].statement.as_deref().is_some_and(|s| s.starts_with("CREATE INDEX CONCURRENTLY free ON"))
        );
    }

    #[test]
    fn what_stands_is_left_alone_or_mended() {
        let facts = fenced();
        let index = OrgIndex::read(&facts, "gin (tags)", ORG).expect("a fence on a column");
        assert_eq!(index.steps(&facts, &[standing(true)], None), []);
        assert_eq!(index.steps(&facts, &[standing(false), standing(true)], None), []);
        let steps = index.steps(&facts, &[standing(false)], None);
        assert_eq!(steps[0].statement.as_deref(), Some("REINDEX INDEX CONCURRENTLY public.found"));
    }

    #[test]
    fn what_can_have_none_is_refused() {
        let refused = |facts: &Facts, org: &str| {
            OrgIndex::read(facts, "gin (tags)", org).map(drop).expect_err("refused").report().sqlstate
        };
        assert_eq!(refused(&table(), ORG), "OS010");
        assert_eq!(refused(&fenced(), "acme"), "OS004");
        assert_eq!(refused(&fenced(), ""), "OS004");
        let partitioned = Facts { kind: 'p', ..fenced() };
        assert_eq!(refused(&partitioned, ORG), "OS009");
        let mut expression = Facts { column: None, ..fenced() };
        for policy in &mut expression.policies {
            policy.check = Some("((doc ->> 'org'::text) = org_scope.fence_org())".into());
        }
        assert_eq!(refused(&expression, ORG), "OS009");
    }

    #[test]
    fn a_literal_ends_where_it_is_said_to() {
        let mut facts = fenced();
        let column = facts.column.as_mut().expect("a column");
        column.base_type.1 = "text".into();
        for policy in &mut facts.policies {
            policy.check = Some("(org_id = org_scope.fence_org())".into());
        }
        let index = OrgIndex::read(&facts, "gin (tags)", "x' OR true --\\").expect("a fence on a column");
        assert_eq!(
            index.tail(),
            "USING gin (tags) WHERE org_id OPERATOR(pg_catalog.=) E'x'' OR true --\\\\'"
        );
        assert_eq!(index.names(&facts)[0].raw(), "idx_agents_x__OR_true____");
    }
}
