//! `org_scope.define_lookup`, `undefine_lookup`, `set_current_org_from`.

use org_scope_core::Error;
use org_scope_core::sql::Ident;
use pgrx::pg_sys::Oid;

use crate::identity::lookups;
use crate::pg::entry::{Call, entry};
use crate::pg::lookup::Lookup;
use crate::pg::types::Name;

fn name(call: &Call, index: usize, argument: &'static str) -> Result<Ident, Error> {
    Ident::new(call.required::<Name>(index, argument)?.0).map_err(|_| Error::BadName)
}

entry!(org_scope_define_lookup, pg_finfo_org_scope_define_lookup, |call| {
    let lookup = Lookup {
        table: call.required::<Oid>(1, "source")?,
        key_column: call.required::<Name>(2, "key_column")?.0,
        org_column: call.required::<Name>(3, "org_column")?.0,
        user_column: call.arg::<Name>(4).map(|name| name.0),
        condition: call.arg(5),
        key_hash: call.arg(6),
    };
    lookups::define(&name(call, 0, "name")?, lookup)?;
    Ok(().into())
});
entry!(org_scope_undefine_lookup, pg_finfo_org_scope_undefine_lookup, |call| {
    lookups::undefine(&name(call, 0, "name")?)?;
    Ok(().into())
});
entry!(org_scope_set_current_org_from, pg_finfo_org_scope_set_current_org_from, |call| {
    let key: String = call.required(1, "key")?;
    let among: Option<String> = call.arg(2);
    let is_local = call.arg(3).unwrap_or(false);
    let org = lookups::set_org_from(name(call, 0, "lookup")?, &key, among.as_deref(), is_local)?;
    Ok(Some(org).into())
});
