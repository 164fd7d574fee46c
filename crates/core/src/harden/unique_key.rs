//! The plan for unique keys: those that are asked for hold for each organization, the others are named.

use super::plan::{Planner, change, harden_call};
use super::{Action, PROVISIONAL, UniqueKey};
use crate::policy::{Kind, List, Text};
use crate::sql::Ident;

const UNIQUE_KEY: Kind = Kind::UniqueKey;

/// An index that does with the organization what a key does without.
enum Standing {
    /// There is none.
    Nothing,
    /// One that isn't valid.
    Broken(Ident),
    /// One that can become the key's.
    Index(Ident),
    /// Another key.
    Instead,
}

fn is_provisional(key: &UniqueKey) -> bool {
    key.name.raw().starts_with(PROVISIONAL)
}

impl Planner<'_> {
    /// Plans those of the table. `replaced`: foreign keys that will be gone by then.
    pub(super) fn unique_keys(&mut self, replaced: &[u32]) {
        let table = self.table;
        for key in table.uniques.iter().filter(|u| !u.includes(&self.org.name)) {
            if !self.around.unique_per_org.contains(&key.name) {
                self.reveals(key);
            } else if let Err((statement, why)) = self.unique_hindrance(key, replaced) {
                let reason = format!("{} goes on to span organizations: {why}", key.name);
                self.skip(UNIQUE_KEY, statement, reason);
            } else if table.is_partitioned() {
                self.replace_on_partitions(key);
            } else {
                self.per_org(key);
            }
        }
    }

    fn reveals(&mut self, key: &UniqueKey) {
        if !key.valid || key.part || (key.primary && !key.given) {
            return;
        }
        let name = &key.name;
        if key.exclusion {
            let reason = format!("exclusion constraint {name} compares the rows of all organizations");
            return self.note(UNIQUE_KEY, None, reason);
        }
        let reason = format!("{name} spans organizations: its error tells which values the others have");
        self.note(UNIQUE_KEY, Some(harden_call(&self.table.name(), Some(name))), reason);
    }

    fn unique_hindrance(&self, key: &UniqueKey, replaced: &[u32]) -> Result<(), (Option<String>, String)> {
        let why = |reason: &str| Err((None, reason.to_owned()));
        if key.exclusion {
            return why("it is an exclusion constraint");
        }
        if !key.valid {
            return why("the index isn't valid");
        }
        if key.definition.is_none() {
            return why("its index has a form that isn't known here");
        }
        if key.part {
            return why("it belongs to the key of the partitioned table above");
        }
        if key.replica_identity {
            return why("it is the table's replica identity");
        }
        if key.primary && !self.org.not_null {
            let org = &self.org.name;
            let statement = format!("ALTER TABLE {} ALTER COLUMN {org} SET NOT NULL", self.table.name());
            return Err((Some(statement), format!("a primary key can't have {org} while that may be NULL")));
        }
        if let Some((_, name, schema, table)) = key.used_by.iter().find(|(oid, ..)| !replaced.contains(oid)) {
            let statement = format!("CALL org_scope.harden({})", Text(&format!("{schema}.{table}")));
            return Err((Some(statement), format!("foreign key {name} of {schema}.{table} stands on it")));
        }
        Ok(())
    }

    /// The key is built beside the old one, and takes its place and its name.
    fn per_org(&mut self, key: &UniqueKey) {
        let table = self.table;
        let index = match self.standing(key) {
            Standing::Broken(index) => {
                let reason =
                    "the index isn't valid: CREATE INDEX CONCURRENTLY is running, or was interrupted";
                return self.yours(table, UNIQUE_KEY, &Action::Reindex(index), reason.into());
            }
            Standing::Instead => None,
            Standing::Index(index) => Some(index),
            Standing::Nothing => match self.build(key) {
                Some(index) => Some(index),
                None => return,
            },
        };
        let reason =
            "values of one organization don't hinder another; ON CONFLICT must name the org column too";
        let Some(index) = index else {
            let name = key.name.clone();
            let drop = if key.constraint { Action::DropConstraint(name) } else { Action::DropIndex(name) };
            return self.phase(vec![change(table, UNIQUE_KEY, drop, reason)]);
        };
        let mut swap = Vec::new();
        let (name, comment) = (key.name.clone(), key.comment.clone());
        if key.constraint {
            let action = Action::SwapUnique {
                name: name.clone(),
                index,
                primary: key.primary,
                deferrable: (key.deferrable, key.deferred),
            };
            swap.push(change(table, UNIQUE_KEY, action, reason));
            let comment = comment.map(|comment| Action::CommentOnConstraint { name, comment });
            swap.extend(comment.map(|c| change(table, UNIQUE_KEY, c, "the comment stays")));
        } else {
            swap.push(change(table, UNIQUE_KEY, Action::DropIndex(name.clone()), reason));
            let rename = Action::RenameIndex { from: index, to: name.clone() };
            swap.push(change(table, UNIQUE_KEY, rename, "the name stays"));
            let comment = comment.map(|comment| Action::CommentOnIndex { name, comment });
            swap.extend(comment.map(|c| change(table, UNIQUE_KEY, c, "the comment stays")));
        }
        self.phase(swap);
    }

    /// Looks for an index that does with the organization what the key does without.
    fn standing(&self, key: &UniqueKey) -> Standing {
        let Some(wanted) = key.definition_with(&self.org.quoted) else { return Standing::Nothing };
        let same = |u: &&UniqueKey| u.oid != key.oid && u.definition.as_ref() == Some(&wanted);
        let found = || self.table.uniques.iter().filter(same);
        // What belongs to no constraint can become the key's: ours, or one that a foreign key got.
        if let Some(index) = found().find(|u| !u.constraint && (key.constraint || is_provisional(u))) {
            let name = index.name.clone();
            return if index.valid { Standing::Index(name) } else { Standing::Broken(name) };
        }
        let as_deferrable =
            |u: &UniqueKey| (u.deferrable, u.deferred) == (key.deferrable, key.deferred) && u.valid;
        if !key.primary && found().any(as_deferrable) {
            return Standing::Instead;
        }
        // This plan may build one for a foreign key of the table's own.
        let built = self.built.iter().find(|(table, columns, _)| {
            *table == self.table.oid && key.constraint && format!("{})", List(columns)) == wanted
        });
        built.map_or(Standing::Nothing, |(_, _, index)| Standing::Index(index.clone()))
    }

    /// Builds the index that will replace the key's; none where that is the user's to do.
    fn build(&mut self, key: &UniqueKey) -> Option<Ident> {
        let table = self.table;
        let index = Ident::new(format!("{PROVISIONAL}{}", key.oid)).ok()?;
        let create = |concurrently| {
            let rest = key.definition.clone()?;
            let (index, org) = (index.clone(), self.org.name.clone());
            Some(Action::CreateUnique { index, org, rest, concurrently })
        };
        let (here, concurrently) = (create(false)?, create(true)?);
        self.plan.wanting.push((table.oid, vec![index.clone()]));
        if let Err(why) = self.may_build(table) {
            let reason = format!("{} needs an index with the organization, and {why}", key.name);
            self.yours(table, UNIQUE_KEY, &concurrently, reason);
            return None;
        }
        let reason = "the key with the organization, beside the one that spans them";
        self.phase(vec![change(table, UNIQUE_KEY, here, reason)]);
        Some(index)
    }

    /// An index can't be made the key of a partitioned table, so this is one statement with a long lock.
    fn replace_on_partitions(&mut self, key: &UniqueKey) {
        let columns: Option<Vec<Ident>> = key.columns.iter().cloned().collect();
        let Some(columns) = columns.filter(|_| key.constraint && key.plain) else {
            let reason = format!(
                "{} goes on to span organizations: on a partitioned table an index of this form is yours to build",
                key.name
            );
            return self.skip(UNIQUE_KEY, None, reason);
        };
        let columns = [vec![self.org.name.clone()], columns].concat();
        let action = Action::ReplaceUnique { name: key.name.clone(), columns, primary: key.primary };
        let reason = format!(
            "{} can only be replaced in one statement, which closes the partitioned table while it builds",
            key.name
        );
        self.yours(self.table, UNIQUE_KEY, &action, reason);
    }
}
