//! Refuses an ALTER TABLE that would check a foreign key against one organization's rows and call it valid.
//!
//! The server checks what stands by one query, as the current user: where row security is FORCEd, the tables'
//! owner sees one organization in it, or none. A role that bypasses row security sees all, and so does an
//! owner for whom FORCE is lifted; where a table belongs to somebody else, the server checks row by row as
//! that owner, past the policies.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::CStr;

use org_scope_core::Error;
use org_scope_core::sql::{Ident, QualifiedName};
use pgrx::pg_sys::{self, AlterTableCmd, AlterTableStmt, ColumnDef, NodeTag, Oid, RangeVar};
use serde::Deserialize;

use super::catalog::{self, About};
use super::{list, parse, relation, report, role, settings};

/// A key that VALIDATE CONSTRAINT checks.
const VALIDATED: &CStr = c"
SELECT pg_catalog.json_build_array(k.conrelid::pg_catalog.int8, k.confrelid::pg_catalog.int8)::pg_catalog.text
FROM pg_catalog.pg_constraint k
WHERE k.contype = 'f' AND NOT k.convalidated AND k.conrelid = $1 AND k.conname = $2::pg_catalog.name";

/// Keys that are built anew, and checked, when a column of theirs is: here or below, where the change goes as well.
const REBUILT: &CStr = c"
WITH RECURSIVE below(oid) AS (
  SELECT $1::pg_catalog.oid
  UNION
  SELECT h.inhrelid FROM below JOIN pg_catalog.pg_inherits h ON h.inhparent = below.oid
)
SELECT pg_catalog.json_build_array(k.conrelid::pg_catalog.int8, k.confrelid::pg_catalog.int8)::pg_catalog.text
FROM below
JOIN pg_catalog.pg_attribute a ON a.attrelid = below.oid AND a.attname = $2::pg_catalog.name
JOIN pg_catalog.pg_constraint k ON k.contype = 'f' AND k.convalidated
  AND (k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey) OR k.confrelid = a.attrelid AND a.attnum = ANY (k.confkey))";

/// Keys of a partitioned table that a new partition doesn't have yet.
const ATTACHED: &CStr = c"
SELECT pg_catalog.json_build_array($2::pg_catalog.int8, k.confrelid::pg_catalog.int8)::pg_catalog.text
FROM pg_catalog.pg_constraint k
WHERE k.contype = 'f' AND k.convalidated AND k.conrelid = $1 AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_constraint o
  WHERE o.contype = 'f' AND o.convalidated AND o.conrelid = $2 AND o.confrelid = k.confrelid
    AND pg_catalog.cardinality(o.conkey) = pg_catalog.cardinality(k.conkey))";

/// Keys that lead to a partition, whose rows must reference none of it when it is detached.
const DETACHED: &CStr = c"
SELECT pg_catalog.json_build_array(k.conrelid::pg_catalog.int8, k.confrelid::pg_catalog.int8)::pg_catalog.text
FROM pg_catalog.pg_constraint k
WHERE k.contype = 'f' AND k.confrelid = $1 AND k.conparentid <> 0";

const ENDS: &CStr = c"
SELECT pg_catalog.json_build_object(
  'oid', c.oid::pg_catalog.int8,
  'schema', n.nspname,
  'name', c.relname,
  'fenced', EXISTS (
    SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'org_scope_fence'),
  'past', c.relrowsecurity AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE'))::pg_catalog.text
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1)";

/// A table at the end of a key.
#[derive(Deserialize)]
struct End {
    oid: u32,
    schema: Ident,
    name: Ident,
    fenced: bool,
    /// Whether the server reads it as its owner, as it isn't the current user's.
    past: bool,
}

/// The tables at the ends of a key: the one that it leads from, and the one that it leads to.
type Ends = (u32, u32);

/// Refuses the statement where that is what it does. `text` gives the statement itself, where it is known.
pub(crate) fn refuse<'a>(alter: &AlterTableStmt, text: impl FnOnce() -> Option<Cow<'a, str>>) {
    if alter.objtype != pg_sys::ObjectType::OBJECT_TABLE || role::bypasses(role::current()) {
        return;
    }
    // SAFETY: the commands of a parsed ALTER TABLE.
    let commands = unsafe { list::nodes::<AlterTableCmd>(alter.cmds) };
    let suspects: Vec<Suspect<'_>> = commands.filter_map(Suspect::of).collect();
    if suspects.is_empty() {
        return;
    }
    let Some(target) = named(alter.relation) else { return };
    settings::neutral(|| {
        let ends: Vec<Ends> = suspects.iter().flat_map(|suspect| suspect.keys(target)).collect();
        if let Some(table) = seen_in_part(target, &ends) {
            let statement = text().map(Cow::into_owned);
            report::raise(&Error::PartialCheck { table, statement });
        }
    });
}

/// A subcommand that may check a foreign key.
enum Suspect<'a> {
    /// It adds one that leads to this table.
    Adds(Oid),
    /// It checks the one of this name.
    Validates(&'a CStr),
    /// It changes the values or the type of this column.
    Rebuilds(&'a CStr),
    /// It attaches this table, which gets the keys of its parent.
    Attaches(Oid),
    /// It detaches this table, which takes the rows along that keys lead to.
    Detaches(Oid),
}

impl<'a> Suspect<'a> {
    #[allow(non_upper_case_globals, reason = "the server's names")]
    fn of(command: &'a AlterTableCmd) -> Option<Self> {
        use pg_sys::AlterTableType::*;
        match command.subtype {
            AT_AddConstraint => {
                let key = parse::cast::<pg_sys::Constraint>(command.def, NodeTag::T_Constraint)?;
                checked(key).then(|| named(key.pktable)).flatten().map(Self::Adds)
            }
            AT_AddColumn => {
                let column = parse::cast::<ColumnDef>(command.def, NodeTag::T_ColumnDef)?;
                added_with_values(column).and_then(|key| named(key.pktable)).map(Self::Adds)
            }
            AT_ValidateConstraint => name(command).map(Self::Validates),
            #[cfg(feature = "pg18")]
            AT_AlterConstraint => enforced(command).map(Self::Validates),
            AT_AlterColumnType => name(command).map(Self::Rebuilds),
            #[cfg(any(feature = "pg17", feature = "pg18"))]
            AT_SetExpression => name(command).map(Self::Rebuilds),
            AT_AttachPartition => partition(command).map(Self::Attaches),
            AT_DetachPartition => partition(command).map(Self::Detaches),
            _ => None,
        }
    }

    /// The ends of the keys that it checks.
    fn keys(&self, target: Oid) -> Vec<Ends> {
        let text = |name: &CStr| name.to_string_lossy().into_owned();
        match self {
            Self::Adds(parent) => vec![(target.to_u32(), parent.to_u32())],
            Self::Validates(name) => {
                catalog::read(VALIDATED, About::One, &[target.into(), text(name).into()])
            }
            Self::Rebuilds(column) => {
                catalog::read(REBUILT, About::One, &[target.into(), text(column).into()])
            }
            Self::Attaches(partition) => {
                catalog::read(ATTACHED, About::One, &[target.into(), (*partition).into()])
            }
            Self::Detaches(partition) => catalog::read(DETACHED, About::One, &[(*partition).into()]),
        }
    }
}

fn name(command: &AlterTableCmd) -> Option<&CStr> {
    // SAFETY: null, or a name in the tree of the statement that runs.
    (!command.name.is_null()).then(|| unsafe { CStr::from_ptr(command.name) })
}

fn partition(command: &AlterTableCmd) -> Option<Oid> {
    named(parse::cast::<pg_sys::PartitionCmd>(command.def, NodeTag::T_PartitionCmd)?.name)
}

/// The constraint that begins to be enforced.
#[cfg(feature = "pg18")]
fn enforced(command: &AlterTableCmd) -> Option<&CStr> {
    let change = parse::cast::<pg_sys::ATAlterConstraint>(command.def, NodeTag::T_ATAlterConstraint)?;
    let begins = change.alterEnforceability && change.is_enforced && !change.conname.is_null();
    // SAFETY: a name in the tree of the statement that runs.
    begins.then(|| unsafe { CStr::from_ptr(change.conname) })
}

/// The table of that name under the current search_path. Not locked: a name that comes to mean another table
/// meanwhile is the owner's own doing.
fn named(table: *mut RangeVar) -> Option<Oid> {
    if table.is_null() {
        return None;
    }
    // SAFETY: the range variable of a parsed statement; missing_ok, as the server says itself what is missing.
    let oid = unsafe {
        pg_sys::RangeVarGetRelidExtended(
            table,
            pg_sys::NoLock as pg_sys::LOCKMODE,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        )
    };
    (oid != Oid::INVALID).then_some(oid)
}

/// Whether a constraint is a foreign key that is checked for the rows that stand.
fn checked(constraint: &pg_sys::Constraint) -> bool {
    constraint.contype == pg_sys::ConstrType::CONSTR_FOREIGN
        && !constraint.skip_validation
        && is_enforced(constraint)
}

#[cfg(feature = "pg18")]
fn is_enforced(constraint: &pg_sys::Constraint) -> bool {
    constraint.is_enforced
}

#[cfg(not(feature = "pg18"))]
fn is_enforced(_constraint: &pg_sys::Constraint) -> bool {
    true
}

/// The foreign key of a new column, where the rows that stand get values: without, all are NULL.
fn added_with_values(column: &ColumnDef) -> Option<&pg_sys::Constraint> {
    use pg_sys::ConstrType::{CONSTR_DEFAULT, CONSTR_GENERATED};
    let constraints = || {
        // SAFETY: the constraints of a parsed column definition.
        let nodes = unsafe { list::nodes::<pg_sys::Node>(column.constraints) };
        nodes.filter_map(|node| {
            parse::cast::<pg_sys::Constraint>((&raw const *node).cast_mut(), NodeTag::T_Constraint)
        })
    };
    let filled = constraints().any(|c| [CONSTR_DEFAULT, CONSTR_GENERATED].contains(&c.contype));
    constraints().find(|c| filled && checked(c))
}

/// The altered table, if the current user would see a part of the rows at one end of a key.
fn seen_in_part(target: Oid, keys: &[Ends]) -> Option<QualifiedName> {
    if keys.is_empty() {
        return None;
    }
    let mut oids: Vec<Oid> = keys.iter().flat_map(|(from, to)| [*from, *to]).map(Oid::from_u32).collect();
    oids.push(target);
    let ends: Vec<End> = catalog::read(ENDS, About::One, &[oids.into()]);
    let ends: HashMap<u32, End> = ends.into_iter().map(|end| (end.oid, end)).collect();
    let partial = |oid: &u32| {
        ends.get(oid).is_some_and(|e| e.fenced && relation::binds_current_user(Oid::from_u32(e.oid)))
    };
    let past = |oid: &u32| ends.get(oid).is_some_and(|e| e.past);
    let partly = keys.iter().any(|(from, to)| !past(from) && !past(to) && (partial(from) || partial(to)));
    let target = ends.get(&target.to_u32()).filter(|_| partly)?;
    Some(QualifiedName { schema: target.schema.clone(), name: target.name.clone() })
}
