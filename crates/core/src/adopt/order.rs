//! The tables of an application, in the order in which they can be adopted.

use std::collections::HashSet;

use serde::Deserialize;

use crate::sql::{Ident, QualifiedName};

/// A table that may be adopted, or that others may be adopted by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Candidate {
    /// Its OID.
    pub oid: u32,
    /// Its schema.
    pub schema: Ident,
    /// Its name.
    pub name: Ident,
    /// Whether it has an organization, or is on its way to one.
    pub ready: bool,
    /// Whether it has the legacy column.
    pub legacy: bool,
    /// Where its foreign keys of one column lead to, the ones that every row has first.
    pub parents: Vec<(u32, Ident)>,
}

impl Candidate {
    /// The table.
    pub fn table(&self) -> QualifiedName {
        QualifiedName { schema: self.schema.clone(), name: self.name.clone() }
    }
}

/// What tells of a table's organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The lookup, asked by the legacy column.
    Legacy,
    /// A parent, to which this column leads.
    Parent(u32, Ident),
}

/// The tables to adopt, parents before their children, and those of which nothing tells.
pub fn order(candidates: &[Candidate]) -> (Vec<(&Candidate, By)>, Vec<&Candidate>) {
    let mut ready: HashSet<u32> = candidates.iter().filter(|c| c.ready).map(|c| c.oid).collect();
    let mut left: Vec<&Candidate> = candidates.iter().filter(|c| !c.ready).collect();
    let mut ordered = Vec::new();
    let by_legacy: Vec<&Candidate> = left.iter().copied().filter(|c| c.legacy).collect();
    for candidate in by_legacy {
        ready.insert(candidate.oid);
        ordered.push((candidate, By::Legacy));
    }
    left.retain(|c| !c.legacy);
    loop {
        let before = left.len();
        left.retain(|candidate| {
            let parent = candidate.parents.iter().find(|(oid, _)| ready.contains(oid));
            let Some((oid, column)) = parent else { return true };
            ordered.push((candidate, By::Parent(*oid, column.clone())));
            false
        });
        ready.extend(ordered.iter().map(|(candidate, _)| candidate.oid));
        if left.len() == before {
            return (ordered, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(oid: u32, ready: bool, legacy: bool, parents: &[u32]) -> Candidate {
        let ident = |name: String| Ident::new(name).expect("legal");
        Candidate {
            oid,
            schema: ident("public".into()),
            name: ident(format!("t{oid}")),
            ready,
            legacy,
            parents: parents.iter().map(|p| (*p, ident(format!("t{p}_id")))).collect(),
        }
    }

    #[test]
    fn parents_come_before_children_at_any_depth() {
        let tables = [
            candidate(5, false, false, &[4]),
            candidate(4, false, false, &[9, 3]),
            candidate(3, false, true, &[1]),
            candidate(1, true, false, &[]),
            candidate(7, false, false, &[8]),
            candidate(8, false, false, &[7]),
        ];
        let (ordered, left) = order(&tables);
        let oids: Vec<u32> = ordered.iter().map(|(c, _)| c.oid).collect();
        assert_eq!(oids, [3, 4, 5]);
        assert!(matches!(&ordered[1].1, By::Parent(3, column) if column.raw() == "t3_id"));
        assert_eq!(left.iter().map(|c| c.oid).collect::<Vec<_>>(), [7, 8]);
    }
}
