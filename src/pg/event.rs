//! Event triggers: the statement that fires one, as far as its parse tree tells.
//!
//! A trigger on DDL is in the way of everybody's DDL, so what doesn't concern it must be over before anything
//! is looked up.

use std::borrow::Cow;
use std::marker::PhantomData;

use pgrx::{PgList, pg_sys};

use super::backend::BackendCell;
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
