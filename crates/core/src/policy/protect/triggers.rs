//! The triggers of the plan: the TRUNCATE guard, and the stamp of who acts.

use super::Plan;
use crate::policy::{Action, Actor, Kind};

impl Plan<'_> {
    pub(super) fn guard(&mut self) {
        let reason = "TRUNCATE passes no policy; the guard stops it for every role that the fence binds";
        match &self.facts.guard {
            Some(guard) if guard.right => {
                if guard.enabled != 'A' {
                    self.push(Kind::TruncateGuard, Action::ArmGuard, "the guard had been switched off");
                }
                return;
            }
            Some(_) => {
                self.push(Kind::TruncateGuard, Action::DropGuard, "the guard had been altered");
                self.push(Kind::TruncateGuard, Action::CreateGuard, reason);
            }
            None if self.first => self.push(Kind::TruncateGuard, Action::CreateGuard, reason),
            None => self.push(Kind::TruncateGuard, Action::CreateGuard, "the guard had been dropped"),
        }
        self.push(Kind::TruncateGuard, Action::ArmGuard, "holds also under session_replication_role");
        self.push(Kind::TruncateGuard, Action::CommentOnGuard, "says what it is for");
    }

    pub(super) fn stamp(&mut self) {
        // The server would copy it onto each partition, and take it away when that is detached: each
        // partition has its own, which fires as well for rows that come by way of the parent.
        if self.facts.is_partitioned() && self.facts.stamp.is_none() {
            return;
        }
        let told = self.told.as_ref().is_some_and(|m| m.actor.is_some());
        match (&self.actor.clone(), &self.facts.stamp) {
            (None, None) => {}
            (None, Some(_)) => self.push(Kind::Actor, Action::DropStamp, "isn't asked for any more"),
            (Some(actor), None) => {
                let reason = "says who made a row; a role that the fence binds can't say otherwise";
                let reason = if told { self.missing("the trigger had been dropped") } else { reason };
                self.create_stamp(actor, reason);
            }
            (Some(actor), Some(standing)) => {
                let same = standing.column.as_ref() == Some(&actor.column)
                    && standing.missing.as_deref() == Some(actor.missing.word());
                if !standing.right || !same {
                    let reason = if standing.right {
                        "other options were given"
                    } else {
                        "the trigger had been altered"
                    };
                    self.push(Kind::Actor, Action::DropStamp, reason);
                    self.create_stamp(actor, reason);
                } else if standing.enabled != 'O' {
                    self.push(Kind::Actor, Action::EnableStamp, "the trigger had been switched off");
                }
            }
        }
    }

    fn create_stamp(&mut self, actor: &Actor, reason: &str) {
        self.push(Kind::Actor, Action::CreateStamp(actor.clone()), reason);
        self.push(Kind::Actor, Action::CommentOnStamp, "says what it is for");
    }
}
