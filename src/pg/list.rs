//! The server's lists, read in place: pgrx's type calls into C for every element.

use pgrx::pg_sys::{List, ListCell};

/// The cells of a list; NIL has none.
///
/// # Safety
/// `list` is NIL or one of the server's lists, and nobody else touches it while the cells are in use.
pub(crate) unsafe fn cells<'a>(list: *mut List) -> &'a mut [ListCell] {
    // SAFETY: the caller's promise.
    let Some(list) = (unsafe { list.as_ref() }) else { return &mut [] };
    let length = usize::try_from(list.length).unwrap_or_default();
    // SAFETY: a list has as many cells as it says.
    unsafe { std::slice::from_raw_parts_mut(list.elements, length) }
}

/// The elements of a list of nodes of one type.
///
/// # Safety
/// As for [`cells`], and the elements are of type `T`.
pub(crate) unsafe fn nodes<'a, T: 'a>(list: *mut List) -> impl Iterator<Item = &'a T> {
    // SAFETY: the caller's promise.
    let cells = unsafe { cells(list) };
    cells.iter().filter_map(|cell| {
        // SAFETY: the cell of a list of nodes holds a pointer.
        let node: *const T = unsafe { cell.ptr_value }.cast();
        // SAFETY: the caller's promise.
        unsafe { node.as_ref() }
    })
}
