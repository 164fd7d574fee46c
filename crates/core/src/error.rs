//! Every situation in which org_scope says no, with its SQLSTATE, message, DETAIL and HINT.

use crate::access::How;
use crate::adopt::{NoAdoption, NotYet};
use crate::org::{MAX_CONTEXT_BYTES, OrgType};
use crate::policy::through::NoThrough;
use crate::policy::{Loosening, Refusal, Unfit};
use crate::sql::{Ident, Literal, QualifiedName};
use crate::token::{BadClaims, BadKey, Refused, Value};

/// What a situation says to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The SQLSTATE, five characters.
    pub sqlstate: &'static str,
    /// Lower case, no full stop.
    pub message: String,
    /// Whole sentences.
    pub detail: Option<String>,
    /// A statement to paste, or whole sentences where no statement helps.
    pub hint: Option<String>,
}

/// A situation, not a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.report().message)]
pub enum Error {
    /// A fenced table, or something that needs an organization, was reached without one.
    NoOrg,
    /// The login role has no access that lets it do this.
    NotAllowed {
        /// The session's login role.
        role: Ident,
    },
    /// The login role says what it is, where it has to prove it.
    Unproven {
        /// The session's login role.
        role: Ident,
        /// How it can.
        how: How,
    },
    /// A fenced table was reached after the proof of the organization has ended.
    Expired,
    /// `allow` got a word that is no kind of access.
    UnknownHow,
    /// Access `parameter` lives as long as the connection, which a pooler hands on.
    PooledParameter,
    /// The login role is bound to an organization, and another one was asked for.
    Bound {
        /// The session's login role.
        role: Ident,
    },
    /// A pooled role asked for something that outlives its transaction.
    PooledSession {
        /// What it asked for.
        what: Outliving,
    },
    /// A pooled role asked for a second organization in one transaction.
    PooledSecondOrg,
    /// A setting was written by something else than the setters.
    SettingClosed {
        /// The setting's name.
        setting: &'static str,
    },
    /// A context is set by a role whose statements row security doesn't filter.
    Bypassing {
        /// The role.
        role: Ident,
    },
    /// The organization changed under a running statement.
    OrgChanged,
    /// A table got something that changes its new rows after the statement was planned.
    TableChanged,
    /// While FORCE is lifted, a fenced table was reached as another user than the caller.
    ReachedAsAnother,
    /// While FORCE was lifted, a cursor was opened and left open.
    CursorLeftOpen,
    /// While FORCE is lifted, a cursor was read that had been opened before.
    CursorFromOutside,
    /// `across_orgs` got something else than one plain statement.
    NotOneStatement,
    /// `explain_org` got something else than one query.
    NotOneQuery,
    /// A query meets no fence, so that its plan is the same for every organization.
    NothingFenced {
        /// The current role.
        role: Ident,
    },
    /// No organization is known from statistics.
    NoKnownOrgs,
    /// `truncate_guard` was put on another event.
    NotTruncateTrigger,
    /// `copy_row` was put on another event, or on something else than a view of columns of one table.
    NotCopyTrigger,
    /// A run over many tables was begun inside somebody else's maintenance.
    NotFromHere,
    /// An argument that must be there is NULL.
    NullArgument {
        /// Its name.
        name: &'static str,
    },
    /// A setter got NULL or the empty text as organization.
    EmptyOrg,
    /// A context value is longer than [`MAX_CONTEXT_BYTES`].
    ContextTooLong,
    /// The context's value is not of the family that the table or reader needs.
    WrongOrgType {
        /// The family that was asked for.
        wanted: OrgType,
        /// The family that the context's value looks like.
        found: OrgType,
    },
    /// A table can't be protected.
    CannotProtect {
        /// The table.
        table: QualifiedName,
        /// Why.
        why: Refusal,
    },
    /// A table can't get its organization from a parent row.
    NoThrough {
        /// The table.
        table: QualifiedName,
        /// Why.
        why: Box<NoThrough>,
    },
    /// What ties a table to its parent is gone or altered, or its owner has lost the rights of the parent's.
    NotThrough {
        /// The table.
        table: QualifiedName,
    },
    /// A row names another organization than its parent's.
    NotItsParents {
        /// The table.
        table: QualifiedName,
    },
    /// A table can't be adopted.
    NoAdoption {
        /// The table.
        table: QualifiedName,
        /// Why.
        why: Box<NoAdoption>,
    },
    /// An adoption can't go on.
    NotYet {
        /// The table.
        table: QualifiedName,
        /// Why.
        why: Box<NotYet>,
    },
    /// A row names a key that isn't its organization's.
    NotItsKeys {
        /// The table.
        table: QualifiedName,
        /// The column that names it; none where an expression does.
        column: Option<Ident>,
    },
    /// A trigger function of ours was put on another event.
    NotThisTrigger,
    /// A batch of no rows.
    BatchSize,
    /// A protected table was put under one that is open.
    OpenAbove {
        /// The table.
        child: QualifiedName,
        /// The one above it, or the topmost parent of that.
        parent: QualifiedName,
        /// The column by which the one above can be protected, if it has it.
        column: Option<Ident>,
    },
    /// A statement opened a fence that isn't its own.
    FenceOpened {
        /// The table.
        table: QualifiedName,
        /// What it did.
        by: Loosening,
    },
    /// TRUNCATE of a protected table by a role that the fence binds.
    Truncate {
        /// The table.
        table: QualifiedName,
    },
    /// Something needs a protected table and got another.
    NotProtected {
        /// The table.
        table: QualifiedName,
    },
    /// An index of one organization's rows can't be made on a table.
    NoOrgIndex {
        /// The table.
        table: QualifiedName,
        /// Whether its rows are its partitions'; else its fence stands on no column.
        partitioned: bool,
    },
    /// What was given is no value of the org column.
    NotItsOrg {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Ident,
        /// Its type.
        type_name: String,
    },
    /// A text is not what stands behind USING in CREATE INDEX.
    NoIndexDefinition {
        /// The table.
        table: QualifiedName,
    },
    /// A table's fence stands on something that no key can include.
    CannotHarden {
        /// The table.
        table: QualifiedName,
    },
    /// A table has no unique key of that name.
    NoSuchKey {
        /// The table.
        table: QualifiedName,
        /// The name.
        name: Ident,
    },
    /// A foreign key would be checked for the rows of one organization and be called valid.
    PartialCheck {
        /// The table that is altered.
        table: QualifiedName,
        /// The statement itself, where it is known.
        statement: Option<String>,
    },
    /// A table is protected together with one above it, and can't lose its fence alone.
    ProtectedAbove {
        /// The table.
        table: QualifiedName,
        /// The one above it.
        parent: QualifiedName,
    },
    /// A statement given to alter_protected is not one ALTER TABLE of that table.
    NotAlterTable {
        /// The table.
        table: QualifiedName,
    },
    /// A statement given to alter_protected does more than it may.
    ForbiddenAlter {
        /// What it does.
        what: &'static str,
        /// The table.
        table: QualifiedName,
        /// The statement itself.
        statement: String,
    },
    /// What organizations have in a table can't be told.
    Uncountable {
        /// The table.
        table: QualifiedName,
    },
    /// A table has come into a schema where none may.
    NewTableRefused {
        /// The table.
        table: QualifiedName,
    },
    /// A table has come into a watched schema and is open.
    NewTableOpen {
        /// The table.
        table: QualifiedName,
        /// The column that it should have.
        column: Ident,
        /// Whether it has it.
        has_column: bool,
    },
    /// A column has come with a DEFAULT that reads the context.
    AddedDefault(Box<AddedDefault>),
    /// `watch` got a word that is no action.
    UnknownWatch,
    /// `declare_global` got no reason.
    NoReason,
    /// The roles of a gate are an empty list.
    NoRoles,
    /// A role does not exist.
    NoSuchRole(Ident),
    /// A schema does not exist.
    NoSuchSchema(Ident),
    /// A relation does not exist.
    NoSuchRelation {
        /// Its OID, as its name is gone.
        oid: u32,
    },
    /// A trigger function was attached to something else.
    NotStampTrigger,
    /// A row names another user than the one who acts.
    ForgedActor {
        /// The column.
        column: Ident,
    },
    /// A row must say who acts, and nobody is set.
    NoUser {
        /// The column.
        column: Ident,
    },
    /// The user is no value of the column's type.
    WrongUserType {
        /// The column.
        column: Ident,
    },
    /// An option's word is unknown.
    UnknownActorMissing,
    /// A project of another organization, or of other members, or none.
    NotYourProject,
    /// A lookup has no organization for the key, or none among which the one asked for is.
    NoAnswer,
    /// A lookup has several answers for the key.
    SeveralOrgs {
        /// The lookup's name.
        lookup: Ident,
    },
    /// A lookup isn't defined.
    NoSuchLookup {
        /// The name.
        lookup: Ident,
    },
    /// The login role may not use the lookup.
    LookupNotAllowed {
        /// The session's login role.
        role: Ident,
        /// The lookup's name.
        lookup: Ident,
    },
    /// A lookup's condition isn't one.
    BadCondition {
        /// The condition.
        condition: String,
        /// Why.
        why: Unfit,
    },
    /// `define_lookup` got a word that is no hash.
    UnknownKeyHash,
    /// `allow` with `lookup` must name lookups, and with another word must not.
    LookupsDontFit {
        /// Whether the access is `lookup`.
        needed: bool,
    },
    /// A table that answers for projects or lookups isn't fit to.
    BadSource {
        /// What it answers for.
        what: &'static str,
        /// Its name, or what is left of it.
        table: String,
        /// Why.
        why: &'static str,
    },
    /// A text can't be a name.
    BadName,

    /// The same, said to PostgREST.
    Http(Box<Error>),
    /// A token stands in the text of a statement.
    TokenInQuery,
    /// No key is registered for the token's issuer and kid.
    NoSuchSigningKey,
    /// The token's user is no member of its organization.
    NoMember,
    /// A token isn't taken.
    Token(Refused),
    /// A key for tokens isn't taken.
    BadSigningKey(BadKey),
    /// The claims that a key is registered with can't be read.
    BadClaimPaths(BadClaims),
}

/// What would outlive the transaction of a pooled role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outliving {
    /// A context for the session.
    Context,
    /// A cursor WITH HOLD.
    HeldCursor,
}

impl Error {
    /// The one place where SQLSTATE, message, DETAIL and HINT are chosen.
    pub fn report(&self) -> Report {
        let say = |sqlstate, message: String, detail: Option<&str>, hint: Option<String>| Report {
            sqlstate,
            message,
            detail: detail.map(str::to_owned),
            hint,
        };
        match self {
            Self::NoOrg => say(
                "OS001",
                "no organization is set".into(),
                Some("Protected tables are closed until the session says which organization it acts for."),
                Some("SELECT org_scope.set_current_org('...');".into()),
            ),
            Self::NotAllowed { role } => say(
                "OS002",
                format!("role {role} has no access to the organization context"),
                None,
                Some(format!("SELECT org_scope.allow({}, 'direct');", role_literal(role))),
            ),
            Self::Unproven { role, how } => say(
                "OS002",
                format!("role {role} can't say which organization or user it is"),
                Some("Its access makes it prove that."),
                Some(match how {
                    How::Lookup => "SELECT org_scope.set_current_org_from('...', '...');".into(),
                    _ => "SELECT org_scope.authenticate($1);".into(),
                }),
            ),
            Self::Expired => say(
                "OS008",
                "the token has expired that proved the organization".into(),
                Some("Protected tables are closed until the session shows a new one."),
                Some("SELECT org_scope.authenticate($1);".into()),
            ),
            Self::UnknownHow => say(
                "22023",
                "access must be 'direct', 'lookup', 'token' or 'parameter'".into(),
                None,
                Some("SELECT org_scope.allow('...', 'direct');".into()),
            ),
            Self::PooledParameter => say(
                "22023",
                "access 'parameter' can't be pooled".into(),
                Some(
                    "A setting given by SET or by connection options lives as long as the connection, \
                     and a pooler hands the connection to the next client.",
                ),
                Some("SELECT org_scope.allow('...', 'direct', pooled => true);".into()),
            ),
            Self::Bound { role } => say(
                "OS003",
                format!("role {role} is bound to one organization"),
                None,
                Some(format!("SELECT org_scope.unbind_role({});", role_literal(role))),
            ),
            Self::PooledSession { what: Outliving::Context } => say(
                "OS003",
                "a pooled role can set its context for the transaction only".into(),
                Some("The next client of the connection would inherit a context of the session."),
                Some("BEGIN; SELECT org_scope.set_current_org('...', is_local => true);".into()),
            ),
            Self::PooledSession { what: Outliving::HeldCursor } => say(
                "OS003",
                "a pooled role can't declare a cursor WITH HOLD".into(),
                Some("The next client of the connection could read the rows that the cursor holds."),
                Some("Declare it WITHOUT HOLD and read it to the end in the transaction.".into()),
            ),
            Self::PooledSecondOrg => say(
                "OS003",
                "the organization of this transaction is fixed".into(),
                Some("A pooled role has one organization in a transaction."),
                Some("COMMIT; BEGIN; SELECT org_scope.set_current_org('...', is_local => true);".into()),
            ),
            Self::SettingClosed { setting } => say(
                "OS002",
                format!("parameter \"{setting}\" can be set by org_scope's functions only"),
                None,
                Some("SELECT org_scope.set_current_org('...');".into()),
            ),
            Self::Bypassing { role } => say(
                "OS002",
                format!("role {role} bypasses row security, so no organization limits what it sees"),
                Some("PostgreSQL applies no policy to superusers and to roles with BYPASSRLS."),
                Some("Connect as an ordinary role, or SET ROLE to one.".into()),
            ),
            Self::OrgChanged => say(
                "OS003",
                "the organization changed while a statement was running".into(),
                Some("A statement that began under one organization doesn't go on under another."),
                Some("Set the organization in a statement of its own.".into()),
            ),
            Self::TableChanged => say(
                "55006",
                "the table that a statement updates was changed after the statement was planned".into(),
                Some("What it has now may change the rows that the statement writes."),
                Some("Change the table in a statement of its own, before the one that updates it.".into()),
            ),
            Self::ReachedAsAnother => say(
                "OS002",
                "across_orgs lifts the fence for its caller only".into(),
                Some(
                    "The statement reaches a table with row security as another user, \
                     through a view, a SECURITY DEFINER function or a materialized view.",
                ),
                Some("Name the tables themselves in the statement.".into()),
            ),
            Self::CursorLeftOpen => say(
                "OS002",
                "a cursor that was opened across organizations is still open".into(),
                Some("It would go on without a fence after the call."),
                Some("Close it in the statement that opens it.".into()),
            ),
            Self::CursorFromOutside => say(
                "OS002",
                "a cursor that was opened before can't be read across organizations".into(),
                Some("What it plans meanwhile would go on without a fence after the call."),
                Some("Open and close it in the statement itself.".into()),
            ),
            Self::NotOneStatement => say(
                "22023",
                "across_orgs takes one SELECT, INSERT, UPDATE, DELETE, MERGE, TRUNCATE or ALTER TABLE".into(),
                None,
                Some("SELECT org_scope.across_orgs('UPDATE ...', reason => '...');".into()),
            ),
            Self::NotOneQuery => say(
                "22023",
                "explain_org takes one SELECT that changes nothing".into(),
                Some("It runs the query once for each organization."),
                Some("SELECT * FROM org_scope.explain_org('SELECT ...');".into()),
            ),
            Self::NothingFenced { role } => say(
                "OS010",
                format!("the query reads no protected table whose fence binds role {role}"),
                Some("Its plan is the same for every organization."),
                Some("SET ROLE ...; -- one that the fence binds".into()),
            ),
            Self::NoKnownOrgs => say(
                "OS010",
                "no organization of these tables is known from statistics".into(),
                Some("Nobody has analysed the tables yet, or the role may not read their org columns."),
                Some("SELECT * FROM org_scope.explain_org('SELECT ...', orgs => ARRAY['...']);".into()),
            ),
            Self::NotTruncateTrigger => {
                say("0A000", "truncate_guard must be fired by TRUNCATE".into(), None, None)
            }
            Self::NotCopyTrigger => say(
                "0A000",
                "copy_row must be fired for each row, instead of INSERT, on a view of one table's columns"
                    .into(),
                None,
                None,
            ),
            Self::NotStampTrigger => say(
                "0A000",
                "stamp_actor must be fired before INSERT or UPDATE of one column".into(),
                None,
                None,
            ),
            Self::ForgedActor { column } => say(
                "OS002",
                format!("column {column} says who acts, and nobody else can be named"),
                Some("The database fills it from the session's user, and keeps it."),
                Some(format!("Leave {column} out of the statement.")),
            ),
            Self::NoUser { column } => say(
                "OS010",
                format!("no user is set, and column {column} says who acts"),
                None,
                Some("SELECT org_scope.set_current_user('...');".into()),
            ),
            Self::WrongUserType { column } => say(
                "OS004",
                format!("the current user is no value of the type of column {column}"),
                None,
                Some("SELECT org_scope.set_current_user('...');".into()),
            ),
            Self::UnknownActorMissing => {
                say("22023", "actor_missing must be 'error' or 'null'".into(), None, None)
            }
            Self::NotYourProject => say(
                "OS005",
                "no such project in the organization".into(),
                Some("The organization has no such project, or the current user is no member of it."),
                Some("SELECT org_scope.set_current_project(NULL);".into()),
            ),
            Self::NoAnswer => say(
                "OS005",
                "the lookup has no organization for this key".into(),
                Some(
                    "There is no such key, its row doesn't fulfil the lookup's condition, or it belongs to other organizations.",
                ),
                None,
            ),
            Self::SeveralOrgs { lookup } => say(
                "OS006",
                "the lookup has several answers for this key".into(),
                Some(
                    "The key belongs to more than one organization, or in one organization to more than one user.",
                ),
                Some(format!(
                    "SELECT org_scope.set_current_org_from({}, '...', org => '...');",
                    text_literal(lookup.raw())
                )),
            ),
            Self::NoSuchLookup { lookup } => say(
                "OS010",
                format!("lookup {lookup} is not defined"),
                None,
                Some(format!(
                    "SELECT org_scope.define_lookup({}, '...', key_column => '...', org_column => '...');",
                    text_literal(lookup.raw())
                )),
            ),
            Self::LookupNotAllowed { role, lookup } => say(
                "OS002",
                format!("role {role} may not use lookup {lookup}"),
                None,
                Some(format!(
                    "SELECT org_scope.allow({}, 'lookup', lookups => ARRAY[{}]::name[]);",
                    role_literal(role),
                    text_literal(lookup.raw())
                )),
            ),
            Self::BadCondition { condition, why } => say(
                "22023",
                format!("the lookup can't have the condition {condition}: it {}", why.message()),
                Some(
                    "It is made of the table's columns, constants, and the server's own functions and operators, and is true or false.",
                ),
                None,
            ),
            Self::UnknownKeyHash => say(
                "22023",
                "key_hash must be 'sha256', 'sha384' or 'sha512'".into(),
                Some("It says how the table keeps its keys. Leave it out where they are kept as they are."),
                None,
            ),
            Self::LookupsDontFit { needed } => say(
                "22023",
                match needed {
                    true => "access 'lookup' must name its lookups",
                    false => "only access 'lookup' names lookups",
                }
                .into(),
                Some("The other kinds of access use every lookup, or none."),
                Some("SELECT org_scope.allow('...', 'lookup', lookups => '{...}');".into()),
            ),
            Self::BadSource { what, table, why } => say(
                "OS010",
                format!("{table} can't answer for {what}: {why}"),
                Some("It is read with its owner's rights, and compared by the server's own equality."),
                None,
            ),
            Self::NotFromHere => say(
                "42501",
                "a run over many tables can't begin inside a security-restricted operation".into(),
                None,
                None,
            ),
            Self::NullArgument { name } => {
                say("22004", format!("argument \"{name}\" must not be null"), None, None)
            }
            Self::EmptyOrg => say(
                "OS004",
                "the organization must not be null or empty".into(),
                Some("An empty organization would silently keep or lose the previous one."),
                Some("SELECT org_scope.clear_context();".into()),
            ),
            Self::ContextTooLong => say(
                "OS004",
                format!("a context value must not be longer than {MAX_CONTEXT_BYTES} bytes"),
                None,
                None,
            ),
            Self::WrongOrgType { wanted, found } => say(
                "OS004",
                format!(
                    "the current organization is {} but {} is needed",
                    found.sql_name(),
                    wanted.sql_name()
                ),
                None,
                Some("SELECT org_scope.set_current_org('...');".into()),
            ),
            Self::CannotProtect { table, why } => say(
                "OS009",
                format!("{table} can't be protected: it {}", why.message()),
                why.detail(),
                why.hint(table),
            ),
            Self::NoThrough { table, why } => say(
                "OS009",
                format!("{table} can't be protected through a parent: it {}", why.message()),
                why.detail(),
                why.hint(table),
            ),
            Self::NotThrough { table } => say(
                "OS010",
                format!("what ties {table} to its parent is gone or altered"),
                Some("Its rows get their organization from a parent's, whose owner must be theirs."),
                Some(format!(
                    "SELECT * FROM org_scope.protect_through({}, '...', '...');",
                    text_literal(&table.to_string())
                )),
            ),
            Self::NotItsParents { table } => say(
                "23503",
                format!("a row of {table} has not the organization of its parent"),
                None,
                Some("Leave the organization out: it comes from the parent.".into()),
            ),
            Self::NoAdoption { table, why } => {
                say(why.sqlstate(), why.message(table), None, why.hint(table))
            }
            Self::NotYet { table, why } => {
                say(why.sqlstate(), why.message(table), why.detail(), why.hint(table))
            }
            Self::NotItsKeys { table, column } => say(
                "23503",
                match column {
                    Some(column) => format!("{column} in a row of {table} is not one of its organization"),
                    None => format!("a row of {table} tells of another organization than it names"),
                },
                Some("While the table is adopted, the two must not contradict each other."),
                Some("Leave the organization out: it follows from the rest of the row.".into()),
            ),
            Self::NotThisTrigger => {
                say("0A000", "the function is for another kind of trigger".into(), None, None)
            }
            Self::BatchSize => say(
                "22023",
                "batch_size must be at least 1".into(),
                None,
                Some("CALL org_scope.backfill('...', batch_size => 10000);".into()),
            ),
            Self::OpenAbove { child, parent, column } => {
                let protect = column.as_ref().map(|column| {
                    let (parent, column) = (text_literal(&parent.to_string()), text_literal(column.raw()));
                    format!("SELECT * FROM org_scope.protect({parent}, {column});")
                });
                let unprotect =
                    || format!("SELECT * FROM org_scope.unprotect({});", text_literal(&child.to_string()));
                say(
                    "OS009",
                    format!("{parent} is not protected, and {child} would be below it"),
                    Some("A query of the parent reads the rows of its children without their fence."),
                    Some(protect.unwrap_or_else(unprotect)),
                )
            }
            Self::FenceOpened { table, by } => say(
                "OS002",
                format!("this opens the fence of {table}: {}", by.message()),
                Some(by.detail()),
                Some(match by {
                    Loosening::ForceOff { column: Some(column) } => format!(
                        "SELECT * FROM org_scope.protect({}, {}, force => false);",
                        text_literal(&table.to_string()),
                        text_literal(column.raw())
                    ),
                    Loosening::AdoptionOff => {
                        format!("CALL org_scope.abandon({});", text_literal(&table.to_string()))
                    }
                    _ => format!("SELECT * FROM org_scope.unprotect({});", text_literal(&table.to_string())),
                }),
            ),
            Self::Truncate { table } => say(
                "OS002",
                format!("TRUNCATE would remove every organization's rows of {table}"),
                Some("Row security doesn't filter TRUNCATE."),
                Some(format!("DELETE FROM {table};")),
            ),
            Self::NotProtected { table } => say(
                "OS010",
                format!("{table} is not protected"),
                None,
                Some(format!("SELECT * FROM org_scope.protect({});", text_literal(&table.to_string()))),
            ),
            Self::NoOrgIndex { table, partitioned: true } => say(
                "OS009",
                format!("{table} has no rows of its own to index"),
                Some("It is partitioned: each of its partitions can have such an index."),
                Some(format!(
                    "SELECT relid FROM pg_catalog.pg_partition_tree({}) WHERE isleaf;",
                    text_literal(&table.to_string())
                )),
            ),
            Self::NoOrgIndex { table, partitioned: false } => say(
                "OS009",
                format!("{table} can't have an index of one organization: its fence is not on a column of its own"),
                Some("Plans find such an index by the column that the fence compares with the organization."),
                Some(format!("SELECT * FROM org_scope.plan({});", text_literal(&table.to_string()))),
            ),
            Self::NotItsOrg { table, column, type_name } => say(
                "OS004",
                format!("the organization is no value of {column} of {table}, which is {type_name}"),
                None,
                Some(format!("SELECT DISTINCT {column} FROM {table};")),
            ),
            Self::NoIndexDefinition { table } => say(
                "22023",
                "this is not the definition of an index".into(),
                Some("It is what stands behind USING in CREATE INDEX, without a WHERE: the organization is the condition."),
                Some(format!(
                    "SELECT * FROM org_scope.org_index({}, 'gin (tags)', '...');",
                    text_literal(&table.to_string())
                )),
            ),
            Self::CannotHarden { table } => say(
                "OS009",
                format!("the keys of {table} can't be hardened: its fence is not on a column of its own"),
                Some("A foreign or unique key keeps organizations apart by having the org column in it."),
                Some(format!("SELECT * FROM org_scope.plan({});", text_literal(&table.to_string()))),
            ),
            Self::NoSuchKey { table, name } => say(
                "42704",
                format!("{table} has no unique key named {name}"),
                None,
                Some(format!("SELECT * FROM org_scope.plan_harden({});", text_literal(&table.to_string()))),
            ),
            Self::PartialCheck { table, statement } => {
                let statement = statement.clone().unwrap_or_else(|| format!("ALTER TABLE {table} ..."));
                say(
                    "OS002",
                    format!("a foreign key of {table} would be checked for the current organization only"),
                    Some(
                        "Row security is FORCEd, so the check would see one organization's rows, and call the \
                         key valid for all.",
                    ),
                    Some(format!("SELECT org_scope.across_orgs({});", text_literal(&statement))),
                )
            }
            Self::ProtectedAbove { table, parent } => say(
                "OS010",
                format!("{table} is protected together with {parent}"),
                Some(
                    "By its own name a table shows what the one above it shows, so the fence stands on both.",
                ),
                Some(format!("SELECT * FROM org_scope.unprotect({});", text_literal(&parent.to_string()))),
            ),
            Self::NotAlterTable { table } => say(
                "OS010",
                format!("the statement is not exactly one ALTER TABLE of {table}"),
                Some("The fence is lifted only for a statement that changes this very table."),
                Some(format!(
                    "SELECT * FROM org_scope.alter_protected({}, 'ALTER TABLE {table} ...');",
                    text_literal(&table.to_string())
                )),
            ),
            Self::ForbiddenAlter { what, table, statement } => say(
                "OS010",
                format!("alter_protected doesn't {what}"),
                Some(
                    "It lifts the policies of one table for changes of columns and constraints, and restores them.",
                ),
                Some(match *what {
                    FOREIGN_KEYS => format!("SELECT org_scope.across_orgs({});", text_literal(statement)),
                    _ => format!("SELECT * FROM org_scope.unprotect({});", text_literal(&table.to_string())),
                }),
            ),
            Self::Uncountable { table } => say(
                "OS010",
                format!("the rows of {table} can't be told by organization"),
                Some(
                    "Its fence doesn't say what it compares with the organization, or a partition keeps its rows elsewhere.",
                ),
                Some(format!(
                    "SELECT * FROM org_scope.protected_tables WHERE target = {}::regclass;",
                    text_literal(&table.to_string())
                )),
            ),
            Self::NewTableRefused { table } => say(
                "OS009",
                format!("{table} can't come: new tables of schema {} are refused", table.schema),
                Some(
                    "The schema is watched. A table that belongs to no organization on purpose is declared first.",
                ),
                Some(declaration(table)),
            ),
            Self::NewTableOpen { table, column, has_column: true } => say(
                "OS009",
                format!("{table} is not protected"),
                None,
                Some(format!(
                    "SELECT * FROM org_scope.protect({}, {});",
                    text_literal(&table.to_string()),
                    text_literal(column.raw())
                )),
            ),
            Self::NewTableOpen { table, column, has_column: false } => say(
                "OS009",
                format!("{table} has no column {column}, and is not protected"),
                Some(
                    "It can be protected through a parent or by an expression, or be declared to belong to no \
                     organization.",
                ),
                Some(declaration(table)),
            ),
            Self::AddedDefault(added) => {
                let AddedDefault { table, column, type_name, expression } = &**added;
                say(
                    "OS009",
                    format!(
                        "column {column} of {table} can't come together with a DEFAULT that reads the context"
                    ),
                    Some(
                        "Every row that is there would get what is set in the session that adds the column.",
                    ),
                    Some(format!(
                        "ALTER TABLE {table} ADD COLUMN {column} {type_name}; \
                         ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {expression};"
                    )),
                )
            }
            Self::UnknownWatch => say(
                "22023",
                "action must be 'protect', 'refuse' or 'warn'".into(),
                None,
                Some("SELECT org_scope.watch('public', 'org_id', 'protect');".into()),
            ),
            Self::NoReason => say(
                "22023",
                "a table is global for a reason: say which".into(),
                None,
                Some("SELECT org_scope.declare_global('...', why => '...');".into()),
            ),
            Self::NoRoles => say(
                "22023",
                "roles must name at least one role".into(),
                None,
                Some("Give roles => '{public}' for everyone, or leave roles out.".into()),
            ),
            Self::NoSuchRole(role) => say("42704", format!("role {role} does not exist"), None, None),
            Self::NoSuchSchema(schema) => say("3F000", format!("schema {schema} does not exist"), None, None),
            Self::NoSuchRelation { oid } => {
                say("42P01", format!("relation with OID {oid} does not exist"), None, None)
            }
            Self::BadName => {
                say("42602", "a name must not be empty, or longer than 63 bytes".into(), None, None)
            }

            // PostgREST answers `PTxyz` with the status xyz.
            Self::Http(error) => {
                let report = error.report();
                let sqlstate = match report.sqlstate {
                    "OS007" | "OS008" => "PT401",
                    "OS002" | "OS005" | "OS006" => "PT403",
                    other => other,
                };
                Report { sqlstate, ..report }
            }
            Self::TokenInQuery => say(
                "OS007",
                "token refused: it stands in the text of the statement".into(),
                Some("Statements are shown in pg_stat_activity and written to logs; parameters need not be."),
                Some("SELECT org_scope.authenticate($1);".into()),
            ),
            Self::NoSuchSigningKey => say(
                "OS007",
                "no key of that issuer and kid is registered".into(),
                Some("A token without a kid is verified where its issuer has exactly one key."),
                Some("SELECT org_scope.add_signing_key(kid => '...', algorithm => '...', key => '...', issuer => '...');".into()),
            ),
            Self::NoMember => say(
                "OS005",
                "the token's user is no member of its organization".into(),
                Some("The signing key asks a lookup for that."),
                None,
            ),
            Self::Token(why) => {
                let sqlstate = match why {
                    Refused::Expired => "OS008",
                    Refused::Several(Value::Org) => "OS006",
                    _ => "OS007",
                };
                say(sqlstate, why.message(), why.detail(), why.hint().map(str::to_owned))
            }
            Self::BadSigningKey(why) => {
                say("22023", why.message(), why.detail(), why.hint().map(str::to_owned))
            }
            Self::BadClaimPaths(why) => say("22023", why.message().into(), None, Some(why.hint().to_owned())),
        }
    }
}

/// The subcommands that would validate only the current organization's rows.
pub const FOREIGN_KEYS: &str = "check foreign keys: under FORCE the server would check no row";

/// A column, and the DEFAULT that it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedDefault {
    /// The table.
    pub table: QualifiedName,
    /// The column.
    pub column: Ident,
    /// Its type, as the server writes it.
    pub type_name: String,
    /// The DEFAULT, as the server writes it.
    pub expression: String,
}

fn declaration(table: &QualifiedName) -> String {
    let (schema, name) = (text_literal(table.schema.raw()), text_literal(table.name.raw()));
    format!("SELECT org_scope.declare_global({schema}, {name}, '...');")
}

fn text_literal(text: &str) -> String {
    Literal::new(text).map_or_else(|_| "'...'".into(), |l| l.to_string())
}

/// A role as the literal of a `regrole` argument, which is parsed as an identifier.
fn role_literal(role: &Ident) -> String {
    Literal::new(role.to_string()).map_or_else(|_| "'...'".into(), |l| l.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_follow_the_servers_style() {
        let role = Ident::new("App \"x\"").expect("legal");
        for error in [
            Error::NoOrg,
            Error::NotAllowed { role: role.clone() },
            Error::Bound { role: role.clone() },
            Error::Bypassing { role },
            Error::UnknownHow,
            Error::PooledParameter,
            Error::PooledSession { what: Outliving::Context },
            Error::PooledSession { what: Outliving::HeldCursor },
            Error::PooledSecondOrg,
            Error::SettingClosed { setting: "org_scope.current_org" },
            Error::OrgChanged,
            Error::TableChanged,
            Error::NullArgument { name: "role" },
            Error::ReachedAsAnother,
            Error::CursorLeftOpen,
            Error::CursorFromOutside,
            Error::NotOneStatement,
            Error::NotOneQuery,
            Error::NothingFenced { role: Ident::new("app").expect("a name") },
            Error::NoKnownOrgs,
            Error::NotFromHere,
            Error::NotTruncateTrigger,
            Error::NotCopyTrigger,
            Error::EmptyOrg,
            Error::ContextTooLong,
            Error::WrongOrgType { wanted: OrgType::Uuid, found: OrgType::Text },
        ] {
            let report = error.report();
            assert!(report.message.starts_with(|c: char| c.is_lowercase()), "{report:?}");
            assert!(!report.message.ends_with('.'), "{report:?}");
            assert_eq!(report.sqlstate.len(), 5);
            assert!(report.detail.is_none_or(|d| d.ends_with('.')));
        }
    }
}
