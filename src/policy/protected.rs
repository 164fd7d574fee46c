//! Lists the protected tables, and how far each is from what protect would make of it.

use org_scope_core::policy::{self, Compared, FENCE, GATE, Source, Spec};
use pgrx::pg_sys::Oid;

use super::{copy_view, facts};
use crate::pg::{settings, types};

/// One row of the view.
#[derive(Debug)]
pub(crate) struct ProtectedTable {
    pub(crate) target: Oid,
    pub(crate) org_column: Option<String>,
    pub(crate) org_type: Option<Oid>,
    pub(crate) forced: bool,
    pub(crate) gate_roles: Option<Vec<String>>,
    pub(crate) index: Option<String>,
    pub(crate) drift: Vec<String>,
    pub(crate) org_expression: Option<String>,
    pub(crate) project_column: Option<String>,
    pub(crate) actor_column: Option<String>,
    pub(crate) shared_rows: bool,
}

/// All of them.
pub(crate) fn protected_tables() -> Vec<ProtectedTable> {
    settings::neutral(|| {
        let tables = facts::protected(None).unwrap_or_default();
        let mut tables = facts::read(&tables, &facts::Columns::default());
        copy_view::add_standing(&mut tables);
        tables
            .into_iter()
            .map(|table| {
                // Without its fence a table has no org column to speak of, whatever the gate says.
                let spec = Spec::read_back(&table).filter(|_| table.policy(FENCE).is_some());
                let org = spec.as_ref().map(|spec| &spec.org);
                let column = table.column.as_ref().filter(|c| org.and_then(Source::column) == Some(&c.name));
                let expression = org.and_then(|org| match org {
                    Source::Expression(expression) => Some(expression),
                    Source::Column(_) | Source::Parent(_) => None,
                });
                let compared = org.and_then(|org| Compared::of(&table, org).ok());
                let index = compared
                    .and_then(|org| table.serving(&org).find(|i| i.valid).map(|i| i.name.raw().to_owned()));
                ProtectedTable {
                    target: Oid::from_u32(table.oid),
                    org_column: column.map(|c| c.name.raw().to_owned()),
                    org_type: match (column, expression) {
                        (Some(column), _) => Some(Oid::from_u32(column.type_oid)),
                        (None, expression) => expression.map(|e| types::of_org(e.family)),
                    },
                    org_expression: expression.map(|e| e.printed.clone()),
                    project_column: table.standing_project().map(|name| name.raw().to_owned()),
                    actor_column: table.standing_actor().map(|actor| actor.column.raw().to_owned()),
                    shared_rows: table.standing_shared(),
                    forced: table.row_security && table.force,
                    gate_roles: table
                        .policy(GATE)
                        .map(|g| g.roles.iter().map(|r| r.raw().to_owned()).collect()),
                    index,
                    drift: policy::drift(&table).into_iter().map(|kind| kind.word().to_owned()).collect(),
                }
            })
            .collect()
    })
}
