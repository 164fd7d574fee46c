//! What a session costs: its start, its first context, its first query, its memory.

use anyhow::Result;

use super::notebook::Notebook;
use super::place::{APP, Extent, Place, org};
use crate::unit::Unit;
use crate::watched::{Backend, Watch};

/// A query that the fence narrows to one row.
const QUERY: &str = "SELECT v FROM t1";
/// One of the later ones is too short to be told from what the kernel does beside.
const LATER: usize = 25;

/// Measures the processor time of one session.
pub(super) fn time(watch: &mut Watch<'_>, notebook: &mut Notebook, place: Place) -> Result<()> {
    let mut session = watch.connect(&place.database(), APP)?;
    let mut note = |what: &str, value| notebook.note(place, what, Unit::Time, value);
    note("session start", session.process.worked()?);
    note("first context call", session.time(&set(place, 1))?);
    note("first query", session.time(QUERY)?);
    let mut later = |what: &str, statement: &dyn Fn(usize) -> String| -> Result<()> {
        let mut sum = 0.0;
        for turn in 1..=LATER {
            sum += session.time(&statement(turn))?;
        }
        note(what, sum / LATER as f64);
        Ok(())
    };
    later("later context call", &|turn| set(place, turn))?;
    later("later query", &|_| QUERY.to_owned())?;
    session.end();
    Ok(())
}

/// Measures the memory of one session.
pub(super) fn memory(
    watch: &mut Watch<'_>,
    notebook: &mut Notebook,
    place: Place,
    all: Extent,
) -> Result<()> {
    let tables = place.extent(all).tables;
    let mut session = watch.connect(&place.database(), APP)?;
    let mut note = |when: &str, session: &mut Backend| -> Result<()> {
        // Private memory first: asking for the contexts takes some.
        let private = session.process.private()?;
        notebook.note(place, &format!("private memory {when}"), Unit::Memory, private);
        let contexts = session.contexts()?;
        notebook.note(place, &format!("memory contexts {when}"), Unit::Memory, contexts);
        Ok(())
    };
    note("at the start", &mut session)?;
    session.run(&set(place, 1))?;
    session.run(QUERY)?;
    note("after the first query", &mut session)?;
    session.run(&touch(tables.min(100)))?;
    note("after 100 tables", &mut session)?;
    session.run(&touch(tables))?;
    note("after all tables", &mut session)?;
    session.end();
    Ok(())
}

fn set(place: Place, number: usize) -> String {
    let id = format!("{}::text", org(&number.to_string()));
    format!("SELECT {}", place.fence.set(&id, "false"))
}

/// Queries so many tables, with a commit now and then: a lock on each at once would be too many.
fn touch(tables: usize) -> String {
    format!(
        "DO $$ BEGIN FOR i IN 1..{tables} LOOP \
           EXECUTE 'SELECT v FROM t' || i; \
           IF i % 100 = 0 THEN COMMIT; END IF; \
         END LOOP; END $$"
    )
}
