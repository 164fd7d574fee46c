//! What the statement that fires an event trigger can have changed of a fence, by its parse tree alone.

use std::ffi::{CStr, c_char};

use org_scope_core::policy::{GUARD, Kind, STAMP, is_restrictive};
use pgrx::pg_sys::{self, AlterTableType, NodeTag, ObjectType};

use super::event::{Command, any};
use super::parse::cast;

/// What it can have changed.
#[derive(Debug, Default)]
pub(crate) struct Touch {
    /// Kinds of steps that would mend it.
    pub(crate) kinds: Vec<Kind>,
    /// Whether it names nothing of ours, but all triggers of a table: a load that switches them off will switch
    /// them on again.
    pub(crate) in_passing: bool,
    /// Whether it says a condition of ours anew.
    pub(crate) rewrites: bool,
}

const POLICIES: &[Kind] = &[Kind::Fence, Kind::Project];
const TRIGGERS: &[Kind] = &[Kind::TruncateGuard, Kind::Actor];

impl Command<'_> {
    /// What of a fence it can have changed, where the fence still stands.
    pub(crate) fn touch(&self) -> Option<Touch> {
        let node = self.tree;
        let kinds = |kinds: &[Kind]| Some(Touch { kinds: kinds.to_vec(), ..Touch::default() });
        if let Some(alter) = cast::<pg_sys::AlterTableStmt>(node, NodeTag::T_AlterTableStmt) {
            let mut touch = Touch::default();
            any(alter.cmds, |command| {
                if let Some(command) = cast(command, NodeTag::T_AlterTableCmd) {
                    touch.add(command);
                }
                false
            });
            return (!touch.kinds.is_empty()).then_some(touch);
        }
        if let Some(alter) = cast::<pg_sys::AlterPolicyStmt>(node, NodeTag::T_AlterPolicyStmt) {
            let rewrites = !(alter.qual.is_null() && alter.with_check.is_null());
            let touch = || Touch { kinds: POLICIES.to_vec(), rewrites, ..Touch::default() };
            return names(alter.policy_name, is_restrictive).then(touch);
        }
        if let Some(create) = cast::<pg_sys::CreateTrigStmt>(node, NodeTag::T_CreateTrigStmt) {
            return (create.replace && names(create.trigname, is_trigger)).then(|| kinds(TRIGGERS)).flatten();
        }
        let rename = cast::<pg_sys::RenameStmt>(node, NodeTag::T_RenameStmt)?;
        match rename.renameType {
            ObjectType::OBJECT_POLICY if names(rename.subname, is_restrictive) => kinds(POLICIES),
            ObjectType::OBJECT_TRIGGER if names(rename.subname, is_trigger) => kinds(TRIGGERS),
            _ => None,
        }
    }

    /// Whether it can have dropped a policy or trigger of a table that still stands: by its name, or with
    /// something that it needs. An extension takes along what was made to depend on it, without CASCADE.
    pub(crate) fn drops_parts(&self) -> bool {
        use ObjectType::{OBJECT_EXTENSION, OBJECT_POLICY, OBJECT_TRIGGER};
        match cast::<pg_sys::DropStmt>(self.tree, NodeTag::T_DropStmt) {
            Some(drop) => {
                drop.behavior == pg_sys::DropBehavior::DROP_CASCADE
                    || [OBJECT_EXTENSION, OBJECT_POLICY, OBJECT_TRIGGER].contains(&drop.removeType)
            }
            None => true,
        }
    }
}

impl Touch {
    fn add(&mut self, command: &pg_sys::AlterTableCmd) {
        match command.subtype {
            AlterTableType::AT_DisableRowSecurity => self.kinds.push(Kind::RowSecurity),
            AlterTableType::AT_NoForceRowSecurity => self.kinds.push(Kind::Force),
            AlterTableType::AT_DisableTrig | AlterTableType::AT_EnableReplicaTrig
                if names(command.name, is_trigger) =>
            {
                self.kinds.extend(TRIGGERS);
            }
            AlterTableType::AT_DisableTrigAll | AlterTableType::AT_DisableTrigUser => {
                self.in_passing = true;
                self.kinds.extend(TRIGGERS);
            }
            _ => {}
        }
    }
}

fn is_trigger(name: &str) -> bool {
    [GUARD, STAMP].contains(&name)
}

fn names(name: *const c_char, test: impl FnOnce(&str) -> bool) -> bool {
    if name.is_null() {
        return false;
    }
    // SAFETY: a name in a parse tree is NUL-terminated.
    unsafe { CStr::from_ptr(name) }.to_str().is_ok_and(test)
}
