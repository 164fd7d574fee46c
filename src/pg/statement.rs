//! Looks at a statement's parse tree before it is run.

use std::ffi::CString;

use pgrx::{PgList, pg_sys};

/// Parses with the server's own grammar; a syntax error is the server's own.
fn parse(statement: &str) -> PgList<pg_sys::RawStmt> {
    let text = CString::new(statement).unwrap_or_default();
    // SAFETY: NUL-terminated text; the tree is palloc'ed and doesn't point into it.
    let list = unsafe { pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT) };
    // SAFETY: raw_parser returns a list of RawStmt.
    unsafe { PgList::from_pg(list) }
}

/// Whether the text is exactly one statement that reads or writes rows or alters a table, and that
/// leaves nothing behind which would run later: no cursor, PREPARE, COPY, DO, CALL or SELECT INTO.
pub(crate) fn is_one_plain_statement(statement: &str) -> bool {
    let statements = parse(statement);
    let (1, Some(raw)) = (statements.len(), statements.get_ptr(0)) else { return false };
    // SAFETY: an element of the list, with its statement.
    let node = unsafe { (*raw).stmt };
    // SAFETY: every node begins with its tag.
    match unsafe { (*node).type_ } {
        // SAFETY: the tag says what it is.
        pg_sys::NodeTag::T_SelectStmt => !selects_into(unsafe { &*node.cast() }),
        pg_sys::NodeTag::T_InsertStmt
        | pg_sys::NodeTag::T_UpdateStmt
        | pg_sys::NodeTag::T_DeleteStmt
        | pg_sys::NodeTag::T_MergeStmt
        | pg_sys::NodeTag::T_TruncateStmt => true,
        pg_sys::NodeTag::T_AlterTableStmt => {
            // SAFETY: the tag says what it is.
            let alter: &pg_sys::AlterTableStmt = unsafe { &*node.cast() };
            alter.objtype == pg_sys::ObjectType::OBJECT_TABLE
        }
        _ => false,
    }
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
