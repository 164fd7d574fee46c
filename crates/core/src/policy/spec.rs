//! What was asked for.

use super::{Facts, Grantee};
use crate::org::OrgType;
use crate::policy::OrgKey;
use crate::sql::Ident;

/// The options of one `protect` call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The org column.
    pub column: Ident,
    /// Whether the owner is fenced too.
    pub force: bool,
    /// Whether an index led by the org column belongs to it.
    pub create_index: bool,
    /// Whether the org column's DEFAULT is the current organization.
    pub set_default: bool,
    /// Whom the gate is for; none leaves it as it is.
    pub roles: Option<Vec<Grantee>>,
    /// Whether a view beside the table takes COPY FROM.
    pub copy_view: bool,
}

impl Spec {
    /// The spec that stands: read back from the fence, as far as it and its comment tell.
    pub fn read_back(facts: &Facts) -> Option<Self> {
        let column = facts.column.as_ref()?;
        let memory = facts.memory();
        let own_default =
            OrgKey::of(column).is_ok_and(|key| column.default.as_deref() == Some(key.default()));
        Some(Self {
            column: column.name.clone(),
            force: memory.as_ref().map_or(facts.force, |m| m.force),
            create_index: memory
                .as_ref()
                .map_or_else(|| facts.indexes.iter().any(|i| i.serves && i.valid), |m| m.index),
            set_default: memory.as_ref().map_or(own_default, |m| m.default),
            roles: None,
            copy_view: facts.copy_view.is_some(),
        })
    }
}

/// The reader family that a type of the server belongs to.
pub(super) fn family(base_type: &(String, String)) -> Option<OrgType> {
    if base_type.0 != "pg_catalog" {
        return None;
    }
    match base_type.1.as_str() {
        "uuid" => Some(OrgType::Uuid),
        "text" | "varchar" => Some(OrgType::Text),
        "int2" | "int4" | "int8" => Some(OrgType::Bigint),
        _ => None,
    }
}
