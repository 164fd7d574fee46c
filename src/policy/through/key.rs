//! The key as the caller gave it: a column, or an expression that the server reads.

use org_scope_core::Error;
use org_scope_core::policy::Facts;
use org_scope_core::policy::through::{
    Expression, Key, KeyColumn, Linked, NoThrough, comparable, family_of, typed,
};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::facts;
use crate::pg::expression::{self, Read};

/// Makes the key, of the parent key's type.
pub(super) fn read(child: &Facts, text: &str, linked: &Linked) -> Result<Key, Error> {
    let table = child.table();
    let no = |why| Error::NoThrough { table: table.clone(), why };
    if let (Some(column), Some(parent_key)) = (&linked.key, &linked.parent_key) {
        if column.generated {
            return Err(no(NoThrough::GeneratedKey(column.name.clone())));
        }
        if comparable(column, parent_key) {
            return Ok(Key::Column(column.name.clone()));
        }
    }
    let text = linked.key.as_ref().map_or_else(|| text.to_owned(), |column| column.name.to_string());
    let oid = Oid::from_u32(child.oid);
    let given = checked(oid, &text).map_err(&no)?;
    let Some(parent_key) = &linked.parent_key else { return Err(no(NoThrough::NoKey(text))) };
    let typed = convert(&given, &text, parent_key).map_err(&no)?;
    let read = checked(oid, &typed).map_err(&no)?;
    let numbers = read.columns.iter().filter_map(|n| i16::try_from(*n).ok()).collect();
    let columns = facts::column_names(oid, numbers);
    let generated = facts::generated(oid, &columns);
    if let Some(at) = generated.iter().position(|g| *g) {
        return Err(no(NoThrough::GeneratedKey(columns[at].clone())));
    }
    Ok(Key::Expression(Expression { of_new: read.of_new, bare: read.bare, columns }))
}

fn checked(table: Oid, text: &str) -> Result<Read, NoThrough> {
    let Some(read) = expression::read(table, text) else { return Err(NoThrough::NoKey(text.to_owned())) };
    if !read.built_in {
        return Err(NoThrough::Foreign);
    }
    if read.mutable {
        return Err(NoThrough::Mutable);
    }
    if read.columns.is_empty() || read.columns.iter().any(|n| *n <= 0) {
        return Err(NoThrough::WholeRow);
    }
    Ok(read)
}

fn convert(given: &Read, text: &str, parent_key: &KeyColumn) -> Result<String, NoThrough> {
    let from = facts::base_type(given.type_oid).and_then(|base| family_of(&base));
    let to = family_of(&parent_key.base_type);
    from.zip(to).and_then(|(from, to)| typed(text, from, to)).ok_or_else(|| NoThrough::KeyType {
        key: text.to_owned(),
        parent_key: parent_key.name.clone(),
        type_name: parent_key.type_name.clone(),
    })
}

/// The name that the key would have as a column; none where it can't be one.
pub(super) fn as_column(text: &str) -> Option<Ident> {
    Ident::new(text).ok()
}
