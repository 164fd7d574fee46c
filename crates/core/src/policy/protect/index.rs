//! The index of the plan.

use super::Plan;
use crate::policy::action::INDEX_COMMENT;
use crate::policy::{Action, Kind, Surroundings, index_name_candidates};

impl Plan<'_> {
    pub(super) fn index(&mut self, around: &Surroundings<'_>) {
        if !self.spec.create_index
            || self.facts.is_partitioned()
            || self.facts.serving(&self.org).any(|i| i.valid)
        {
            return;
        }
        let broken = self.facts.serving(&self.org).next().map(|i| i.name.clone());
        if let Some(broken) = broken {
            let reason = "the index isn't valid: CREATE INDEX CONCURRENTLY is running, or was interrupted";
            return self.run_yourself(Kind::Index, Action::Reindex(broken), reason);
        }
        let fallback = index_name_candidates(&self.facts.name, &self.spec.org).into_iter().next();
        let Some(index) = around.index_name.cloned().or(fallback) else { return };
        let create = |concurrently| Action::CreateIndex {
            index: index.clone(),
            on: self.org.written().to_owned(),
            concurrently,
        };
        if !self.facts.may_create_index {
            let reason = format!(
                "an index led by the organization is missing, and you have no CREATE privilege on schema {}",
                self.table.schema
            );
            self.run_yourself(Kind::Index, create(true), reason);
        } else if around.size > around.max_inline_index {
            let reason = "an index led by the organization is missing, and the table is larger than \
                          org_scope.max_inline_index_size: building it here would block writers";
            self.run_yourself(Kind::Index, create(true), reason);
        } else {
            self.push(Kind::Index, create(false), "finds an organization's rows without reading the others'");
            self.push(Kind::Index, Action::MarkIndex(index), "marks the index as brought by protect");
        }
    }
}

/// Whether an index carries our mark.
pub(in crate::policy) fn is_ours(comment: Option<&str>) -> bool {
    comment == Some(INDEX_COMMENT)
}
