//! Which tables say what projects there are and who is a member of which: our own table's rows, in a
//! cache that every change empties.

use std::rc::Rc;

use pgrx::pg_sys::Oid;

use super::backend::{BackendCell, BackendRefCell};
use super::own_table::{self, Scan};
use super::{epoch, session};

/// A user's table that answers for projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProjectSource {
    pub(crate) table: Oid,
    /// The column that holds the project.
    pub(crate) key_column: String,
    /// The column that holds its organization, or the member.
    pub(crate) by_column: String,
}

/// Both of them.
#[derive(Debug, Default)]
pub(crate) struct ProjectSources {
    /// What projects there are.
    pub(crate) projects: Option<ProjectSource>,
    /// Who is a member of which.
    pub(crate) members: Option<ProjectSource>,
}

static CACHE: BackendRefCell<Option<Rc<ProjectSources>>> = BackendRefCell::new(None);
static TABLE: BackendCell<Oid> = BackendCell::new(Oid::INVALID);

/// What is defined. Must be called inside a transaction.
pub(crate) fn read() -> Rc<ProjectSources> {
    if let Some(sources) = CACHE.with_borrow(Clone::clone) {
        return sources;
    }
    let before = epoch::answers();
    let sources = Rc::new(look_up().unwrap_or_default());
    // A change that came while the table was being read may concern what was read before it.
    if epoch::answers() == before && TABLE.get() != Oid::INVALID {
        CACHE.set(Some(Rc::clone(&sources)));
    }
    sources
}

/// What the session sees of its organization's projects: the one that is set, those of its user, or all.
pub(crate) fn scope() -> &'static str {
    if session::context().project.is_some() {
        "one"
    } else if read().members.is_some() {
        "joined"
    } else {
        "all"
    }
}

/// Another session, or this one, has changed a relation.
pub(crate) fn on_invalidation(relation: Oid) {
    if relation == Oid::INVALID || relation == TABLE.get() {
        epoch::answers_changed();
        CACHE.set(None);
        TABLE.set(Oid::INVALID);
    }
}

fn look_up() -> Option<ProjectSources> {
    let table = own_table::oid(c"project_source")?;
    let index = own_table::oid(c"project_source_pkey")?;
    // Before reading: an invalidation from now on must find the name.
    TABLE.set(table);
    let scan = Scan::begin(table, index, None);
    let mut sources = ProjectSources::default();
    while let Some(row) = scan.next() {
        let text = |column: &str| {
            row.get_by_name::<String>(column).expect("a text column of our own table").unwrap_or_default()
        };
        let source = ProjectSource {
            table: row
                .get_by_name::<Oid>("source")
                .expect("a column of our own table")
                .unwrap_or(Oid::INVALID),
            key_column: text("key_column"),
            by_column: text("by_column"),
        };
        match text("kind").as_str() {
            "projects" => sources.projects = Some(source),
            _ => sources.members = Some(source),
        }
    }
    Some(sources)
}
