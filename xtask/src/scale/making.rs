//! Makes the databases, and measures the fencing of many tables on the way.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use super::notebook::Notebook;
use super::place::{APP, Extent, Fence, OWNER, Place, Size, org};
use crate::terminal::Progress;
use crate::unit::Unit;
use crate::watched::Watch;

/// Into how many parts the fencing of the wide databases is cut.
const PARTS: usize = 40;
/// What is told about them.
const FENCING: &str = "protect_all, a table (first and last quarter of the run)";
/// By hand, tables are fenced so many in one message: all at once would need too many locks.
const MESSAGE: usize = 25;

/// Makes the roles. The queries use the index in tables of any size, or else a hundred rows of one page would be
/// compared with one of a million.
pub(super) fn roles(watch: &mut Watch<'_>) -> Result<()> {
    let mut superuser = watch.connect("postgres", "postgres")?;
    superuser.run(&format!(
        "CREATE ROLE {OWNER} LOGIN; CREATE ROLE {APP} LOGIN; GRANT pg_read_all_stats TO {OWNER}, {APP}; \
         ALTER ROLE {APP} SET enable_seqscan = off"
    ))
}

/// Makes one database.
pub(super) fn database(
    watch: &mut Watch<'_>,
    notebook: &mut Notebook,
    place: Place,
    all: Extent,
) -> Result<()> {
    let (name, Extent { tables, orgs }) = (place.database(), place.extent(all));
    let mut progress = Progress::new(&format!("making {name}: {tables} tables, {orgs} organizations"));
    watch.connect("postgres", "postgres")?.run(&format!("CREATE DATABASE {name} TEMPLATE template0"))?;
    let mut superuser = watch.connect(&name, "postgres")?;
    superuser.run(&format!(
        "{ground}; GRANT CREATE ON SCHEMA public TO {OWNER}; \
         ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT SELECT ON TABLES TO {APP}",
        ground = place.fence.ground()
    ))?;
    progress.busy("tables");
    let mut owner = watch.connect(&name, OWNER)?;
    owner.run(&format!(
        "DO $$ BEGIN FOR i IN 1..{tables} LOOP \
           EXECUTE 'CREATE TABLE t' || i || ' (org_id uuid NOT NULL, id bigint NOT NULL, v int)'; \
           IF i % 100 = 0 THEN COMMIT; END IF; \
         END LOOP; END $$"
    ))?;
    let id = org("i");
    superuser.run(&format!("INSERT INTO t1 SELECT {id}, i, i FROM generate_series(1, {orgs}) i"))?;
    let progress = fence_all(watch, notebook, place, tables, progress)?;
    // What autovacuum would have done by now.
    for catalog in superuser.client.query(CATALOGS, &[])? {
        superuser.run(&format!("VACUUM ANALYZE {}", catalog.get::<_, String>(0)))?;
    }
    progress.done();
    Ok(())
}

const CATALOGS: &str = "SELECT oid::regclass::text FROM pg_class \
    WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' UNION ALL SELECT 't1'";

fn fence_all(
    watch: &mut Watch<'_>,
    notebook: &mut Notebook,
    place: Place,
    tables: usize,
    mut progress: Progress,
) -> Result<Progress> {
    let mut owner = watch.connect(&place.database(), OWNER)?;
    let part = (tables / PARTS).max(1);
    let process = owner.process;
    let times = match place.fence {
        Fence::Scope => {
            let shared = Arc::new(Mutex::new((progress, 0, Vec::new())));
            let told = Arc::clone(&shared);
            owner.run_told(
                "CALL org_scope.protect_all('org_id')",
                Box::new(move |_| {
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    let (progress, done, times) = &mut *told;
                    *done += 1;
                    progress.at(*done, tables, "protected");
                    if *done % part == 0 {
                        times.push(process.worked());
                    }
                }),
            )?;
            let done = Arc::into_inner(shared).expect("the call is over, and its listener gone");
            let (back, done, times) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
            anyhow::ensure!(done == tables, "protect_all fenced {done} of {tables} tables");
            progress = back;
            times.into_iter().collect::<Result<Vec<f64>>>()?
        }
        Fence::Hand => {
            let numbers: Vec<usize> = (1..=tables).collect();
            let mut times = Vec::new();
            for part in numbers.chunks(part) {
                for few in part.chunks(MESSAGE) {
                    let fences: Vec<String> =
                        few.iter().map(|i| place.fence.protect(&format!("t{i}"))).collect();
                    owner.run(&fences.join("; "))?;
                    progress.at(few[few.len() - 1], tables, "fenced by hand");
                }
                times.push(process.worked()?);
            }
            times
        }
    };
    if place.size == Size::Wide {
        let each: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) / part as f64).collect();
        let quarter = each.len() / 4;
        for (size, values) in [(Size::Middle, &each[..quarter]), (Size::Wide, &each[each.len() - quarter..])]
        {
            for value in values {
                notebook.note(Place { size, ..place }, FENCING, Unit::Time, *value);
            }
        }
    }
    Ok(progress)
}
