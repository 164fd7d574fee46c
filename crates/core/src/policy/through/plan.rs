//! From the facts of a child and its parent to a child that is filled and kept: the difference, in
//! the order in which it is executed. The fence itself is `protect`'s, on the column that is there then.

use super::{Key, KeyColumn, Link, Linked, NoThrough, OtherParent, PlainKey, Standing, Trigger};
use crate::policy::action::Action;
use crate::policy::{Column, FENCE, Facts, Kind, Step, family_of_type};
use crate::sql::{Ident, QualifiedName};

/// So many rows are filled at once, whatever the size of the table.
pub const FEW_ROWS: i64 = 10_000;

/// Names and bounds for new indexes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Room<'a> {
    /// Above this size an index, or the filling, is left to the user.
    pub max_inline: u64,
    /// A free name for the parent's unique index.
    pub unique: Option<&'a Ident>,
    /// A free name for the index on the child's key.
    pub key: Option<&'a Ident>,
    /// Whether an index on the child's key belongs to it.
    pub create_index: bool,
}

/// What was counted over the rows of all organizations.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rows {
    /// Rows without an organization whose parent has one, counted up to a little over [`FEW_ROWS`].
    pub fillable: i64,
}

/// What is to be done before the fence.
#[derive(Debug, Default)]
pub struct Plan {
    /// On the parent.
    pub parent: Vec<Step>,
    /// On the child.
    pub child: Vec<Step>,
    /// Whether the child can be fenced after it.
    pub complete: bool,
}

/// A child, its parent, and what is known of the two.
#[derive(Debug, Clone, Copy)]
pub struct Tie<'a> {
    /// The child, with the org column that it has or is to have.
    pub child: &'a Facts,
    /// The parent, which is fenced.
    pub parent: &'a Facts,
    /// The child's key.
    pub key: &'a Key,
    /// The child's org column.
    pub org: &'a Ident,
    /// What the catalog tells of both.
    pub linked: &'a Linked,
    /// What stands.
    pub standing: &'a Standing,
}

/// The steps; none but notes where all stands.
///
/// # Errors
/// [`NoThrough`] where the child can't go through this parent.
pub fn plan(tie: Tie<'_>, rows: Rows, room: Room<'_>) -> Result<Plan, NoThrough> {
    let (parent_key, parent_org) = NoThrough::check(tie)?;
    let Tie { child, parent, key, org, linked, standing } = tie;
    let plan = Plan::default();
    let mut work = Work { child, parent, key, org, parent_key, parent_org, linked, standing, plan };
    let ready = match key {
        Key::Column(column) => work.unique(room) && work.foreign_key(column),
        Key::Expression(_) => {
            work.parents_triggers();
            work.column();
            work.check();
            true
        }
    };
    if ready {
        work.fill_trigger();
        work.key_index(room);
        work.plan.complete = work.fill(rows, room);
        work.validate();
    }
    work.notes();
    Ok(work.plan)
}

impl NoThrough {
    /// Whether the child can go through the parent, and by what of the parent.
    fn check(tie: Tie<'_>) -> Result<(&KeyColumn, &Column), Self> {
        let Tie { child, parent, key, org, linked, standing } = tie;
        if let Some(table) = [child, parent].into_iter().find(|t| t.kind == 'p' || t.is_partition) {
            return Err(Self::Partitioned(table.table()));
        }
        if !child.parents.is_empty() || !child.open_children.is_empty() {
            return Err(Self::Inherits);
        }
        if !linked.trusted {
            return Err(Self::Owners {
                parent: parent.table(),
                child_owner: child.owner.clone(),
                parent_owner: parent.owner.clone(),
            });
        }
        if let Some(other) = standing.keeper.as_ref().filter(|k| k.parent != parent.oid) {
            return Err(Self::OtherParent(other.parent()));
        }
        let (Some(parent_key), Some(parent_org)) = (&linked.parent_key, &parent.column) else {
            return Err(Self::NoParentKey(parent.table()));
        };
        Self::check_keys(&parent.table(), linked, parent_key)?;
        let triggers = linked.children.as_ref().filter(|_| linked.siblings > 0);
        if let (Key::Expression(_), Some(triggers)) = (key, triggers) {
            let ours = Link::CreateChildren { key: parent_key.name.clone(), org: parent_org.name.clone() };
            if !same(&triggers.definition, &ours.statement(&parent.table())) {
                let column = parent_key.name.clone();
                return Err(Self::OtherKey { parent: parent.table(), column });
            }
        }
        if let Some(own) = child.column.as_ref().filter(|c| c.name == *org)
            && own.base_type != parent_org.base_type
        {
            return Err(Self::ColumnType { column: org.clone(), wanted: parent_org.type_name.clone() });
        }
        Ok((parent_key, parent_org))
    }
}

impl NoThrough {
    /// Whether the keys can be compared, and tell rows of the parent apart.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn check_keys(parent: &QualifiedName, linked: &Linked, parent_key: &KeyColumn) -> Result<(), Self> {
        let column = parent_key.name.clone();
        if !linked.parent_key_unique {
            return Err(Self::AmbiguousParentKey { parent: parent.clone(), column });
        }
        let built_in = family_of_type(&parent_key.base_type).is_some() && parent_key.deterministic;
        let unlike = linked.key.as_ref().filter(|own| !built_in || !own.deterministic);
        if built_in && unlike.is_none() {
            return Ok(());
        }
        let key = unlike.map_or_else(|| "the key".to_owned(), |own| own.name.to_string());
        Err(Self::KeyType { key, parent_key: column, type_name: parent_key.type_name.clone() })
    }

    /// There is no such key.
    pub fn no_parent_key(parent: QualifiedName, asked: Option<Ident>) -> Self {
        match asked {
            Some(column) => Self::MissingParentKey { parent, column },
            None => Self::NoParentKey(parent),
        }
    }
}

struct Work<'a> {
    child: &'a Facts,
    parent: &'a Facts,
    key: &'a Key,
    org: &'a Ident,
    parent_key: &'a KeyColumn,
    parent_org: &'a Column,
    linked: &'a Linked,
    standing: &'a Standing,
    plan: Plan,
}

impl Work<'_> {
    fn on_child(&mut self, kind: Kind, link: Link, reason: impl Into<String>) {
        self.plan.child.push(Step::planned(kind, &self.child.table(), Action::Link(link), reason));
    }

    fn on_parent(&mut self, kind: Kind, link: Link, reason: impl Into<String>) {
        self.plan.parent.push(Step::planned(kind, &self.parent.table(), Action::Link(link), reason));
    }

    fn run_yourself(table: &QualifiedName, kind: Kind, link: Link, reason: impl Into<String>) -> Step {
        Step::run_yourself(kind, table, Action::Link(link), reason)
    }

    /// The parent's unique index over key and organization; false where it is left to the user.
    fn unique(&mut self, room: Room<'_>) -> bool {
        let table = self.parent.table();
        if self.linked.unique.iter().any(|u| u.valid) {
            return true;
        }
        if let Some(broken) = self.linked.unique.first() {
            let reason = "the index isn't valid: CREATE INDEX CONCURRENTLY is running, or was interrupted; \
                          call again when it is";
            let step = Self::run_yourself(&table, Kind::Index, Link::Reindex(broken.name.clone()), reason);
            self.plan.parent.push(step);
            return false;
        }
        let Some(index) = room.unique.cloned() else { return false };
        let create = |concurrently| Link::CreateUnique {
            index: index.clone(),
            key: self.parent_key.name.clone(),
            org: self.parent_org.name.clone(),
            concurrently,
        };
        if self.linked.parent_size > room.max_inline || !self.parent.may_create_index {
            let reason = "children refer to key and organization together, and the parent is larger than \
                          org_scope.max_inline_index_size, or you may not create in its schema: \
                          call again when the index is there";
            self.plan.parent.push(Self::run_yourself(&table, Kind::Index, create(true), reason));
            return false;
        }
        let create = create(false);
        self.on_parent(Kind::Index, create, "children refer to key and organization together");
        self.on_parent(Kind::Index, Link::MarkIndex(index), "marks the index as brought by protect_through");
        true
    }

    fn column(&mut self) {
        if self.child.column.is_some() {
            return;
        }
        let (column, type_name) = (self.org.clone(), self.parent_org.type_name.clone());
        let reason = "holds the organization of the row's parent";
        self.on_child(Kind::Column, Link::AddColumn { column: column.clone(), type_name }, reason);
        self.on_child(
            Kind::Column,
            Link::MarkColumn(column),
            "marks the column as brought by protect_through",
        );
    }

    fn foreign_key(&mut self, key: &Ident) -> bool {
        self.column();
        let on_delete = on_delete(self.linked.plain.as_ref(), self.org);
        let create = Link::CreateForeignKey {
            key: key.clone(),
            org: self.org.clone(),
            parent: self.parent.table(),
            parent_key: self.parent_key.name.clone(),
            parent_org: self.parent_org.name.clone(),
            on_delete,
        };
        let wanted = create.statement(&self.child.table());
        let stands = match &self.standing.keeper {
            Some(keeper) if keeper.foreign_key => {
                let right = wanted.split_once("FOREIGN KEY").is_some_and(|(_, wanted)| {
                    same(keeper.definition.trim_start_matches("FOREIGN KEY"), wanted)
                });
                if !right {
                    self.on_child(Kind::Through, Link::DropForeignKey, "the foreign key had been altered");
                }
                right
            }
            Some(_) => {
                self.on_child(Kind::Through, Link::DropCheck, "a foreign key takes its place");
                false
            }
            None => false,
        };
        if !stands {
            let reason = "a row stays in its parent's organization, and goes along when the parent moves";
            self.on_child(Kind::Through, create, reason);
            self.on_child(Kind::Through, Link::CommentOnForeignKey, "says what it is for");
        }
        true
    }

    fn check(&mut self) {
        let create =
            Link::CreateCheck { parent: self.parent.table(), key: self.key.of_new(), org: self.org.clone() };
        let wanted = create.statement(&self.child.table());
        match &self.standing.keeper {
            Some(keeper) if !keeper.foreign_key && same(&keeper.definition, &wanted) => {
                if keeper.enabled != 'O' {
                    self.on_child(Kind::Through, Link::EnableCheck, "the trigger had been switched off");
                }
                return;
            }
            Some(keeper) if keeper.foreign_key => {
                self.on_child(Kind::Through, Link::DropForeignKey, "the key is an expression now");
            }
            Some(_) => self.on_child(Kind::Through, Link::DropCheck, "the trigger had been altered"),
            None => {}
        }
        let reason = "a row stays in its parent's organization: no foreign key can stand on an expression";
        self.on_child(Kind::Through, create, reason);
        self.on_child(Kind::Through, Link::CommentOnCheck, "says what it is for");
    }

    fn parents_triggers(&mut self) {
        let key = self.parent_key.name.clone();
        let children = Link::CreateChildren { key, org: self.parent_org.name.clone() };
        let reason = "a parent that moves takes its children along";
        self.trigger(
            true,
            self.linked.children.as_ref(),
            [children, Link::CommentOnChildren, Link::EnableChildren, Link::DropChildren],
            reason,
        );
        self.trigger(
            true,
            self.linked.orphans.as_ref(),
            [Link::CreateOrphans, Link::CommentOnOrphans, Link::EnableOrphans, Link::DropOrphans],
            "the children of a row that is deleted are closed",
        );
    }

    fn fill_trigger(&mut self) {
        let mut columns = self.key.columns();
        columns.push(self.org.clone());
        self.trigger(
            false,
            self.standing.fill.as_ref(),
            [Link::CreateFill { columns }, Link::CommentOnFill, Link::EnableFill, Link::DropFill],
            "gives a row its parent's organization, and locks the parent meanwhile",
        );
    }

    /// Brings a trigger, or mends it. Not ENABLE ALWAYS: rows that replication or a restore brings have
    /// their organization already.
    fn trigger(&mut self, parents: bool, stands: Option<&Trigger>, links: [Link; 4], reason: &str) {
        let table = if parents { self.parent.table() } else { self.child.table() };
        let [create, comment, enable, drop] = links;
        let mut push = |link, reason: &str| match parents {
            true => self.on_parent(Kind::Through, link, reason),
            false => self.on_child(Kind::Through, link, reason),
        };
        match stands {
            Some(trigger) if same(&trigger.definition, &create.statement(&table)) => {
                if trigger.enabled != 'O' {
                    push(enable, "the trigger had been switched off");
                }
                return;
            }
            Some(_) => push(drop, "the trigger had been altered"),
            None => {}
        }
        push(create, reason);
        push(comment, "says what it is for");
    }

    /// A parent that moves or goes looks for its children by their key.
    fn key_index(&mut self, room: Room<'_>) {
        let Key::Expression(expression) = self.key else { return };
        if !room.create_index || self.linked.key_indexes.iter().any(|(_, e)| same(e, &expression.bare)) {
            return;
        }
        let Some(index) = room.key.cloned() else { return };
        let key = expression.bare.clone();
        let large = self.linked.size > room.max_inline || !self.child.may_create_index;
        let create = Link::CreateKeyIndex { index: index.clone(), key, concurrently: large };
        if large {
            let reason = "finds the children of a parent that moves or goes; building it here would block \
                          writers, or you may not create in the schema";
            self.plan.child.push(Self::run_yourself(&self.child.table(), Kind::Index, create, reason));
        } else {
            self.on_child(Kind::Index, create, "finds the children of a parent that moves or goes");
            self.on_child(
                Kind::Index,
                Link::MarkIndex(index),
                "marks the index as brought by protect_through",
            );
        }
    }

    /// Fills the rows that stand; false where that is left to the user.
    fn fill(&mut self, rows: Rows, room: Room<'_>) -> bool {
        let new = self.child.column.is_none() && self.linked.size > 0;
        if !new && rows.fillable == 0 {
            return true;
        }
        if self.linked.size <= room.max_inline || (!new && rows.fillable <= FEW_ROWS) {
            if matches!(self.key, Key::Column(_)) && self.linked.plain.as_ref().is_some_and(|p| p.deferred) {
                let reason = "what filling sets off is checked at once, as no ALTER TABLE could follow it";
                self.on_child(Kind::Fill, Link::CheckAtOnce, reason);
            }
            self.on_child(Kind::Fill, Link::Fill(self.org.clone()), "the trigger fills the rows that stand");
            return true;
        }
        let table = self.child.table().to_string();
        let statement = format!("CALL org_scope.fill_through({})", crate::policy::action::Text(&table));
        let reason = "the table is larger than org_scope.max_inline_index_size: this fills it in batches, \
                      with a commit after each; the fence comes with the next call after it";
        self.plan.child.push(Step {
            state: crate::policy::State::RunYourself,
            ..Step::note(Kind::Fill, Some(statement), reason)
        });
        false
    }

    fn validate(&mut self) {
        let Key::Column(_) = self.key else { return };
        let valid = self.standing.keeper.as_ref().is_some_and(|k| k.valid);
        let creates = self
            .plan
            .child
            .iter()
            .any(|s| matches!(s.action, Some(Action::Link(Link::CreateForeignKey { .. }))));
        if self.plan.complete && (creates || !valid) {
            self.on_child(Kind::Through, Link::Validate, "checks the rows that stand, of all organizations");
        }
    }

    fn notes(&mut self) {
        let fenced = self.child.policy(FENCE).is_some();
        if !fenced && matches!(self.key, Key::Expression(_)) {
            let reason = "TRUNCATE of the parent takes no children along, and no foreign key forbids it";
            self.plan.child.push(Step::note(Kind::Through, None, reason));
        }
        for OtherParent { schema, name } in &self.linked.others {
            let other = QualifiedName { schema: schema.clone(), name: name.clone() };
            let reason = format!(
                "a foreign key leads to {other} too; the organization comes from {} alone, and nothing here \
                 keeps a row from naming another organization's row there",
                self.parent.table()
            );
            self.plan.child.push(Step::note(Kind::Through, None, reason));
        }
    }
}

/// What becomes of a child whose parent is deleted: what became of it before.
fn on_delete(plain: Option<&PlainKey>, org: &Ident) -> String {
    let Some(plain) = plain else { return format!(" ON DELETE SET NULL ({org})") };
    let action = match plain.on_delete {
        'c' => " ON DELETE CASCADE",
        'n' => " ON DELETE SET NULL",
        'd' => " ON DELETE SET DEFAULT",
        _ => "",
    };
    let deferrable = match (plain.deferrable, plain.deferred) {
        (true, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE",
        _ => "",
    };
    format!("{action}{deferrable}")
}

/// Whether two definitions say the same, however they are quoted, parenthesised and laid out, and
/// whether or not the rows that stand were checked.
pub(crate) fn same(printed: &str, wanted: &str) -> bool {
    bare(printed) == bare(wanted)
}

fn bare(definition: &str) -> String {
    let mut text: String =
        definition.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '(' | ')')).collect();
    for cast in
        ["pg_catalog.", "::text", "::uuid", "::bigint", "::integer", "::smallint", "::int8", "NOTVALID"]
    {
        text = text.replace(cast, "");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{CHILDREN, ORPHANS};
    use super::*;

    #[test]
    fn definitions_are_compared_by_what_they_say() {
        let printed = "CREATE TRIGGER org_scope_children AFTER UPDATE ON public.p FOR EACH ROW WHEN \
            ((((old.id)::text IS DISTINCT FROM (new.id)::text) OR (old.org_id IS DISTINCT FROM new.org_id))) \
            EXECUTE FUNCTION org_scope.move_children()";
        let ident = |n: &str| Ident::new(n).expect("legal");
        let table = QualifiedName::new("public", "p").expect("legal");
        let wanted = Link::CreateChildren { key: ident("id"), org: ident("org_id") }.statement(&table);
        assert!(same(printed, &wanted), "{}\n{}", bare(printed), bare(&wanted));
        let other = Link::CreateChildren { key: ident("name"), org: ident("org_id") }.statement(&table);
        assert!(!same(printed, &other));
        assert!(wanted.contains(CHILDREN) && !wanted.contains(ORPHANS));
    }
}
