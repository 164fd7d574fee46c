//! The trigger that writes into new rows who made them.

use org_scope_core::Error;
use org_scope_core::policy::MissingUser;
use org_scope_core::sql::Ident;
use pgrx::PgTrigger;
use pgrx::pg_sys::HeapTuple;

use crate::pg::new_tuple::NewTuple;
use crate::pg::{relation, running, session};

/// The row to write: with the session's user, where the column is left to the database.
///
/// Whom no policy binds may say who acted: jobs, restores, and the owner where the table isn't FORCEd.
///
/// # Errors
/// OS002 for another user than the session's, or another one than before; OS010 where there is none and
/// one is asked for; OS004 for a user that isn't of the column's type; 0A000 for a trigger of another shape.
pub(crate) fn stamp_actor(trigger: &PgTrigger<'_>) -> Result<HeapTuple, Error> {
    let tuple = NewTuple::of(trigger).ok_or(Error::NotStampTrigger)?;
    let bound = relation::binds_current_user(relation::of_trigger(trigger).oid());
    let column = || Ident::new(tuple.column()).map_err(|_| Error::BadName);
    let forged = || Ok::<_, Error>(Error::ForgedActor { column: column()? });
    let given = tuple.value();
    if tuple.is_update() {
        return if bound && given != tuple.replaced() { Err(forged()?) } else { Ok(tuple.row()) };
    }
    if bound && running::moves_rows() {
        // To another partition, by an UPDATE that its own partition has let pass.
        return Ok(tuple.row());
    }
    let user = session::context().user.as_deref().map(str::to_owned);
    let Some(user) = user else {
        let required = trigger.extra_args().ok().and_then(|args| args.into_iter().next());
        let required = required.as_deref().and_then(MissingUser::from_word) != Some(MissingUser::Null);
        return match given {
            _ if !bound => Ok(tuple.row()),
            Some(_) => Err(forged()?),
            None if required => Err(Error::NoUser { column: column()? }),
            None => Ok(tuple.row()),
        };
    };
    let Some(user) = tuple.fitting(&user) else {
        return if bound || given.is_none() {
            Err(Error::WrongUserType { column: column()? })
        } else {
            Ok(tuple.row())
        };
    };
    match given {
        None => Ok(tuple.with(user)),
        Some(given) if bound && given != user => Err(forged()?),
        Some(_) => Ok(tuple.row()),
    }
}
