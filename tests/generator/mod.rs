//! The generator: what it installs, repairs, refuses and says, as a migration's author meets it.

mod alter;
mod drift;
mod indexes;
mod locks;
mod org_index;
mod plans;
mod refusals;
mod rights;
mod runs;
mod types;

use std::thread;
use std::time::Duration;

use crate::harness::{Session, Step, Wall, kinds, notes, work};

const COUNT: &str = "SELECT count(*) FROM agents";
const NONE: Vec<&Step> = Vec::new();

fn fenced(test: &str) -> (Wall, Session) {
    let wall = Wall::new(test);
    let mut owner = wall.agents();
    owner.run("SELECT org_scope.protect('agents')");
    (wall, owner)
}

/// Everything in the catalogs that a plan could change, and the rows' own versions.
fn world(session: &mut Session) -> String {
    session.text(
        "SELECT md5(concat(
            (SELECT string_agg(c::text || c.xmin, '' ORDER BY oid) FROM pg_class c),
            (SELECT string_agg(c::text || c.xmin, '' ORDER BY oid) FROM pg_policy c),
            (SELECT string_agg(c::text || c.xmin, '' ORDER BY oid) FROM pg_trigger c),
            (SELECT string_agg(c::text || c.xmin, '' ORDER BY oid) FROM pg_attrdef c),
            (SELECT string_agg(c::text || c.xmin, '' ORDER BY attrelid, attnum) FROM pg_attribute c),
            (SELECT string_agg(c::text, '' ORDER BY c::text) FROM pg_description c),
            (SELECT string_agg(c::text, '' ORDER BY indexrelid) FROM pg_index c),
            (SELECT string_agg(c::text, '' ORDER BY c::text) FROM pg_depend c)))",
    )
}
