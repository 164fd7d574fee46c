//! The plan for foreign keys: those that lead from the table get the organization in front.

use super::action::Definition;
use super::plan::{Planner, across, change, harden_call};
use super::{Action, Crossing, ForeignKey, PROVISIONAL, Table, crossing};
use crate::policy::{Column, Compared, Kind, State, Step, index_names};
use crate::sql::Ident;

const FOREIGN_KEY: Kind = Kind::ForeignKey;

impl<'a> Planner<'a> {
    /// Plans all that lead from the table; gives the OIDs of those that will be gone.
    pub(super) fn foreign_keys(&mut self) -> Vec<u32> {
        let (mut replaced, mut twins, mut hardened) = (Vec::new(), Vec::new(), Vec::new());
        let facts = self.facts;
        for key in facts.keys.iter().filter(|k| k.table == self.table.oid && k.enforced) {
            let Some(parent) = facts.table(key.parent) else { continue };
            if !parent.fenced {
                continue;
            }
            let Some(parents_org) = parent.org() else {
                let reason = format!(
                    "{} stays as it is: {} is fenced by something else than a column of its own",
                    key.name,
                    parent.name()
                );
                self.skip(FOREIGN_KEY, None, reason);
                continue;
            };
            if key.includes_org(&self.org.name, &parents_org.name) {
                hardened.push(key);
            } else if let Err((statement, why)) = self.hindrance(key, parent, parents_org) {
                self.skip(FOREIGN_KEY, statement, format!("{} stays as it is: {why}", key.name));
            } else {
                let definition = Definition::with_org(key, &self.org.name, parent.name(), &parents_org.name);
                let is_twin =
                    |k: &&ForeignKey| k.table == self.table.oid && k.parent == key.parent && definition.is(k);
                let twin = facts.keys.iter().find(is_twin);
                twins.extend(twin.map(|twin| twin.oid));
                if self.replace(key, parent, definition, twin) {
                    replaced.push(key.oid);
                }
            }
        }
        for key in hardened.into_iter().filter(|k| !twins.contains(&k.oid)) {
            self.hardened(key);
        }
        self.nullable();
        replaced
    }

    /// A key that includes the organization, and takes no other's place.
    fn hardened(&mut self, key: &ForeignKey) {
        if key.validated || key.part_of.is_some() {
            return;
        }
        let validate = Action::Validate(key.name.clone()).statement(&self.table.name());
        let reason = format!("{} was never checked for the rows that stand", key.name);
        self.skip(FOREIGN_KEY, Some(across(&validate)), reason);
    }

    /// Why a key can't get the organization in front, with what can be done about it.
    fn hindrance(
        &self,
        key: &ForeignKey,
        parent: &Table,
        parents_org: &Column,
    ) -> Result<(), (Option<String>, String)> {
        let (table, org) = (self.table.name(), &self.org.name);
        let why = |reason: String| Err((None, reason));
        if let Some(whole) = &key.part_of {
            return Err((Some(harden_call(whole, None)), format!("it belongs to the key of {whole}")));
        }
        if key.temporal {
            return why("it compares periods".into());
        }
        if key.columns.contains(org) || key.parent_columns.contains(&parents_org.name) {
            return why(format!(
                "it compares {org} or {}'s {} with something else than the organization",
                parent.name(),
                parents_org.name
            ));
        }
        let family = |column: &Column| Compared::column(column).map(|c| c.family()).ok();
        if family(self.org) != family(parents_org) {
            return why(format!(
                "the org columns have different types, {} and {}",
                self.org.type_name, parents_org.type_name
            ));
        }
        if parent.shared {
            return why(format!(
                "rows of {} that belong to nobody are shared, and a key with the organization could not \
                 reference them",
                parent.name()
            ));
        }
        if matches!(key.on_update, 'n' | 'd') {
            return why("ON UPDATE SET NULL and SET DEFAULT have no list of columns, so the row would \
                        lose its organization as well"
                .into());
        }
        if self.org.generated && (key.on_update == 'c' || key.sets_on_delete()) {
            return why(format!("{org} is generated, and can't stand in a key with this action"));
        }
        if key.match_type == 'f' && key.columns.len() > 1 && (key.nullable || !self.org.not_null) {
            return why(
                "MATCH FULL allows no NULL beside an organization, and its columns may be NULL".into()
            );
        }
        if !key.validated {
            let validate = Action::Validate(key.name.clone()).statement(&table);
            return Err((Some(across(&validate)), "it was never checked for the rows that stand".into()));
        }
        if !key.same_rights || !key.readable {
            return why(format!(
                "{}, the owner of {table}, can't read all rows of {table} and {}, to count those that \
                 cross organizations",
                self.table.owner,
                parent.name()
            ));
        }
        Ok(())
    }

    /// Plans the key's replacement, perhaps by one that stands; whether it will be replaced.
    fn replace(
        &mut self,
        key: &ForeignKey,
        parent: &'a Table,
        definition: Definition,
        twin: Option<&ForeignKey>,
    ) -> bool {
        if !twin.is_some_and(|twin| twin.validated) && !self.may_be_checked(key, parent) {
            return false;
        }
        if twin.is_none() && !self.parents_key(parent, &definition.parent_columns) {
            let reason = format!("{} stays as it is until {} has the key for it", key.name, parent.name());
            self.skip(FOREIGN_KEY, None, reason);
            return false;
        }
        let table = self.table;
        if self.definitions.iter().any(|d| d.does_what(&definition)) {
            let drop = Action::DropConstraint(key.name.clone());
            self.phase(vec![change(table, FOREIGN_KEY, drop, "another key does the same")]);
            return true;
        }
        self.definitions.push(definition.clone());
        let comment = key.comment.clone().map(|comment| {
            let action = Action::CommentOnConstraint { name: key.name.clone(), comment };
            change(table, FOREIGN_KEY, action, "the comment stays")
        });
        if table.is_partitioned() && twin.is_none() {
            // NOT VALID is not for partitioned tables, and its partitions would keep a provisional name.
            let reason = "no row can reference another organization's; checked over all of them";
            let replace = change(table, FOREIGN_KEY, Action::ReplaceForeignKey(definition), reason);
            self.phase([vec![replace], comment.into_iter().collect()].concat());
            return true;
        }
        let provisional =
            Ident::new(format!("{PROVISIONAL}{}", key.oid)).unwrap_or_else(|_| key.name.clone());
        let name = twin.map_or_else(|| provisional.clone(), |twin| twin.name.clone());
        if twin.is_none() {
            let add = Action::AddForeignKey(Definition { name: name.clone(), ..definition });
            self.phase(vec![change(
                table,
                FOREIGN_KEY,
                add,
                "no new row can reference another organization's",
            )]);
        }
        if !twin.is_some_and(|twin| twin.validated) {
            let reason = "checks the rows of all organizations, which the fence would hide from the owner";
            self.phase(vec![change(table, FOREIGN_KEY, Action::Validate(name.clone()), reason)]);
        }
        let reason = "the key with the organization takes its place; it told which keys others have";
        let drop = change(table, FOREIGN_KEY, Action::DropConstraint(key.name.clone()), reason);
        let mut swap = vec![drop];
        // A key that somebody else has made keeps its name.
        if name.raw().starts_with(PROVISIONAL) {
            let rename = Action::RenameConstraint { from: name, to: key.name.clone() };
            swap.push(change(table, FOREIGN_KEY, rename, "the name stays"));
            swap.extend(comment);
        }
        self.phase(swap);
        true
    }

    /// Whether the rows that stand let the key be replaced; asks for their count where nobody did.
    fn may_be_checked(&mut self, key: &ForeignKey, parent: &Table) -> bool {
        match self.around.crossing.get(&key.oid) {
            None => {
                let count = crossing::count(key, self.table, parent).map(|query| (key.oid, query));
                self.plan.uncounted.extend(count);
                true
            }
            Some(Crossing::Rows(0)) => true,
            Some(Crossing::Rows(rows)) => {
                let (count, verb) = if *rows == 1 {
                    ("1 row", "references")
                } else {
                    (&*format!("{rows} rows"), "reference")
                };
                let what = format!("{count} {verb} a row of another organization, or of none");
                let table = self.table.oid;
                let show = crossing::show(key, self.table, parent);
                let reason = format!(
                    "{}: {what}; a role that bypasses row security sees them by this query",
                    key.name
                );
                let show = Step { state: State::RunYourself, ..Step::note(Kind::CrossOrgRows, show, reason) };
                self.report(table, show);
                self.skip(FOREIGN_KEY, None, format!("{} stays as it is: {what}", key.name));
                false
            }
            Some(Crossing::Unknown) => {
                let reason = format!("{} stays as it is: its tables have changed meanwhile", key.name);
                self.skip(FOREIGN_KEY, None, reason);
                false
            }
        }
    }

    /// Sees to it that the parent has a unique key on the columns; whether it will have one.
    fn parents_key(&mut self, parent: &'a Table, columns: &[Ident]) -> bool {
        let all: Vec<&Ident> = columns.iter().collect();
        let mut suited = parent.uniques.iter().filter(|u| u.immediate && u.is_on(&all));
        let mut sorted = columns.to_vec();
        sorted.sort();
        let known = self.keys.iter().find(|(oid, its, _)| *oid == parent.oid && *its == sorted);
        if let Some((_, _, stands)) = known {
            return *stands;
        }
        if suited.clone().any(|u| u.valid) {
            return true;
        }
        let stands = if let Some(broken) = suited.next() {
            let reason = "the index isn't valid: CREATE INDEX CONCURRENTLY is running, or was interrupted";
            self.yours(parent, Kind::UniqueKey, &Action::Reindex(broken.name.clone()), reason.into());
            false
        } else {
            self.create_key(parent, columns)
        };
        self.keys.push((parent.oid, sorted, stands));
        stands
    }

    fn create_key(&mut self, parent: &Table, columns: &[Ident]) -> bool {
        let joined: Vec<&str> = columns.iter().map(Ident::raw).collect();
        let names = index_names("uniq_", parent.name.raw(), &joined.join("_"));
        let free = |name: &&Ident| self.around.rooms.get(&parent.oid).is_none_or(|r| !r.1.contains(name));
        let Some(index) = names.iter().find(free).cloned() else { return false };
        self.plan.wanting.push((parent.oid, names));
        let create = |concurrently| Action::CreateKey {
            index: index.clone(),
            columns: columns.to_vec(),
            concurrently,
        };
        if let Err(why) = self.may_build(parent) {
            let reason = format!("a foreign key with the organization needs this key, and {why}");
            self.yours(parent, Kind::UniqueKey, &create(!parent.is_partitioned()), reason);
            return false;
        }
        self.built.push((parent.oid, columns.to_vec(), index.clone()));
        let reason = "a foreign key can only include the organization where the parent has this key";
        let created = change(parent, Kind::UniqueKey, create(false), reason);
        let marked = change(parent, Kind::UniqueKey, Action::CommentOnKey(index), "says what it is for");
        self.phase(vec![created, marked]);
        true
    }

    /// NULL in the organization switches a key off.
    fn nullable(&mut self) {
        let (facts, table, org) = (self.facts, self.table, &self.org.name);
        let leads_to =
            |parent: &Table| facts.keys.iter().any(|k| k.table == table.oid && k.parent == parent.oid);
        let parents: Vec<&Table> = facts.tables.iter().filter(|t| t.org().is_some() && leads_to(t)).collect();
        if parents.is_empty() {
            return;
        }
        let not_null = |table: &Table, org: &Ident| {
            format!("ALTER TABLE {} ALTER COLUMN {org} SET NOT NULL", table.name())
        };
        if !self.org.not_null {
            let reason = format!(
                "{org} may be NULL, and no foreign key checks a row with a NULL in it; sessions under the \
                 fence can't write one"
            );
            self.note(FOREIGN_KEY, Some(not_null(table, org)), reason);
        }
        for parent in parents {
            let Some(parents_org) = parent.org().filter(|c| !c.not_null && parent.oid != table.oid) else {
                continue;
            };
            let reason = format!(
                "{}'s {} may be NULL: no row can reference one that belongs to no organization",
                parent.name(),
                parents_org.name
            );
            self.note(FOREIGN_KEY, Some(not_null(parent, &parents_org.name)), reason);
        }
    }

    /// Says which keys lead to the table without the organization.
    pub(super) fn incoming(&mut self) {
        let facts = self.facts;
        let incoming = facts.keys.iter().filter(|k| {
            k.parent == self.table.oid && k.table != self.table.oid && k.part_of.is_none() && k.enforced
        });
        for key in incoming {
            let Some(child) = facts.table(key.table) else { continue };
            let Some(its_org) = child.org() else {
                if child.fenced {
                    let reason = format!(
                        "{} of {} leads here, and can't include the organization, as that table is fenced by \
                         something else than a column of its own: its rows can reference another one's",
                        key.name,
                        child.name()
                    );
                    self.note(FOREIGN_KEY, None, reason);
                }
                continue;
            };
            if !key.includes_org(&its_org.name, &self.org.name) {
                let reason = format!(
                    "{} of {} leads here without the organization: its rows can reference another one's",
                    key.name,
                    child.name()
                );
                self.note(FOREIGN_KEY, Some(harden_call(&child.name(), None)), reason);
            }
        }
    }
}
