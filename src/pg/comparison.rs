//! The condition of a fence: a column that is compared with a reader.

use org_scope_core::org::OrgType;
use pgrx::pg_sys::{self, Node, NodeTag, OpExpr, RelabelType, Var};

use super::fence_call::{self, Reader};
use super::list;

/// The column that a condition compares with one of the fence's readers, and the family of that reader, if it is such
/// a comparison.
pub(crate) fn with_reader(condition: *mut Node, readers: &[Reader]) -> Option<(Var, OrgType)> {
    // SAFETY: NULL or a node, which begins with its tag.
    if unsafe { condition.as_ref() }?.type_ != NodeTag::T_OpExpr {
        return None;
    }
    // SAFETY: an operator by its tag.
    let comparison = unsafe { &*condition.cast::<OpExpr>() };
    // A user's operator may answer differently every time.
    if comparison.opno.to_u32() >= pg_sys::FirstNormalObjectId {
        return None;
    }
    // SAFETY: an operator's arguments.
    let mut arguments = unsafe { list::nodes::<Node>(comparison.args) };
    let column = column(arguments.next()?)?;
    let other = arguments.next()?;
    let reader = readers.iter().find(|reader| fence_call::is_call(other, reader))?;
    Some((column, reader.org_type))
}

/// A column, also under the relabelling that makes a varchar a text.
fn column(expression: &Node) -> Option<Var> {
    let pointer: *const Node = expression;
    match expression.type_ {
        // SAFETY: a column by its tag.
        NodeTag::T_Var => Some(unsafe { *pointer.cast::<Var>() }),
        NodeTag::T_RelabelType => {
            // SAFETY: a relabelling by its tag.
            let argument: *const Node = unsafe { (*pointer.cast::<RelabelType>()).arg }.cast();
            // SAFETY: NULL or a node.
            column(unsafe { argument.as_ref() }?)
        }
        _ => None,
    }
}
