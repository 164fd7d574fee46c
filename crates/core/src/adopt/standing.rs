//! What the catalog says of a table that is adopted, or is to be.

use serde::Deserialize;

use crate::org::OrgType;
use crate::policy::through::Trigger;
use crate::policy::{family_of_type, on_one_line};
use crate::sql::{Ident, QualifiedName};

/// What stands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Standing {
    /// The table's schema.
    pub schema: Ident,
    /// Its name.
    pub name: Ident,
    /// Its owner's OID.
    pub owner: u32,
    /// The OID of the type of its rows.
    pub row_type: u32,
    /// Whether the fence stands.
    pub fenced: bool,
    /// The org column: the one asked for, else the one that the trigger fills.
    pub org: Option<OrgColumn>,
    /// The legacy column: the one asked for, else the first that the trigger watches.
    pub legacy: Option<Legacy>,
    /// The trigger [`super::ADOPT`].
    pub adopt: Option<Trigger>,
    /// Its arguments, each ended by a NUL, in hexadecimal.
    pub arguments: Option<String>,
    /// The columns that it watches, the org column last.
    pub watched: Vec<Ident>,
    /// The trigger [`super::REST`].
    pub rest: Option<Trigger>,
    /// The indexes that carry the transition's comment.
    pub indexes: Vec<Index>,
    /// Whether the constraint [`super::NOT_NULL`] is there, and proved.
    pub not_null: Option<bool>,
    /// The table's size in bytes.
    pub size: u64,
}

/// The org column.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OrgColumn {
    /// Its name.
    pub name: Ident,
    /// As the server quotes it.
    pub quoted: String,
    /// Its number.
    pub number: i16,
    /// Its type as the server prints it.
    pub type_name: String,
    /// Schema and name of the type, which may be a domain.
    pub own_type: (String, String),
    /// `attnotnull`.
    pub not_null: bool,
    /// Whether its comment says that the adoption brought it.
    pub brought: bool,
    /// Whether the table computes it.
    pub computed: bool,
    /// Whether it has a DEFAULT.
    pub has_default: bool,
}

impl OrgColumn {
    /// With which readers it is compared; none where no value of theirs can be written into it.
    pub fn family(&self) -> Option<OrgType> {
        family_of_type(&self.own_type)
    }
}

/// The legacy column.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Legacy {
    /// Its name.
    pub name: Ident,
    /// Its number.
    pub number: i16,
    /// Schema and name of its type, below all domains.
    pub base_type: (String, String),
    /// Whether equal means the same bytes.
    pub deterministic: bool,
    /// Whether the table computes it, after the triggers that would read it.
    pub generated: bool,
    /// `attnotnull`.
    pub not_null: bool,
    /// Whether it has a DEFAULT.
    pub has_default: bool,
    /// Where a foreign key of it alone leads to.
    pub parent: Option<Parent>,
}

/// A table that a foreign key leads to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Parent {
    /// Its OID.
    pub oid: u32,
    /// The column that the foreign key refers to.
    pub key: Ident,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Index {
    /// Its name; the schema is the table's.
    pub name: Ident,
    /// Valid, ready and live.
    pub valid: bool,
}

impl Standing {
    /// The table.
    pub fn table(&self) -> QualifiedName {
        QualifiedName { schema: self.schema.clone(), name: self.name.clone() }
    }

    /// What the trigger is told.
    pub fn words(&self) -> Vec<String> {
        let digits = self.arguments.as_deref().unwrap_or_default().as_bytes();
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        let mut words: Vec<String> =
            bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        // Each is ended, not separated.
        words.pop();
        words
    }

    /// The expression over `new` that the trigger asks, as the server prints it.
    pub fn expression(&self) -> Option<String> {
        let org = self.org.as_ref()?;
        // A CASE is laid out over several lines.
        let definition = on_one_line(&self.adopt.as_ref()?.definition);
        let rest = definition.split_once(" WHEN ((")?.1;
        let plain = format!("new.{} IS DISTINCT FROM ", org.quoted);
        let relabelled = format!("(new.{})::text IS DISTINCT FROM ", org.quoted);
        let rest = rest.strip_prefix(&plain).or_else(|| rest.strip_prefix(&relabelled))?;
        Some(rest.rsplit_once(")) EXECUTE FUNCTION")?.0.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(definition: &str, arguments: &str) -> Standing {
        let ident = |name: &str| Ident::new(name).expect("legal");
        let org = OrgColumn {
            name: ident("Org"),
            quoted: "\"Org\"".into(),
            number: 2,
            type_name: "text".into(),
            own_type: ("pg_catalog".into(), "text".into()),
            not_null: false,
            brought: true,
            computed: false,
            has_default: false,
        };
        Standing {
            schema: ident("public"),
            name: ident("t"),
            owner: 1,
            row_type: 1,
            fenced: false,
            org: Some(org),
            legacy: None,
            adopt: Some(Trigger { enabled: 'O', definition: definition.into() }),
            arguments: Some(arguments.into()),
            watched: Vec::new(),
            rest: None,
            indexes: Vec::new(),
            not_null: None,
            size: 0,
        }
    }

    #[test]
    fn what_the_trigger_is_told_reads_back() {
        assert_eq!(standing("", "6c6f6f6b757000c3a400").words(), ["lookup", "ä"]);
        assert_eq!(standing("", "").words(), Vec::<String>::new());
        for (printed, expression) in [
            (
                "(new.\"Org\" IS DISTINCT FROM (new.a || 'x)) EXECUTE FUNCTION'::text))",
                "(new.a || 'x)) EXECUTE FUNCTION'::text)",
            ),
            (
                "(new.\"Org\" IS DISTINCT FROM\nCASE\n    WHEN (new.a = 1) THEN 'x'::text\nEND)",
                "CASE WHEN (new.a = 1) THEN 'x'::text END",
            ),
            ("((new.\"Org\")::text IS DISTINCT FROM new.a)", "new.a"),
        ] {
            let definition = format!(
                "CREATE TRIGGER org_scope_adopt BEFORE INSERT OR UPDATE OF a, \"Org\" ON public.t FOR EACH ROW \
                 WHEN ({printed}) EXECUTE FUNCTION org_scope.adopt_row('expression')"
            );
            assert_eq!(standing(&definition, "").expression().as_deref(), Some(expression));
        }
        assert_eq!(
            standing("CREATE TRIGGER x WHEN ((new.a IS NULL)) EXECUTE FUNCTION f()", "").expression(),
            None
        );
    }
}
