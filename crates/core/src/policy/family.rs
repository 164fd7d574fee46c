//! The reader family that a type of the server belongs to.

use crate::org::OrgType;

/// By schema and name of the type below all domains.
pub fn of_type(base_type: &(String, String)) -> Option<OrgType> {
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
