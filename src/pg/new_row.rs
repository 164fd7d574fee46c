//! What row security asks of a new row, without what is answered already. Fence and gate ask the same,
//! and for a statement that also reads they ask it again; and where an UPDATE leaves the column alone,
//! the answer is that of the row it found. Each question costs a short UPDATE as much as finding its row.

use std::ffi::c_void;

use pgrx::pg_sys::{
    self, CmdType, CommonTableExpr, List, Node, OnConflictAction, Query, RTEKind, RangeTblEntry, TargetEntry,
    Var, WCOKind, WithCheckOption,
};

use super::{comparison, fence_call, list, relation, reliance};

// The server's function itself: pgrx's binding saves a jump buffer.
// SAFETY: declared as in the server's header.
unsafe extern "C-unwind" {
    fn equal(a: *const c_void, b: *const c_void) -> bool;
}

/// Takes the fence's questions that are answered already from a query that is going to be planned, and
/// gives back the tables that the plan relies on therefore.
pub(crate) fn ask_less(query: *mut Query) -> *mut List {
    // SAFETY: the planner was given a query, to be used up.
    let Some(query) = (unsafe { query.as_mut() }) else { return std::ptr::null_mut() };
    let mut reliances = ask_less_in(query, std::ptr::null_mut());
    // SAFETY: a query's common table expressions.
    for cte in unsafe { list::nodes::<CommonTableExpr>(query.cteList) } {
        // SAFETY: analysed, so a query.
        if let Some(query) = unsafe { cte.ctequery.cast::<Query>().as_mut() } {
            reliances = ask_less_in(query, reliances);
        }
    }
    reliances
}

/// Leaves each question once, in its first place, which is the one that would have reported the failure.
/// Adds the query's table to the list where the row that was found has answered for the new one.
fn ask_less_in(query: &mut Query, reliances: *mut List) -> *mut List {
    if query.commandType == CmdType::CMD_SELECT || query.withCheckOptions.is_null() {
        return reliances;
    }
    let readers = fence_call::readers();
    let mut target = Target::of(query);
    // SAFETY: a query's own list.
    let cells = unsafe { list::cells(query.withCheckOptions) };
    let mut kept = 0;
    for at in 0..cells.len() {
        let cell = cells[at];
        // SAFETY: the list holds WithCheckOption.
        let this = unsafe { as_option(&cell) };
        let answered = comparison::with_reader(this.qual, &readers).is_some_and(|(column, _)| {
            // SAFETY: as above.
            let earlier = cells[..kept].iter().map(|cell| unsafe { as_option(cell) });
            let mut same =
                earlier.filter(|earlier| is_equal(earlier.qual, this.qual)).map(|earlier| earlier.kind);
            same.clone().any(|kind| kind == this.kind)
                || target.as_mut().is_some_and(|target| {
                    let found = same.any(|kind| kind == WCOKind::WCO_RLS_CONFLICT_CHECK);
                    target.answers(this, column, found)
                })
        });
        if !answered {
            cells[kept] = cell;
            kept += 1;
        }
    }
    if kept == 0 {
        query.withCheckOptions = std::ptr::null_mut();
    } else {
        // SAFETY: not NIL; a list may have fewer elements than cells.
        unsafe { (*query.withCheckOptions).length = kept as i32 };
    }
    match target {
        Some(target) if target.relied_on => reliance::on(reliances, target.entry.relid),
        _ => reliances,
    }
}

/// # Safety
/// The cell holds a pointer to a WithCheckOption.
unsafe fn as_option(cell: &pg_sys::ListCell) -> &WithCheckOption {
    // SAFETY: the caller's promise.
    let pointer: *const WithCheckOption = unsafe { cell.ptr_value }.cast();
    // SAFETY: as above.
    unsafe { &*pointer }
}

fn is_equal(a: *const Node, b: *const Node) -> bool {
    // SAFETY: two expressions.
    unsafe { equal(a.cast(), b.cast()) }
}

/// The table of an UPDATE, or of an INSERT that updates what it conflicts with, where the statement says all that
/// happens to the rows that it finds.
struct Target<'a> {
    index: i32,
    assigned: Vec<i16>,
    entry: &'a mut RangeTblEntry,
    relied_on: bool,
}

impl Target<'_> {
    fn of(query: &Query) -> Option<Self> {
        let targets = match query.commandType {
            CmdType::CMD_UPDATE => query.targetList,
            CmdType::CMD_INSERT => {
                // SAFETY: NULL, or what an INSERT does where it conflicts.
                let conflict = unsafe { query.onConflict.as_ref() }?;
                if conflict.action != OnConflictAction::ONCONFLICT_UPDATE {
                    return None;
                }
                conflict.onConflictSet
            }
            _ => return None,
        };
        // SAFETY: a query's range table, whose entries nobody else touches meanwhile.
        let table = unsafe { list::cells(query.rtable) };
        let cell = table.get(usize::try_from(query.resultRelation).ok()?.checked_sub(1)?)?;
        // SAFETY: the list holds RangeTblEntry.
        let entry = unsafe { cell.ptr_value.cast::<RangeTblEntry>().as_mut() }?;
        if entry.rtekind != RTEKind::RTE_RELATION || !relation::is_updated_as_told(entry.relid) {
            return None;
        }
        // SAFETY: a list of assignments.
        let targets = unsafe { list::nodes::<TargetEntry>(targets) };
        let assigned = targets.filter(|t| !t.resjunk).map(|t| t.resno).collect();
        Some(Self { index: query.resultRelation, assigned, entry, relied_on: false })
    }

    /// Whether the row that is found has the answer: it was asked the same, as a row to update or as one that was
    /// `found` by a conflict, and the new one has the same column.
    fn answers(&mut self, question: &WithCheckOption, column: Var, found: bool) -> bool {
        // SAFETY: the conditions on an entry of the range table; an INSERT's has none.
        let mut asked = unsafe { list::cells(self.entry.securityQuals) }.iter().map(|cell| {
            // SAFETY: a list of expressions.
            unsafe { cell.ptr_value }.cast::<Node>()
        });
        let answered = question.kind == WCOKind::WCO_RLS_UPDATE_CHECK
            && column.varno == self.index
            && column.varlevelsup == 0
            && !self.assigned.contains(&column.varattno)
            && (found || asked.any(|condition| is_equal(condition, question.qual)));
        if answered {
            self.relied_on = true;
            // The planner looks for children again, and would find one that comes meanwhile.
            self.entry.inh = false;
        }
        answered
    }
}
