//! Says by the server's own grammar what a text is that will stand in a statement, or be one.

use std::ffi::{CStr, CString, c_char};

use pgrx::{PgList, PgTryBuilder, pg_sys};

use super::throw;

// The server's function itself: pgrx's binding would strip the position from a syntax error.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn raw_parser(text: *const c_char, mode: pg_sys::RawParseMode::Type) -> *mut pg_sys::List;
}

/// Whether a text is one bare expression, so that it can stand in parentheses and nothing in it
/// ends them: proven by the server's own grammar.
pub(crate) fn is_expression(text: &str) -> bool {
    // In parentheses as well: a trailing comment would swallow the closing one.
    bare_expression(text) && bare_expression(&format!("({text})"))
}

fn bare_expression(text: &str) -> bool {
    let statement = single(text, pg_sys::RawParseMode::RAW_PARSE_PLPGSQL_EXPR);
    statement.and_then(value_of).is_some()
}

/// The parse tree of a text that is one bare expression; a syntax error is raised as the server's own.
pub(crate) fn expression(text: &str) -> Option<*mut pg_sys::Node> {
    // In parentheses: a statement reads it to the end, and its errors point into it.
    if !is_expression(text) {
        return single_or_raise(&format!("SELECT ({text}\n)")).and(None);
    }
    value_of(single(text, pg_sys::RawParseMode::RAW_PARSE_PLPGSQL_EXPR)?)
}

/// What a SELECT without any clause gives.
fn value_of(statement: *mut pg_sys::Node) -> Option<*mut pg_sys::Node> {
    let select = cast::<pg_sys::SelectStmt>(statement, pg_sys::NodeTag::T_SelectStmt)?;
    // SAFETY: the target list of a parsed statement, in the current memory context.
    let targets = unsafe { PgList::<pg_sys::Node>::from_pg(select.targetList) };
    let target = targets.get_ptr(0).filter(|_| targets.len() == 1)?;
    let target = cast::<pg_sys::ResTarget>(target, pg_sys::NodeTag::T_ResTarget)?;
    let bare = target.name.is_null()
        && select.distinctClause.is_null()
        && select.intoClause.is_null()
        && select.fromClause.is_null()
        && select.whereClause.is_null()
        && select.groupClause.is_null()
        && select.havingClause.is_null()
        && select.windowClause.is_null()
        && select.valuesLists.is_null()
        && select.sortClause.is_null()
        && select.limitOffset.is_null()
        && select.limitCount.is_null()
        && select.lockingClause.is_null()
        && select.withClause.is_null()
        && select.op == pg_sys::SetOperation::SETOP_NONE;
    bare.then_some(target.val)
}

/// Whether the text is exactly one statement that reads or writes rows or alters a table, and that
/// leaves nothing behind which would run later: no cursor, PREPARE, COPY, DO, CALL or SELECT INTO.
/// A syntax error is raised as the server's own.
pub(crate) fn is_plain_statement(text: &str) -> bool {
    let Some(statement) = single_or_raise(text) else { return false };
    if let Some(select) = cast::<pg_sys::SelectStmt>(statement, pg_sys::NodeTag::T_SelectStmt) {
        return !selects_into(select);
    }
    if let Some(alter) = cast::<pg_sys::AlterTableStmt>(statement, pg_sys::NodeTag::T_AlterTableStmt) {
        return alter.objtype == pg_sys::ObjectType::OBJECT_TABLE;
    }
    // SAFETY: a node of a parse tree, which begins with its tag.
    let tag = unsafe { (*statement).type_ };
    matches!(
        tag,
        pg_sys::NodeTag::T_InsertStmt
            | pg_sys::NodeTag::T_UpdateStmt
            | pg_sys::NodeTag::T_DeleteStmt
            | pg_sys::NodeTag::T_MergeStmt
            | pg_sys::NodeTag::T_TruncateStmt
    )
}

/// The parse tree of a text that is exactly one SELECT, VALUES or TABLE, as the analysis takes it; a syntax error is
/// raised as the server's own.
pub(super) fn select(text: &CStr) -> Option<*mut pg_sys::RawStmt> {
    let raw = raw_or_raise(text)?;
    // SAFETY: what the parser returned.
    let statement = unsafe { (*raw).stmt };
    let select = cast::<pg_sys::SelectStmt>(statement, pg_sys::NodeTag::T_SelectStmt)?;
    (!selects_into(select)).then_some(raw)
}

/// INTO stands in the leftmost part of a UNION.
fn selects_into(select: &pg_sys::SelectStmt) -> bool {
    let mut leaf = select;
    while leaf.op != pg_sys::SetOperation::SETOP_NONE {
        // SAFETY: a set operation has two sides.
        leaf = unsafe { &*leaf.larg };
    }
    !leaf.intoClause.is_null()
}

/// Whether a text is what stands behind USING in CREATE INDEX, without a condition, and lets one follow that is
/// none of it. A syntax error is raised as the server's own.
pub(crate) fn is_index_definition(text: &str) -> bool {
    let statement = |rest: &str| format!("CREATE INDEX ON t USING {text}{rest}");
    let has_condition = |statement: Option<*mut pg_sys::Node>| {
        let index = cast::<pg_sys::IndexStmt>(statement?, pg_sys::NodeTag::T_IndexStmt)?;
        Some(!index.whereClause.is_null())
    };
    has_condition(single_or_raise(&statement(""))) == Some(false)
        // A comment at its end would swallow the organization, and index everybody's rows.
        && has_condition(single(&statement(" WHERE c"), pg_sys::RawParseMode::RAW_PARSE_DEFAULT)) == Some(true)
}

/// An ALTER TABLE, parsed.
pub(crate) struct AlterTable {
    /// The table that its name means under the current search_path; 0 if there is none.
    pub(crate) target: pg_sys::Oid,
    /// What it does.
    pub(crate) commands: Vec<Command>,
}

/// One subcommand, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Columns, types, constraints, storage.
    Shape,
    /// Would check a foreign key.
    ForeignKey,
    /// Row security.
    RowSecurity,
    /// Owner.
    Owner,
    /// Inheritance, partitions, OF type.
    Hierarchy,
    /// Triggers and rules.
    Trigger,
    /// Whatever a newer server may bring.
    Other,
}

/// Reads a text as exactly one ALTER TABLE; a syntax error is raised as the server's own.
pub(crate) fn alter_table(text: &str) -> Option<AlterTable> {
    let statement = single_or_raise(text)?;
    let alter = cast::<pg_sys::AlterTableStmt>(statement, pg_sys::NodeTag::T_AlterTableStmt)?;
    if alter.objtype != pg_sys::ObjectType::OBJECT_TABLE {
        return None;
    }
    // SAFETY: the range variable of a parsed statement; missing_ok, no lock: the caller holds one on
    // the table that it compares with.
    let target = unsafe {
        pg_sys::RangeVarGetRelidExtended(
            alter.relation,
            pg_sys::NoLock as pg_sys::LOCKMODE,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        )
    };
    // SAFETY: the command list of a parsed statement.
    let commands = unsafe { PgList::<pg_sys::Node>::from_pg(alter.cmds) };
    let commands = commands.iter_ptr().map(command).collect();
    Some(AlterTable { target, commands })
}

#[allow(non_upper_case_globals, reason = "the server's names")]
fn command(node: *mut pg_sys::Node) -> Command {
    use pg_sys::AlterTableType::*;
    let Some(command) = cast::<pg_sys::AlterTableCmd>(node, pg_sys::NodeTag::T_AlterTableCmd) else {
        return Command::Other;
    };
    match command.subtype {
        AT_AddColumn => match cast::<pg_sys::ColumnDef>(command.def, pg_sys::NodeTag::T_ColumnDef) {
            Some(column) if any_foreign_key(column.constraints) => Command::ForeignKey,
            Some(_) => Command::Shape,
            None => Command::Other,
        },
        AT_AddConstraint if foreign_key(command.def, true) => Command::ForeignKey,
        AT_ValidateConstraint => Command::ForeignKey,
        AT_AddConstraint | AT_AlterConstraint | AT_DropConstraint | AT_ColumnDefault | AT_DropNotNull
        | AT_SetNotNull | AT_DropExpression | AT_SetStatistics | AT_SetOptions | AT_ResetOptions
        | AT_SetStorage | AT_SetCompression | AT_DropColumn | AT_AlterColumnType | AT_ClusterOn
        | AT_DropCluster | AT_SetLogged | AT_SetUnLogged | AT_SetAccessMethod | AT_SetTableSpace
        | AT_SetRelOptions | AT_ResetRelOptions | AT_ReplaceRelOptions | AT_ReplicaIdentity
        | AT_AddIdentity | AT_SetIdentity | AT_DropIdentity => Command::Shape,
        AT_EnableRowSecurity | AT_DisableRowSecurity | AT_ForceRowSecurity | AT_NoForceRowSecurity => {
            Command::RowSecurity
        }
        AT_ChangeOwner => Command::Owner,
        AT_AddInherit
        | AT_DropInherit
        | AT_AddOf
        | AT_DropOf
        | AT_AttachPartition
        | AT_DetachPartition
        | AT_DetachPartitionFinalize => Command::Hierarchy,
        AT_EnableTrig | AT_EnableAlwaysTrig | AT_EnableReplicaTrig | AT_DisableTrig | AT_EnableTrigAll
        | AT_DisableTrigAll | AT_EnableTrigUser | AT_DisableTrigUser | AT_EnableRule
        | AT_EnableAlwaysRule | AT_EnableReplicaRule | AT_DisableRule => Command::Trigger,
        _ => Command::Other,
    }
}

fn any_foreign_key(constraints: *mut pg_sys::List) -> bool {
    // SAFETY: the constraint list of a parsed column definition.
    let list = unsafe { PgList::<pg_sys::Node>::from_pg(constraints) };
    list.iter_ptr().any(|node| foreign_key(node, false))
}

fn foreign_key(node: *mut pg_sys::Node, unless_not_valid: bool) -> bool {
    cast::<pg_sys::Constraint>(node, pg_sys::NodeTag::T_Constraint).is_some_and(|c| {
        c.contype == pg_sys::ConstrType::CONSTR_FOREIGN && !(unless_not_valid && c.skip_validation)
    })
}

/// The only statement of a text; a text that doesn't parse has none.
fn single(text: &str, mode: pg_sys::RawParseMode::Type) -> Option<*mut pg_sys::Node> {
    let text = CString::new(text).ok()?;
    let text = text.as_ptr();
    // The raw parser touches neither catalogs nor locks, so an error in it leaves nothing to clean up.
    // SAFETY: a NUL-terminated text; the tree lands in the current memory context.
    let parse = || Some(unsafe { pg_sys::raw_parser(text, mode) });
    PgTryBuilder::new(parse).catch_others(|_| None).execute().and_then(only)
}

fn single_or_raise(text: &str) -> Option<*mut pg_sys::Node> {
    let raw = raw_or_raise(&CString::new(text).ok()?)?;
    // SAFETY: what the parser returned.
    Some(unsafe { (*raw).stmt })
}

fn raw_or_raise(text: &CStr) -> Option<*mut pg_sys::RawStmt> {
    let source = text.as_ptr();
    // SAFETY: a NUL-terminated text; the tree lands in the current memory context.
    let parse = || unsafe { raw_parser(source, pg_sys::RawParseMode::RAW_PARSE_DEFAULT) };
    // SAFETY: calls the server alone and owns nothing.
    only_raw(unsafe { throw::whole_in(text, parse) })
}

fn only(list: *mut pg_sys::List) -> Option<*mut pg_sys::Node> {
    // SAFETY: what the parser returned.
    only_raw(list).map(|raw| unsafe { (*raw).stmt })
}

fn only_raw(list: *mut pg_sys::List) -> Option<*mut pg_sys::RawStmt> {
    // SAFETY: the list that the parser returned.
    let list = unsafe { PgList::<pg_sys::RawStmt>::from_pg(list) };
    list.get_ptr(0).filter(|_| list.len() == 1)
}

/// The node as its struct, if it has that tag.
pub(super) fn cast<'a, T>(node: *mut pg_sys::Node, tag: pg_sys::NodeTag) -> Option<&'a T> {
    // SAFETY: null or a node of a parse tree, which begins with its tag.
    if !unsafe { pgrx::is_a(node, tag) } {
        return None;
    }
    // SAFETY: the tag says that the node is this struct; the tree lives until the statement's end,
    // longer than any caller here keeps it.
    unsafe { node.cast::<T>().as_ref() }
}
