//! The view beside a table that COPY FROM can fill under the fence.
//!
//! PostgreSQL refuses COPY FROM into a table with row security. A view takes it where a trigger says what
//! becomes of each row: ours inserts it into the table, as whoever copies, so that the fence asks about it.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::action::{List, Text};
use super::{Action, Facts, Grantee, Kind, Spec, Step};
use crate::sql::{Ident, MAX_IDENT_BYTES, QualifiedName};

/// The trigger by which a view is known as ours.
const TRIGGER: &str = "org_scope_copy";
const SUFFIX: &str = "_copy";
const COMMENT: &str =
    "Takes COPY FROM under the fence of its table, to which each row goes (org_scope.protect).";

/// What a copy view is made from, and the one that stands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CopyFacts {
    /// The columns of the table that a new row can be given, in order.
    pub columns: Vec<CopyColumn>,
    /// Who may INSERT into the whole table, its owner excepted.
    pub inserters: BTreeSet<Grantee>,
    /// Whether the name that a new view gets is another relation's.
    pub taken: bool,
    /// The current user, whom a new view belongs to.
    pub caller: Ident,
    /// Whether that user has CREATE on the schema.
    pub may_create: bool,
    /// Whether the table's owner has it.
    pub owner_may_create: bool,
    /// The view that stands.
    pub standing: Option<CopyView>,
}

/// A column of a table or of its copy view.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CopyColumn {
    /// Its name.
    pub name: Ident,
    /// Its type and collation, to compare with.
    pub type_name: String,
    /// Its DEFAULT as the server prints it.
    pub default: Option<String>,
}

/// A copy view as it stands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CopyView {
    /// Its name; the schema is the table's.
    pub name: Ident,
    /// Its owner.
    pub owner: Ident,
    /// Whether it reads the table as whoever asks.
    pub invoker: bool,
    /// Whether its trigger fires.
    pub armed: bool,
    /// Its columns.
    pub columns: Vec<CopyColumn>,
    /// Privileges on it, its owner's excepted.
    pub grants: BTreeSet<(String, Grantee)>,
}

/// One change of a copy view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyAction {
    /// CREATE VIEW, or OR REPLACE where columns were added.
    Create {
        /// Its columns.
        columns: Vec<Ident>,
        /// Whether it replaces one that stands.
        replace: bool,
    },
    /// ALTER VIEW SET: as whoever asks.
    Invoker,
    /// ALTER COLUMN SET or DROP DEFAULT.
    Default {
        /// The column.
        column: Ident,
        /// The expression; none drops it.
        expression: Option<String>,
    },
    /// CREATE TRIGGER.
    Trigger,
    /// COMMENT ON VIEW.
    Comment,
    /// GRANT.
    Grant {
        /// The privilege.
        privilege: String,
        /// Who gets it.
        roles: Vec<Grantee>,
    },
    /// OWNER TO the table's owner.
    Owner(Ident),
    /// DROP VIEW.
    Drop,
}

impl CopyAction {
    /// The statement for one view.
    pub(super) fn statement(&self, table: &QualifiedName, view: &Ident) -> String {
        let view = table.sibling(view.clone());
        match self {
            Self::Create { columns, replace } => format!(
                "CREATE {}VIEW {view} WITH (security_invoker = true) AS SELECT {} FROM {table}",
                if *replace { "OR REPLACE " } else { "" },
                List(columns)
            ),
            Self::Invoker => format!("ALTER VIEW {view} SET (security_invoker = true)"),
            Self::Default { column, expression: Some(expression) } => {
                format!("ALTER VIEW {view} ALTER COLUMN {column} SET DEFAULT ({expression})")
            }
            Self::Default { column, expression: None } => {
                format!("ALTER VIEW {view} ALTER COLUMN {column} DROP DEFAULT")
            }
            Self::Trigger => format!(
                "CREATE OR REPLACE TRIGGER {TRIGGER} INSTEAD OF INSERT ON {view} \
                 FOR EACH ROW EXECUTE FUNCTION org_scope.copy_row()"
            ),
            Self::Comment => format!("COMMENT ON VIEW {view} IS {}", Text(COMMENT)),
            Self::Grant { privilege, roles } => format!("GRANT {privilege} ON {view} TO {}", List(roles)),
            Self::Owner(owner) => format!("ALTER VIEW {view} OWNER TO {owner}"),
            Self::Drop => format!("DROP VIEW {view}"),
        }
    }
}

/// The name of a new copy view.
pub fn copy_view_name(table: &Ident) -> Ident {
    let mut end = table.raw().len().min(MAX_IDENT_BYTES - SUFFIX.len());
    while !table.raw().is_char_boundary(end) {
        end -= 1;
    }
    // Not empty, not too long, and of a name's own characters.
    Ident::new(format!("{}{SUFFIX}", &table.raw()[..end])).unwrap_or_else(|_| table.clone())
}

/// Whether there is to be one.
pub fn wants_copy_view(spec: &Spec, facts: &Facts) -> bool {
    spec.copy_view.unwrap_or(facts.copy_view.is_some())
}

/// The steps that make, mend or take away the copy view, after those of the table itself.
pub(super) fn steps(spec: &Spec, facts: &Facts, before: &[Step]) -> Vec<Step> {
    if !wants_copy_view(spec, facts) {
        return removal(facts, "copy_view was switched off");
    }
    let Some(copy) = &facts.copy else { return Vec::new() };
    let mut columns = copy.columns.clone();
    for action in before.iter().filter_map(|step| step.action.as_ref()) {
        let (name, expression) = match action {
            Action::SetDefault { column, expression } => (column, Some(expression.clone())),
            Action::DropDefault(column) => (column, None),
            _ => continue,
        };
        if let Some(column) = columns.iter_mut().find(|column| column.name == *name) {
            column.default = expression;
        }
    }
    let mut plan = Plan { table: facts.table(), view: copy_view_name(&facts.name), steps: Vec::new() };
    plan.make(facts, copy, &columns);
    plan.steps
}

/// The step that takes the copy view away.
pub(super) fn removal(facts: &Facts, reason: &str) -> Vec<Step> {
    let drop = |view: &Ident| {
        let mut plan = Plan { table: facts.table(), view: view.clone(), steps: Vec::new() };
        plan.push(CopyAction::Drop, reason);
        plan.steps
    };
    facts.copy_view.as_ref().map(drop).unwrap_or_default()
}

struct Plan {
    table: QualifiedName,
    view: Ident,
    steps: Vec<Step>,
}

impl Plan {
    fn push(&mut self, action: CopyAction, reason: &str) {
        let action = Action::CopyView { view: self.view.clone(), action: Box::new(action) };
        self.steps.push(Step::planned(Kind::CopyView, &self.table, action, reason));
    }

    fn make(&mut self, facts: &Facts, copy: &CopyFacts, columns: &[CopyColumn]) {
        if columns.is_empty() {
            let reason = "every column of the table is generated, so there is nothing to copy";
            return self.steps.push(Step::skipped(Kind::CopyView, reason));
        }
        let names: Vec<Ident> = columns.iter().map(|c| c.name.clone()).collect();
        let mut grants: BTreeSet<_> =
            copy.inserters.iter().map(|role| ("INSERT".to_owned(), role.clone())).collect();
        let shape = |c: &CopyColumn| (c.name.clone(), c.type_name.clone());
        let stands = copy.standing.as_ref().filter(|view| {
            view.columns.len() <= columns.len()
                && view.columns.iter().zip(columns).all(|(is, wanted)| shape(is) == shape(wanted))
        });
        if let Some(view) = stands {
            self.view = view.name.clone();
            if view.columns.len() < columns.len() {
                let reason = "the table has columns that came since";
                self.push(CopyAction::Create { columns: names, replace: true }, reason);
            } else if !view.invoker {
                self.push(CopyAction::Invoker, "the view had been made to read as its owner");
            }
            self.defaults(&view.columns, columns);
            if !view.armed {
                self.push(CopyAction::Trigger, "the view's trigger had been altered");
            }
            grants = grants.difference(&view.grants).cloned().collect();
        } else {
            if let Some(other) = &copy.standing {
                self.view = other.name.clone();
                self.push(CopyAction::Drop, "the table's columns have changed since");
                grants.extend(other.grants.iter().cloned());
            } else if copy.taken {
                let reason = format!("{} is another relation's name", self.table.sibling(self.view.clone()));
                return self.steps.push(Step::skipped(Kind::CopyView, reason));
            }
            if !copy.may_create {
                let reason = format!("you have no CREATE privilege on schema {}", self.table.schema);
                return self.steps.push(Step::skipped(Kind::CopyView, reason));
            }
            let reason = "takes COPY FROM, which PostgreSQL refuses on a table with row security";
            self.push(CopyAction::Create { columns: names, replace: false }, reason);
            self.defaults(&[], columns);
            self.push(CopyAction::Trigger, "inserts each row into the table as whoever copies");
            self.push(CopyAction::Comment, "says what it is for");
        }
        self.grants(&grants);
        let owner = stands.map_or(&copy.caller, |view| &view.owner);
        if *owner != facts.owner && copy.owner_may_create {
            self.push(CopyAction::Owner(facts.owner.clone()), "belongs to whom the table belongs");
        }
    }

    fn defaults(&mut self, standing: &[CopyColumn], wanted: &[CopyColumn]) {
        for (place, column) in wanted.iter().enumerate() {
            if standing.get(place).and_then(|c| c.default.as_ref()) != column.default.as_ref() {
                let action =
                    CopyAction::Default { column: column.name.clone(), expression: column.default.clone() };
                self.push(action, "as the table has it");
            }
        }
    }

    fn grants(&mut self, grants: &BTreeSet<(String, Grantee)>) {
        let privileges: BTreeSet<&String> = grants.iter().map(|(privilege, _)| privilege).collect();
        for privilege in privileges {
            let roles = grants.iter().filter(|(p, _)| p == privilege).map(|(_, role)| role.clone()).collect();
            let action = CopyAction::Grant { privilege: privilege.clone(), roles };
            self.push(action, "for who may do so in the table");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulate::{spec, table};
    use super::*;
    use crate::policy::State;

    fn ident(name: &str) -> Ident {
        Ident::new(name).expect("a legal name")
    }

    /// A step before, as the table's own DEFAULT is set.
    fn org_default() -> Vec<Step> {
        let expression = "org_scope.current_org()".to_owned();
        let action = Action::SetDefault { column: ident("org_id"), expression };
        vec![Step::planned(Kind::Default, &table().table(), action, "")]
    }

    fn column(name: &str, default: Option<&str>) -> CopyColumn {
        CopyColumn { name: ident(name), type_name: "text".into(), default: default.map(str::to_owned) }
    }

    fn facts() -> (Spec, Facts) {
        let mut facts = table();
        facts.copy = Some(CopyFacts {
            columns: vec![column("id", Some("nextval('s'::regclass)")), column("org_id", None)],
            inserters: [Grantee::PUBLIC, Grantee(Some(ident("App")))].into(),
            taken: false,
            caller: ident("owner"),
            may_create: true,
            owner_may_create: true,
            standing: None,
        });
        (Spec { copy_view: Some(true), ..spec() }, facts)
    }

    fn apply(facts: &mut Facts, steps: &[Step]) {
        let copy = facts.copy.as_mut().expect("copy facts");
        for step in steps {
            let Some(Action::CopyView { view, action }) = &step.action else { panic!("{step:?}") };
            if let CopyAction::Create { columns, replace: false } = &**action {
                let columns = columns.iter().map(|name| column(name.raw(), None)).collect();
                copy.standing = Some(CopyView {
                    name: view.clone(),
                    owner: copy.caller.clone(),
                    invoker: true,
                    armed: false,
                    columns,
                    grants: BTreeSet::new(),
                });
                facts.copy_view = Some(view.clone());
                continue;
            }
            let standing = copy.standing.as_mut().expect("a view that stands");
            match &**action {
                CopyAction::Create { columns, .. } => {
                    let new = columns.iter().skip(standing.columns.len());
                    standing.columns.extend(new.map(|name| column(name.raw(), None)).collect::<Vec<_>>());
                }
                CopyAction::Invoker => standing.invoker = true,
                CopyAction::Default { column, expression } => {
                    let standing = standing.columns.iter_mut().find(|c| c.name == *column);
                    standing.expect("a column").default.clone_from(expression);
                }
                CopyAction::Trigger => standing.armed = true,
                CopyAction::Comment => {}
                CopyAction::Grant { privilege, roles } => {
                    standing.grants.extend(roles.iter().map(|role| (privilege.clone(), role.clone())));
                }
                CopyAction::Owner(owner) => standing.owner = owner.clone(),
                CopyAction::Drop => (copy.standing, facts.copy_view) = (None, None),
            }
        }
    }

    fn statements(steps: &[Step]) -> Vec<&str> {
        steps.iter().filter_map(|s| s.statement.as_deref()).collect()
    }

    #[test]
    fn a_new_view_says_everything_once() {
        let (spec, mut facts) = facts();
        facts.copy.as_mut().expect("copy facts").caller = ident("dba");
        let made = steps(&spec, &facts, &org_default());
        assert_eq!(
            statements(&made),
            [
                "CREATE VIEW public.agents_copy WITH (security_invoker = true) AS SELECT id, org_id FROM public.agents",
                "ALTER VIEW public.agents_copy ALTER COLUMN id SET DEFAULT (nextval('s'::regclass))",
                "ALTER VIEW public.agents_copy ALTER COLUMN org_id SET DEFAULT (org_scope.current_org())",
                "CREATE OR REPLACE TRIGGER org_scope_copy INSTEAD OF INSERT ON public.agents_copy \
                 FOR EACH ROW EXECUTE FUNCTION org_scope.copy_row()",
                &format!("COMMENT ON VIEW public.agents_copy IS '{COMMENT}'"),
                "GRANT INSERT ON public.agents_copy TO PUBLIC, \"App\"",
                "ALTER VIEW public.agents_copy OWNER TO owner",
            ]
        );
        apply(&mut facts, &made);
        assert_eq!(steps(&spec, &facts, &org_default()), []);
    }

    #[test]
    fn every_change_is_mended_in_one_call() {
        let (spec, mut facts) = facts();
        let made = steps(&spec, &facts, &[]);
        apply(&mut facts, &made);
        let copy = facts.copy.as_mut().expect("copy facts");
        copy.columns.push(column("later", Some("1")));
        copy.columns[0].default = None;
        let standing = copy.standing.as_mut().expect("a view");
        (standing.armed, standing.owner) = (false, ident("somebody"));
        standing.grants.clear();
        let mended = steps(&spec, &facts, &org_default());
        assert!(statements(&mended)[0].starts_with("CREATE OR REPLACE VIEW"), "{mended:#?}");
        apply(&mut facts, &mended);
        assert_eq!(steps(&spec, &facts, &org_default()), []);

        facts.copy.as_mut().expect("copy facts").columns.remove(0);
        let rebuilt = steps(&spec, &facts, &[]);
        assert_eq!(statements(&rebuilt)[0], "DROP VIEW public.agents_copy");
        apply(&mut facts, &rebuilt);
        assert_eq!(steps(&spec, &facts, &[]), []);

        facts.copy.as_mut().expect("copy facts").standing.as_mut().expect("a view").invoker = false;
        assert_eq!(
            statements(&steps(&spec, &facts, &[])),
            ["ALTER VIEW public.agents_copy SET (security_invoker = true)"]
        );
        let away = steps(&Spec { copy_view: Some(false), ..spec }, &facts, &[]);
        assert_eq!(statements(&away), ["DROP VIEW public.agents_copy"]);
    }

    #[test]
    fn what_cannot_be_is_skipped() {
        let state = |change: fn(&mut CopyFacts)| {
            let (spec, mut facts) = facts();
            change(facts.copy.as_mut().expect("copy facts"));
            let steps = steps(&spec, &facts, &[]);
            (steps.len(), steps[0].state)
        };
        assert_eq!(state(|c| c.taken = true), (1, State::Skipped));
        assert_eq!(state(|c| c.may_create = false), (1, State::Skipped));
        assert_eq!(state(|c| c.columns.clear()), (1, State::Skipped));
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let name = copy_view_name(&ident(&"ä".repeat(31)));
        assert_eq!(name.raw(), format!("{}_copy", "ä".repeat(29)));
    }
}
