//! Reads an expression over a table's row as the server's parser does, and says what it may do.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char, c_int, c_void};

use org_scope_core::org::OrgType;
use org_scope_core::policy::{Expression, Unfit};
use pgrx::PgList;
use pgrx::pg_sys::{self, Node, NodeTag, Oid, ParseNamespaceItem, ParseState, Relation};

use super::{parse, throw};

type Walker = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> bool;

// The server's functions themselves: pgrx's bindings would strip errors on their way.
// SAFETY: declared as in the server's headers.
unsafe extern "C-unwind" {
    fn addRangeTableEntryForRelation(
        state: *mut ParseState,
        relation: Relation,
        lock: c_int,
        alias: *mut pg_sys::Alias,
        children: bool,
        in_from: bool,
    ) -> *mut ParseNamespaceItem;
    fn transformExpr(
        state: *mut ParseState,
        expression: *mut Node,
        kind: pg_sys::ParseExprKind::Type,
    ) -> *mut Node;
    fn assign_expr_collations(state: *mut ParseState, expression: *mut Node);
    fn deparse_expression(
        expression: *mut Node,
        context: *mut pg_sys::List,
        force_prefix: bool,
        show_implicit: bool,
    ) -> *mut c_char;
    fn contain_mutable_functions(expression: *mut Node) -> bool;
    fn contain_volatile_functions(expression: *mut Node) -> bool;
    fn check_functions_in_node(node: *mut Node, checker: Checker, state: *mut c_void) -> bool;
    #[cfg_attr(not(feature = "pg15"), link_name = "expression_tree_walker_impl")]
    fn expression_tree_walker(node: *mut Node, walker: Walker, state: *mut c_void) -> bool;
    fn format_type_be(oid: Oid) -> *mut c_char;
}

type Checker = unsafe extern "C-unwind" fn(Oid, *mut c_void) -> bool;

/// The row of the table, where its triggers see it.
pub(crate) const ROW: &CStr = c"new";

/// What the server's parser made of it.
struct Analysed {
    node: *mut Node,
    has_sub_select: bool,
    printed: *mut c_char,
    /// With the alias before each column.
    of_alias: *mut c_char,
}

/// An expression that leads from a row to another one.
pub(crate) struct Key {
    /// With bare columns.
    pub(crate) bare: String,
    /// With the alias before each column.
    pub(crate) of_alias: String,
    /// The numbers of its columns.
    pub(crate) columns: BTreeSet<i16>,
    pub(crate) type_oid: Oid,
}

/// Reads it, as something of any type; otherwise as [`read`]. Where it is asked of a row that isn't the only
/// one around, the table is called by the alias.
///
/// # Errors
/// [`Unfit`] where it isn't a key for good.
pub(crate) fn key(table: Oid, text: &str, alias: &CStr) -> Result<Key, Unfit> {
    let (analysed, columns) = checked(table, text, alias)?;
    // SAFETY: an analysed expression.
    let type_oid = unsafe { pg_sys::exprType(analysed.node) };
    Ok(Key { bare: text_of(analysed.printed), of_alias: text_of(analysed.of_alias), columns, type_oid })
}

/// Reads it, as something that gives an organization, and says of which family. Columns are bare, or stand behind
/// the name that the row is read by.
///
/// # Errors
/// [`Unfit`] where it can't say whose a row is.
pub(crate) fn adopting(table: Oid, text: &str, by: Option<&CStr>) -> Result<(Key, OrgType), Unfit> {
    let (analysed, columns) = checked_by(table, text, ROW, by)?;
    // SAFETY: an analysed expression.
    let type_oid = unsafe { pg_sys::exprType(analysed.node) };
    let family = family_of(type_oid).ok_or(Unfit::UnsupportedType)?;
    // SAFETY: an analysed expression, with its collations.
    let collation = unsafe { pg_sys::exprCollation(analysed.node) };
    if ![Oid::INVALID, pg_sys::DEFAULT_COLLATION_OID].contains(&collation) {
        return Err(Unfit::Collation);
    }
    let (bare, of_alias) = (text_of(analysed.printed), text_of(analysed.of_alias));
    Ok((Key { bare, of_alias, columns, type_oid }, family))
}

/// A condition of ours on a table's rows as the server prints it, over several lines perhaps.
pub(crate) fn printed(table: Oid, text: &str) -> String {
    let Some(raw) = parse::expression(text) else { return String::new() };
    // SAFETY: calls the server alone and owns nothing.
    text_of(unsafe { throw::whole(|| analyse(table, raw, ROW, None)) }.printed)
}

/// Reads it, as something of the type that was said. What doesn't parse, or names what isn't there, is
/// raised as the server's own.
///
/// # Errors
/// [`Unfit`] where it can't say whose a row is.
pub(crate) fn read(table: Oid, text: &str, org_type: Oid) -> Result<Expression, Unfit> {
    let (analysed, _) = checked(table, text, ROW)?;
    // SAFETY: an analysed expression.
    let found = unsafe { pg_sys::exprType(analysed.node) };
    if found != org_type {
        return Err(Unfit::Type(type_name(found)));
    }
    let family = family_of(org_type).ok_or(Unfit::UnsupportedType)?;
    // SAFETY: an analysed expression, with its collations.
    let collation = unsafe { pg_sys::exprCollation(analysed.node) };
    if ![Oid::INVALID, pg_sys::DEFAULT_COLLATION_OID].contains(&collation) {
        return Err(Unfit::Collation);
    }
    Ok(Expression { printed: text_of(analysed.printed), family })
}

/// The same expression to be asked of rows, with its type; none where it couldn't be read any more.
pub(crate) fn over_rows(table: Oid, expression: &Expression) -> Option<(*mut Node, Oid)> {
    let (analysed, _) = checked(table, &expression.printed, ROW).ok()?;
    // SAFETY: an analysed expression.
    let found = unsafe { pg_sys::exprType(analysed.node) };
    (family_of(found) == Some(expression.family)).then_some((analysed.node, found))
}

/// The readers that compare with a type.
pub(super) fn family_of(org_type: Oid) -> Option<OrgType> {
    match org_type {
        pg_sys::TEXTOID => Some(OrgType::Text),
        pg_sys::UUIDOID => Some(OrgType::Uuid),
        pg_sys::INT2OID | pg_sys::INT4OID | pg_sys::INT8OID => Some(OrgType::Bigint),
        _ => None,
    }
}

/// Reads a condition on a row, by what the row and the moment are, and prints it. What doesn't parse, or names what
/// isn't there, is raised as the server's own.
///
/// # Errors
/// [`Unfit`] where it isn't one, or a user's functions would decide.
pub(crate) fn condition(table: Oid, text: &str) -> Result<String, Unfit> {
    let (analysed, seen) = ours_alone(table, text, ROW, None)?;
    if seen.users_type {
        return Err(Unfit::UserDefined);
    }
    if seen.asks_session {
        return Err(Unfit::Volatile);
    }
    // SAFETY: an analysed expression; looks functions up.
    let look = || unsafe { contain_volatile_functions(analysed.node) };
    // SAFETY: calls the server alone and owns nothing.
    if unsafe { throw::whole(look) } {
        return Err(Unfit::Volatile);
    }
    // SAFETY: an analysed expression.
    match unsafe { pg_sys::exprType(analysed.node) } {
        pg_sys::BOOLOID => Ok(text_of(analysed.printed)),
        other => Err(Unfit::Type(type_name(other))),
    }
}

/// Reads it, and says what it may do, and which columns it names.
fn checked(table: Oid, text: &str, alias: &CStr) -> Result<(Analysed, BTreeSet<i16>), Unfit> {
    checked_by(table, text, alias, None)
}

/// The same of columns behind the name `by`.
fn checked_by(
    table: Oid,
    text: &str,
    alias: &CStr,
    by: Option<&CStr>,
) -> Result<(Analysed, BTreeSet<i16>), Unfit> {
    let (analysed, seen) = ours_alone(table, text, alias, by)?;
    // SAFETY: an analysed expression; looks functions up.
    let look = || unsafe { contain_mutable_functions(analysed.node) };
    // SAFETY: calls the server alone and owns nothing.
    if unsafe { throw::whole(look) } || seen.by_setting {
        return Err(Unfit::Volatile);
    }
    if seen.columns.is_empty() {
        return Err(Unfit::Constant);
    }
    Ok((analysed, seen.columns))
}

/// Reads it: one expression that runs the server's own functions alone, and what is seen in it.
fn ours_alone(table: Oid, text: &str, alias: &CStr, by: Option<&CStr>) -> Result<(Analysed, Seen), Unfit> {
    // Not one bare expression: the server says what is wrong where it is more, or less.
    let raw = parse::expression(text).ok_or(Unfit::NotOne)?;
    // SAFETY: calls the server alone and owns nothing.
    let analysed = unsafe { throw::whole(|| analyse(table, raw, alias, by)) };
    if analysed.has_sub_select {
        return Err(Unfit::SubSelect);
    }
    let mut seen = Seen::default();
    // SAFETY: an analysed expression; the state outlives the walk.
    let look = || unsafe { walk(analysed.node, (&raw mut seen).cast()) };
    // SAFETY: calls the server alone and owns nothing.
    unsafe { throw::whole(look) };
    if seen.foreign {
        return Err(Unfit::UserDefined);
    }
    Ok((analysed, seen))
}

fn analyse(table: Oid, raw: *mut Node, alias: &CStr, by: Option<&CStr>) -> Analysed {
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: raises where there is no such table; closed below, or by the abort.
    let relation = unsafe { pg_sys::table_open(table, lock) };
    // SAFETY: allocates.
    let state = unsafe { pg_sys::make_parsestate(std::ptr::null_mut()) };
    let by = match by {
        // SAFETY: copies a NUL-terminated name.
        Some(by) => unsafe { pg_sys::makeAlias(by.as_ptr(), std::ptr::null_mut()) },
        None => std::ptr::null_mut(),
    };
    // SAFETY: an open relation, held with that lock.
    let item = unsafe { addRangeTableEntryForRelation(state, relation, lock, by, false, false) };
    // SAFETY: the entry just made.
    unsafe { pg_sys::addNSItemToQuery(state, item, false, true, true) };
    // SAFETY: a raw expression in the current memory context.
    let node = unsafe { transformExpr(state, raw, pg_sys::ParseExprKind::EXPR_KIND_POLICY) };
    // SAFETY: the expression just analysed.
    unsafe { assign_expr_collations(state, node) };
    // SAFETY: open until table_close.
    let class = unsafe { (*relation).rd_rel };
    // SAFETY: the relation's own, valid as long as it is open.
    let name = unsafe { &raw const (*class).relname.data }.cast();
    // SAFETY: a name is NUL-terminated, and copied.
    let context = unsafe { pg_sys::deparse_context_for(name, table) };
    // SAFETY: an expression over that table.
    let printed = unsafe { deparse_expression(node, context, false, false) };
    // SAFETY: as above.
    let context = unsafe { pg_sys::deparse_context_for(alias.as_ptr(), table) };
    // SAFETY: as above.
    let of_alias = unsafe { deparse_expression(node, context, true, false) };
    // SAFETY: made above.
    let has_sub_select = unsafe { (*state).p_hasSubLinks };
    // SAFETY: opened above; the lock stays, so that the table stays what it is.
    unsafe { pg_sys::table_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE) };
    Analysed { node, has_sub_select, printed, of_alias }
}

#[derive(Default)]
struct Seen {
    /// The columns of the row.
    columns: BTreeSet<i16>,
    /// Something that a user can make or replace.
    foreign: bool,
    /// Something that is IMMUTABLE by its mark, and gives what a setting of the session says.
    by_setting: bool,
    /// What the session has set.
    asks_session: bool,
    /// A value of a user's type where the server's own functions may look for what a user made: a domain's CHECK, a
    /// cast to JSON. Enums that are compared have nothing of the kind.
    users_type: bool,
}

/// They run a query, over views and with the functions in them.
const RUN_QUERIES: [u32; 9] = [
    pg_sys::F_TABLE_TO_XML,
    pg_sys::F_TABLE_TO_XMLSCHEMA,
    pg_sys::F_TABLE_TO_XML_AND_XMLSCHEMA,
    pg_sys::F_SCHEMA_TO_XML,
    pg_sys::F_SCHEMA_TO_XMLSCHEMA,
    pg_sys::F_SCHEMA_TO_XML_AND_XMLSCHEMA,
    pg_sys::F_DATABASE_TO_XML,
    pg_sys::F_DATABASE_TO_XMLSCHEMA,
    pg_sys::F_DATABASE_TO_XML_AND_XMLSCHEMA,
];

/// They give what whoever asks has set.
const ASK_SESSION: [u32; 2] = [pg_sys::F_CURRENT_SETTING_TEXT, pg_sys::F_CURRENT_SETTING_TEXT_BOOL];

/// They obey `bytea_output`, and `extra_float_digits`, which can print two numbers as the same text.
const BY_SETTING: [u32; 10] = [
    pg_sys::F_BYTEAOUT,
    pg_sys::F_FLOAT4OUT,
    pg_sys::F_FLOAT8OUT,
    pg_sys::F_POINT_OUT,
    pg_sys::F_BOX_OUT,
    pg_sys::F_LSEG_OUT,
    pg_sys::F_LINE_OUT,
    pg_sys::F_PATH_OUT,
    pg_sys::F_POLY_OUT,
    pg_sys::F_CIRCLE_OUT,
];

// SAFETY: called by `read` and by the server's walkers, with nodes of the expression and `read`'s state.
unsafe extern "C-unwind" fn walk(node: *mut Node, state: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: every node begins with its tag.
    let tag = unsafe { (*node).type_ };
    // SAFETY: what `read` passed on.
    let seen = unsafe { &mut *state.cast::<Seen>() };
    match tag {
        NodeTag::T_Var => {
            // SAFETY: a column by its tag.
            let column = unsafe { (*node.cast::<pg_sys::Var>()).varattno };
            // A whole row and system columns can't be indexed.
            seen.foreign |= column <= 0;
            seen.columns.insert(column);
        }
        NodeTag::T_CoerceToDomain => seen.foreign = true,
        // Of what, only its parts say.
        NodeTag::T_RowExpr => seen.users_type = true,
        // SAFETY: a call by its tag.
        NodeTag::T_FuncExpr => seen.users_type |= unsafe { takes_or_gives_users_type(node.cast()) },
        NodeTag::T_Const | NodeTag::T_CoerceViaIO | NodeTag::T_ArrayCoerceExpr => {
            // SAFETY: an expression by its tag.
            let given = unsafe { pg_sys::exprType(node) };
            seen.users_type |= !is_plain_type(given);
        }
        // It prints any value in it, which the server takes for IMMUTABLE.
        NodeTag::T_XmlExpr => seen.by_setting = true,
        _ => {}
    }
    // SAFETY: a node of the expression, and a checker that only compares.
    if unsafe { check_functions_in_node(node, is_users, std::ptr::null_mut()) } {
        seen.foreign = true;
    }
    // SAFETY: as above.
    if unsafe { check_functions_in_node(node, is_by_setting, std::ptr::null_mut()) } {
        seen.by_setting = true;
    }
    // SAFETY: as above.
    if unsafe { check_functions_in_node(node, is_asking_session, std::ptr::null_mut()) } {
        seen.asks_session = true;
    }
    // SAFETY: a node of an expression, with our walker and state.
    unsafe { expression_tree_walker(node, walk, state) }
}

// SAFETY: called by the server with a function's OID.
unsafe extern "C-unwind" fn is_users(function: Oid, _state: *mut c_void) -> bool {
    is_of_users(function) || RUN_QUERIES.contains(&function.to_u32())
}

// SAFETY: called by the server with a function's OID.
unsafe extern "C-unwind" fn is_asking_session(function: Oid, _state: *mut c_void) -> bool {
    ASK_SESSION.contains(&function.to_u32())
}

/// Whether a user made it, not the server's own installation.
fn is_of_users(oid: Oid) -> bool {
    oid.to_u32() >= pg_sys::FirstNormalObjectId
}

/// Whether values of the type are read and printed by the server alone.
fn is_plain_type(of: Oid) -> bool {
    // SAFETY: reads the system cache; InvalidOid where it is no array.
    let element = unsafe { pg_sys::get_element_type(of) };
    let of = if element == Oid::INVALID { of } else { element };
    // SAFETY: reads the system cache.
    !is_of_users(of) || unsafe { pg_sys::type_is_enum(of) }
}

/// # Safety
/// `call` is a function's call in an analysed expression.
unsafe fn takes_or_gives_users_type(call: *mut pg_sys::FuncExpr) -> bool {
    // SAFETY: the caller's promise.
    let call = unsafe { &*call };
    // SAFETY: the call's arguments.
    let arguments: PgList<Node> = unsafe { PgList::from_pg(call.args) };
    // SAFETY: an argument is an analysed expression.
    let mut types = arguments.iter_ptr().map(|argument| unsafe { pg_sys::exprType(argument) });
    is_of_users(call.funcresulttype) || types.any(is_of_users)
}

// SAFETY: called by the server with a function's OID.
unsafe extern "C-unwind" fn is_by_setting(function: Oid, _state: *mut c_void) -> bool {
    BY_SETTING.contains(&function.to_u32())
}

fn type_name(oid: Oid) -> String {
    // SAFETY: prints any OID.
    let print = || unsafe { format_type_be(oid) };
    // SAFETY: calls the server alone and owns nothing.
    let name = unsafe { throw::whole(print) };
    text_of(name)
}

fn text_of(text: *const c_char) -> String {
    // SAFETY: a NUL-terminated string that the server just made.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
