//! Asks an expression of the rows of its table, one after the other.

use pgrx::pg_sys::{self, Datum, Node};

use super::throw;

/// An expression that is ready to be asked.
pub(crate) struct RowValue {
    state: *mut pg_sys::ExprState,
    context: *mut pg_sys::ExprContext,
}

impl RowValue {
    /// Makes an analysed expression over one table ready, in the current memory context.
    pub(crate) fn new(node: *mut Node) -> Self {
        // SAFETY: an analysed expression without sub-selects; fills in what the executor looks for.
        let planned = unsafe { pg_sys::expression_planner(node.cast()) };
        // SAFETY: a planned expression whose columns are those of the row that it is asked of.
        let state = unsafe { pg_sys::ExecInitExpr(planned, std::ptr::null_mut()) };
        // SAFETY: allocates in the current memory context.
        let context = unsafe { pg_sys::CreateStandaloneExprContext() };
        Self { state, context }
    }

    /// The value for the row in the slot, good until the next is asked for.
    pub(crate) fn ask(&self, slot: *mut pg_sys::TupleTableSlot) -> Option<Datum> {
        let (state, context) = (self.state, self.context);
        // SAFETY: made by `new`.
        let asked = unsafe { &mut *context };
        asked.ecxt_scantuple = slot;
        // SAFETY: what the last value lay in.
        unsafe { pg_sys::MemoryContextReset(asked.ecxt_per_tuple_memory) };
        // SAFETY: a variable of the server's, in the backend's only thread.
        let outer = unsafe { pg_sys::CurrentMemoryContext };
        // SAFETY: as above; put back below, or by whoever catches an error.
        unsafe { pg_sys::CurrentMemoryContext = asked.ecxt_per_tuple_memory };
        // SAFETY: made by `new`.
        let ask = unsafe { (*state).evalfunc }?;
        let mut null = false;
        let is_null = &raw mut null;
        // SAFETY: state and context belong together, and the slot holds a row of the expression's table.
        let call = || unsafe { ask(state, context, is_null) };
        // SAFETY: calls the server alone and owns nothing.
        let value = unsafe { throw::whole(call) };
        // SAFETY: found above.
        unsafe { pg_sys::CurrentMemoryContext = outer };
        (!null).then_some(value)
    }
}

impl Drop for RowValue {
    fn drop(&mut self) {
        // After an error the query's memory goes as a whole.
        if !std::thread::panicking() {
            // SAFETY: made by `new`.
            unsafe { pg_sys::FreeExprContext(self.context, true) };
        }
    }
}
