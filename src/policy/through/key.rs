//! The key as the caller gave it: a column, or an expression that the server reads.

use org_scope_core::policy::through::{Expression, Key, KeyColumn, Linked, NoThrough, comparable, typed};
use org_scope_core::policy::{Facts, family_of_type};
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use super::facts;
use crate::pg::expression;

/// Makes the key, of the parent key's type.
pub(super) fn read(
    child: &Facts,
    text: &str,
    linked: &Linked,
    parent_key: &KeyColumn,
) -> Result<Key, NoThrough> {
    if let Some(column) = &linked.key {
        if column.generated {
            return Err(NoThrough::GeneratedKey(column.name.clone()));
        }
        if comparable(column, parent_key) {
            return Ok(Key::Column(column.name.clone()));
        }
    }
    // A column of another type than the parent's key is an expression like any other.
    let text = linked.key.as_ref().map_or_else(|| text.to_owned(), |column| column.name.to_string());
    let oid = Oid::from_u32(child.oid);
    let fit =
        |read: Result<expression::Key, _>| read.map_err(|why| NoThrough::Key { key: text.clone(), why });
    let given = fit(expression::key(oid, &text, expression::ROW))?;
    let converted = convert(&given, &text, parent_key)?;
    let read = fit(expression::key(oid, &converted, expression::ROW))?;
    let columns = facts::columns(oid, read.columns.into_iter().collect());
    if let Some(generated) = columns.iter().find(|column| column.generated) {
        return Err(NoThrough::GeneratedKey(generated.name.clone()));
    }
    let columns = columns.into_iter().map(|column| column.name).collect();
    Ok(Key::Expression(Expression { of_new: read.of_alias, bare: read.bare, columns }))
}

fn convert(given: &expression::Key, text: &str, parent_key: &KeyColumn) -> Result<String, NoThrough> {
    let from = facts::base_type(given.type_oid).and_then(|base| family_of_type(&base));
    let to = family_of_type(&parent_key.base_type);
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
