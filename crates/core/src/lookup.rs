//! Lookups: which organization, and which user, a key belongs to, asked of a user's table in statements of
//! ours.

use sha2::{Digest, Sha256, Sha384, Sha512};
use uuid::Uuid;

use crate::Error;
use crate::org::{OrgType, OrgValue};
use crate::sql::{Ident, QualifiedName};

/// Keys are shorter; what is longer is nobody's.
pub const MAX_KEY_BYTES: usize = 8192;

/// How a table keeps keys that are secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyHash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl KeyHash {
    /// Reads the word of `define_lookup`.
    ///
    /// # Errors
    /// [`Error::UnknownKeyHash`]
    pub fn parse(word: &str) -> Result<Self, Error> {
        match word {
            "sha256" => Ok(Self::Sha256),
            "sha384" => Ok(Self::Sha384),
            "sha512" => Ok(Self::Sha512),
            _ => Err(Error::UnknownKeyHash),
        }
    }

    fn digest(self, key: &str) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(key).to_vec(),
            Self::Sha384 => Sha384::digest(key).to_vec(),
            Self::Sha512 => Sha512::digest(key).to_vec(),
        }
    }
}

/// What a key column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyColumn {
    /// A value like an organization's.
    Value(OrgType),
    /// `bytea`: a hash as it is. In a text it is in hexadecimal, in lower case.
    Bytes,
}

/// A key in the form in which the table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// For a `text` column.
    Text(String),
    /// For a `uuid` column.
    Uuid(Uuid),
    /// For a `bigint` column, and smaller ones.
    Bigint(i64),
    /// For a `bytea` column.
    Bytes(Vec<u8>),
}

impl Key {
    /// The presented key as the column has it; none where no row can.
    pub fn of(presented: &str, column: KeyColumn, hash: Option<KeyHash>) -> Option<Self> {
        if presented.is_empty() || presented.len() > MAX_KEY_BYTES {
            return None;
        }
        match (hash, column) {
            (Some(hash), KeyColumn::Bytes) => Some(Self::Bytes(hash.digest(presented))),
            (Some(hash), KeyColumn::Value(OrgType::Text)) => {
                Some(Self::Text(hash.digest(presented).iter().map(|byte| format!("{byte:02x}")).collect()))
            }
            (None, KeyColumn::Value(family)) => Self::value(presented, family),
            (Some(_), KeyColumn::Value(_)) | (None, KeyColumn::Bytes) => None,
        }
    }

    /// A text as a value of the family.
    pub fn value(text: &str, family: OrgType) -> Option<Self> {
        match family {
            OrgType::Text => Some(Self::Text(text.to_owned())),
            OrgType::Uuid => OrgValue::parse(text)?.uuid().ok().map(Self::Uuid),
            OrgType::Bigint => OrgValue::parse(text)?.bigint().ok().map(Self::Bigint),
        }
    }
}

/// The question of one lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The table that is asked.
    pub table: QualifiedName,
    /// Its column with the keys.
    pub key: Ident,
    /// Its column with the organizations.
    pub org: Ident,
    /// Its column with the users.
    pub user: Option<Ident>,
    /// What else a row must fulfil, checked before to be one bare expression.
    pub condition: Option<String>,
}

impl Question {
    /// One row of JSON, `[organization, user]`, for each different answer to the key `$1`, two at most: more say
    /// nothing that two don't. Where it is `among`, only the organization `$2`.
    pub fn statement(&self, among: bool) -> String {
        let Self { table, key, org, user, condition } = self;
        let user = user.as_ref().map_or_else(|| "NULL".to_owned(), Ident::to_string);
        let mut text = format!(
            "SELECT DISTINCT pg_catalog.json_build_array({org}::pg_catalog.text, \
             {user}::pg_catalog.text)::pg_catalog.text FROM ONLY {table} WHERE {key} OPERATOR(pg_catalog.=) $1 \
             AND {org} IS NOT NULL"
        );
        if among {
            text.push_str(&format!(" AND {org} OPERATOR(pg_catalog.=) $2"));
        }
        if let Some(condition) = condition {
            text.push_str(&format!(" AND ({condition})"));
        }
        text.push_str(" LIMIT 2");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_take_the_form_of_their_column() {
        let text = KeyColumn::Value(OrgType::Text);
        let hash = Some(KeyHash::Sha256);
        // FIPS 180-2, appendix B.1
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Key::of("abc", text, hash), Some(Key::Text(abc.into())));
        let Some(Key::Bytes(bytes)) = Key::of("abc", KeyColumn::Bytes, hash) else { panic!("bytes") };
        assert_eq!(bytes[..2], [0xba, 0x78]);
        assert_eq!(Key::of("abc", text, None), Some(Key::Text("abc".into())));
        assert_eq!(Key::of("12", KeyColumn::Value(OrgType::Bigint), None), Some(Key::Bigint(12)));
        for (presented, column, hash) in [
            ("", text, None),
            ("x", KeyColumn::Value(OrgType::Bigint), None),
            ("x", KeyColumn::Value(OrgType::Uuid), None),
            ("x", KeyColumn::Bytes, None),
            ("1", KeyColumn::Value(OrgType::Bigint), hash),
            (&*"x".repeat(MAX_KEY_BYTES + 1), text, None),
        ] {
            assert_eq!(Key::of(presented, column, hash), None, "{column:?}");
        }
    }

    #[test]
    fn words_of_hashes() {
        assert_eq!(KeyHash::parse("sha256"), Ok(KeyHash::Sha256));
        for word in ["md5", "SHA256", "", "plain"] {
            assert_eq!(KeyHash::parse(word), Err(Error::UnknownKeyHash));
        }
        assert_eq!(KeyHash::Sha384.digest("").len(), 48);
        assert_eq!(KeyHash::Sha512.digest("").len(), 64);
    }

    #[test]
    fn the_question_holds_no_value_and_quotes_names() {
        let ident = |name: &str| Ident::new(name).expect("legal");
        let question = Question {
            table: QualifiedName { schema: ident("public"), name: ident("user") },
            key: ident("account"),
            org: ident("Org"),
            user: Some(ident("account")),
            condition: Some("(status = 'active'::text)".into()),
        };
        assert_eq!(
            question.statement(true),
            "SELECT DISTINCT pg_catalog.json_build_array(\"Org\"::pg_catalog.text, account::pg_catalog.text)\
             ::pg_catalog.text FROM ONLY public.\"user\" WHERE account OPERATOR(pg_catalog.=) $1 \
             AND \"Org\" IS NOT NULL AND \"Org\" OPERATOR(pg_catalog.=) $2 AND ((status = 'active'::text)) LIMIT 2"
        );
        let bare = Question { user: None, condition: None, ..question };
        assert!(bare.statement(false).contains("NULL::pg_catalog.text"));
    }
}
