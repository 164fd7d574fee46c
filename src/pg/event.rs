//! Event triggers: the statement that fires one, as far as its parse tree tells.
//!
//! A trigger on DDL is in the way of everybody's DDL, so what doesn't concern it must be over before anything
//! is looked up.

use std::borrow::Cow;
use std::ffi::{CStr, c_char};
use std::marker::PhantomData;

use pgrx::{PgList, pg_sys};

use super::backend::BackendCell;
use super::list;
use super::parse::cast;
use super::portal;

/// Whether the statement that runs is a step of ours.
static OURS: BackendCell<bool> = BackendCell::new(false);

/// Runs a statement of our own, to which nothing here reacts.
pub(crate) fn ours<R>(statement: impl FnOnce() -> R) -> R {
    struct Outer(bool);
    impl Drop for Outer {
        fn drop(&mut self) {
            OURS.set(self.0);
        }
    }
    let _outer = Outer(OURS.replace(true));
    statement()
}

/// The statement that fires the trigger.
pub(crate) struct Command<'a> {
    pub(super) tree: *mut pg_sys::Node,
    call: PhantomData<&'a ()>,
}

/// The statement, where an event trigger calls.
pub(super) fn of_call<'a>(fcinfo: pg_sys::FunctionCallInfo) -> Option<Command<'a>> {
    // SAFETY: the call's own data; its context is NULL or a node.
    let context = unsafe { (*fcinfo).context };
    let data = cast::<pg_sys::EventTriggerData>(context, pg_sys::NodeTag::T_EventTriggerData)?;
    Some(Command { tree: data.parsetree, call: PhantomData })
}

/// Whether nothing is to happen, whatever the statement: it is ours, or the server or the extension is being made or
/// upgraded.
pub(crate) fn stands_aside() -> bool {
    if OURS.get() {
        return true;
    }
    // SAFETY: a flag of the server's, set while it starts.
    if unsafe { pg_sys::IsBinaryUpgrade } {
        return true;
    }
    // SAFETY: a flag of this backend's.
    if !unsafe { pg_sys::creating_extension } {
        return false;
    }
    // SAFETY: set while an extension is being made.
    let current = unsafe { pg_sys::CurrentExtensionObject };
    // SAFETY: a lookup by name, which gives 0 where there is no such extension.
    current == unsafe { pg_sys::get_extension_oid(c"org_scope".as_ptr(), true) }
}

impl Command<'_> {
    /// The ALTER TABLE that it is, if it is one.
    pub(crate) fn alter_table(&self) -> Option<&pg_sys::AlterTableStmt> {
        cast::<pg_sys::AlterTableStmt>(self.tree, pg_sys::NodeTag::T_AlterTableStmt)
    }

    /// What the client sent of it; none where a function runs it.
    pub(crate) fn text(&self) -> Option<Cow<'_, str>> {
        portal::text_of(self.tree)
    }

    /// Whether it may have put a table under another, as a partition or by inheritance.
    pub(crate) fn joins(&self) -> bool {
        joins(self.tree)
    }
}

impl Command<'_> {
    /// Whether it may have brought tables into a schema for whose name `counts` holds.
    pub(crate) fn brings_tables(&self, counts: impl Fn(&str) -> bool) -> bool {
        use pg_sys::{NodeTag, ObjectType};
        let named = |schema| name(schema).is_none_or(|schema| counts(&schema));
        if let Some(create) = cast::<pg_sys::CreateStmt>(self.tree, NodeTag::T_CreateStmt) {
            return schema_of(create.relation).is_none_or(|schema| counts(&schema));
        }
        if let Some(create) =
            cast::<pg_sys::CreateForeignTableStmt>(self.tree, NodeTag::T_CreateForeignTableStmt)
        {
            return schema_of(create.base.relation).is_none_or(|schema| counts(&schema));
        }
        if let Some(create) = cast::<pg_sys::CreateTableAsStmt>(self.tree, NodeTag::T_CreateTableAsStmt) {
            // SAFETY: says into what it selects, or NULL.
            let into = unsafe { create.into.as_ref() };
            // Its query can have changed the search_path since.
            let written = into.and_then(|into| written_schema(into.rel));
            return create.objtype == ObjectType::OBJECT_TABLE
                && written.is_none_or(|schema| counts(&schema));
        }
        if let Some(import) =
            cast::<pg_sys::ImportForeignSchemaStmt>(self.tree, NodeTag::T_ImportForeignSchemaStmt)
        {
            return named(import.local_schema);
        }
        if let Some(alter) =
            cast::<pg_sys::AlterObjectSchemaStmt>(self.tree, NodeTag::T_AlterObjectSchemaStmt)
        {
            let tables = [ObjectType::OBJECT_TABLE, ObjectType::OBJECT_FOREIGN_TABLE];
            return tables.contains(&alter.objectType) && named(alter.newschema);
        }
        // What it contains fires no trigger of its own.
        cast::<pg_sys::CreateSchemaStmt>(self.tree, NodeTag::T_CreateSchemaStmt)
            .is_some_and(|schema| !schema.schemaElts.is_null() && named(schema.schemaname))
    }

    /// The names of columns that it adds to tables, or gives to columns of theirs.
    pub(crate) fn names_of_new_columns(&self) -> Vec<String> {
        use pg_sys::{NodeTag, ObjectType};
        if let Some(rename) = cast::<pg_sys::RenameStmt>(self.tree, NodeTag::T_RenameStmt) {
            let column = rename.renameType == ObjectType::OBJECT_COLUMN;
            return if column { name(rename.newname).into_iter().collect() } else { Vec::new() };
        }
        self.added_columns().filter_map(|column| name(column.colname)).collect()
    }

    /// Whether it adds a column whose DEFAULT may call a function of the extension.
    pub(crate) fn may_call_ours_for_new_column(&self) -> bool {
        self.added_columns().any(|column| any(column.constraints, may_be_ours))
    }

    fn added_columns(&self) -> impl Iterator<Item = &pg_sys::ColumnDef> {
        use pg_sys::{AlterTableType, NodeTag};
        let alter = cast::<pg_sys::AlterTableStmt>(self.tree, NodeTag::T_AlterTableStmt);
        let commands = alter.map_or(std::ptr::null_mut(), |alter| alter.cmds);
        // SAFETY: a list of the statement's parse tree, whose commands are all of this type.
        let commands = unsafe { list::nodes::<pg_sys::AlterTableCmd>(commands) };
        commands
            .filter(|command| command.subtype == AlterTableType::AT_AddColumn)
            .filter_map(|command| cast::<pg_sys::ColumnDef>(command.def, NodeTag::T_ColumnDef))
    }

    /// The old and the new name of a schema, where it renames one.
    pub(crate) fn renames_schema(&self) -> Option<(String, String)> {
        let rename = cast::<pg_sys::RenameStmt>(self.tree, pg_sys::NodeTag::T_RenameStmt)?;
        if rename.renameType != pg_sys::ObjectType::OBJECT_SCHEMA {
            return None;
        }
        name(rename.subname).zip(name(rename.newname))
    }
}

/// Whether a part of a column's definition is such a DEFAULT.
fn may_be_ours(part: *mut pg_sys::Node) -> bool {
    use pg_sys::{ConstrType, NodeTag};
    let part = cast::<pg_sys::Constraint>(part, NodeTag::T_Constraint);
    let Some(part) = part.filter(|part| part.contype == ConstrType::CONSTR_DEFAULT) else { return false };
    let mut value = part.raw_expr;
    while let Some(typed) = cast::<pg_sys::TypeCast>(value, NodeTag::T_TypeCast) {
        value = typed.arg;
    }
    if let Some(call) = cast::<pg_sys::FuncCall>(value, NodeTag::T_FuncCall) {
        return !call.args.is_null() || last_name(call.funcname).is_none_or(is_ours);
    }
    // SAFETY: NULL or a node of a parse tree, which begins with its tag.
    let is = |tag| unsafe { pgrx::is_a(value, tag) };
    !is(NodeTag::T_A_Const) && !is(NodeTag::T_SQLValueFunction)
}

/// The last part of a qualified name.
fn last_name<'a>(names: *mut pg_sys::List) -> Option<&'a CStr> {
    // SAFETY: a qualified name of a parse tree is a list of strings.
    let last = unsafe { list::nodes::<pg_sys::String>(names) }.last()?;
    // SAFETY: a NUL-terminated part of the name.
    Some(unsafe { CStr::from_ptr(last.sval) })
}

/// Whether the extension's schema has a function of this name without arguments. What the user may use there
/// is not asked.
fn is_ours(function: &CStr) -> bool {
    // SAFETY: a lookup by name, which gives 0 where there is no such schema.
    let schema = unsafe { pg_sys::get_namespace_oid(c"org_scope".as_ptr(), true) };
    // SAFETY: makes a vector of nothing in the current memory context.
    let none = unsafe { pg_sys::buildoidvector(std::ptr::null(), 0) };
    let (function, none) = (pg_sys::Datum::from(function.as_ptr()), pg_sys::Datum::from(none));
    let cache = pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32;
    // SAFETY: the keys of that cache: a name, a vector of types, a schema.
    unsafe { pg_sys::SearchSysCacheExists(cache, function, none, schema.into(), pg_sys::Datum::null()) }
}

/// The schema that a name is written with. A temporary table's is one that nobody names.
fn written_schema(name_of_table: *const pg_sys::RangeVar) -> Option<String> {
    // SAFETY: NULL or a name of a parse tree.
    let relation = unsafe { name_of_table.as_ref() }?;
    if relation.relpersistence == pg_sys::RELPERSISTENCE_TEMP as c_char {
        return Some("pg_temp".to_owned());
    }
    name(relation.schemaname)
}

/// The schema in which a table of this name has been made a moment ago.
fn schema_of(name_of_table: *mut pg_sys::RangeVar) -> Option<String> {
    written_schema(name_of_table).or_else(|| {
        // SAFETY: a name of a parse tree, under which the statement has made a table.
        let schema = unsafe { pg_sys::RangeVarGetCreationNamespace(name_of_table) };
        // SAFETY: a lookup, which gives NULL where there is no such schema.
        name(unsafe { pg_sys::get_namespace_name(schema) })
    })
}

fn name(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: a NUL-terminated name of a parse tree.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

fn joins(node: *mut pg_sys::Node) -> bool {
    use pg_sys::NodeTag;
    if let Some(create) = cast::<pg_sys::CreateStmt>(node, NodeTag::T_CreateStmt) {
        return !create.inhRelations.is_null();
    }
    if let Some(create) = cast::<pg_sys::CreateForeignTableStmt>(node, NodeTag::T_CreateForeignTableStmt) {
        return !create.base.inhRelations.is_null();
    }
    if let Some(alter) = cast::<pg_sys::AlterTableStmt>(node, NodeTag::T_AlterTableStmt) {
        return any(alter.cmds, |command| {
            cast::<pg_sys::AlterTableCmd>(command, NodeTag::T_AlterTableCmd).is_some_and(|command| {
                use pg_sys::AlterTableType;
                [AlterTableType::AT_AddInherit, AlterTableType::AT_AttachPartition].contains(&command.subtype)
            })
        });
    }
    // What it contains fires no trigger of its own.
    cast::<pg_sys::CreateSchemaStmt>(node, NodeTag::T_CreateSchemaStmt)
        .is_some_and(|schema| any(schema.schemaElts, joins))
}

pub(super) fn any(list: *mut pg_sys::List, test: impl FnMut(*mut pg_sys::Node) -> bool) -> bool {
    // SAFETY: NULL or a list of nodes, of a parse tree.
    let list = unsafe { PgList::<pg_sys::Node>::from_pg(list) };
    list.iter_ptr().any(test)
}
