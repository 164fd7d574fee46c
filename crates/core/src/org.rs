//! An organization's value: one text, and what it is as uuid and as bigint.

use uuid::Uuid;

use crate::Error;

/// The longest organization, user or project that a context takes, in bytes.
///
/// Real ones are below 64; the bound keeps a hostile value from filling every backend and worker.
pub const MAX_CONTEXT_BYTES: usize = 1024;

/// The three families of types that an org column can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrgType {
    /// `text`, `varchar`, and domains over them.
    Text,
    /// `uuid` and domains over it.
    Uuid,
    /// `bigint`, `integer`, `smallint`, and domains over them.
    Bigint,
}

impl OrgType {
    /// The SQL name of the type that a reader of this family returns.
    pub fn sql_name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Uuid => "uuid",
            Self::Bigint => "bigint",
        }
    }
}

/// The text of an organization that is stored as a uuid's sixteen bytes, a bigint's eight (the highest first), or
/// the text itself.
pub fn text_of(family: OrgType, stored: &[u8]) -> String {
    match family {
        OrgType::Uuid => Uuid::from_slice(stored).unwrap_or_default().to_string(),
        OrgType::Bigint => stored.try_into().map_or(0, i64::from_be_bytes).to_string(),
        OrgType::Text => String::from_utf8_lossy(stored).into_owned(),
    }
}

/// The bytes that stand for an organization in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored<'a> {
    /// The text's own.
    Text(&'a [u8]),
    /// A uuid's.
    Uuid([u8; 16]),
    /// A number's, the highest first.
    Bigint([u8; 8]),
}

impl Stored<'_> {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(bytes) => bytes,
            Self::Uuid(bytes) => bytes,
            Self::Bigint(bytes) => bytes,
        }
    }
}

/// A context value that was taken: its text as given, and its readings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgValue {
    text: Box<str>,
    uuid: Option<Uuid>,
    bigint: Option<i64>,
}

impl OrgValue {
    /// Reads a value; `None` for the empty text, which stands for "unset" in a setting.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        Some(Self { text: text.into(), uuid: Uuid::parse_str(text).ok(), bigint: text.parse().ok() })
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As uuid.
    ///
    /// # Errors
    /// [`Error::WrongOrgType`] where the text is none.
    pub fn uuid(&self) -> Result<Uuid, Error> {
        self.uuid.ok_or_else(|| self.wrong(OrgType::Uuid))
    }

    /// As bigint.
    ///
    /// # Errors
    /// [`Error::WrongOrgType`] where the text is none.
    pub fn bigint(&self) -> Result<i64, Error> {
        self.bigint.ok_or_else(|| self.wrong(OrgType::Bigint))
    }

    /// As a column of that family stores it: what [`text_of`] reads. None where it is no value of the family.
    pub fn stored(&self, family: OrgType) -> Option<Stored<'_>> {
        match family {
            OrgType::Text => Some(Stored::Text(self.text.as_bytes())),
            OrgType::Uuid => self.uuid.map(|uuid| Stored::Uuid(uuid.into_bytes())),
            OrgType::Bigint => self.bigint.map(|number| Stored::Bigint(number.to_be_bytes())),
        }
    }

    /// The family that the text looks like, for messages.
    pub fn looks_like(&self) -> OrgType {
        match (self.uuid, self.bigint) {
            (Some(_), _) => OrgType::Uuid,
            (_, Some(_)) => OrgType::Bigint,
            _ => OrgType::Text,
        }
    }

    fn wrong(&self, wanted: OrgType) -> Error {
        Error::WrongOrgType { wanted, found: self.looks_like() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_reads_its_own() {
        let uuid = OrgValue::parse("12938A96-648b-4aec-ab59-282e2345cec7").expect("set");
        assert_eq!(uuid.uuid().expect("a uuid").to_string(), "12938a96-648b-4aec-ab59-282e2345cec7");
        assert_eq!(uuid.bigint(), Err(Error::WrongOrgType { wanted: OrgType::Bigint, found: OrgType::Uuid }));
        let number = OrgValue::parse("42").expect("set");
        assert_eq!(number.bigint(), Ok(42));
        let text = OrgValue::parse("org_38mpe7YzuKjtqIRiuiWGCruMwX5").expect("set");
        assert_eq!(text.uuid(), Err(Error::WrongOrgType { wanted: OrgType::Uuid, found: OrgType::Text }));
        assert_eq!(OrgValue::parse(""), None);
    }

    #[test]
    fn what_is_stored_reads_as_the_context_does() {
        let canonical = "12938a96-648b-4aec-ab59-282e2345cec7";
        let uuid = Uuid::parse_str(canonical).expect("a uuid");
        assert_eq!(text_of(OrgType::Uuid, uuid.as_bytes()), canonical);
        assert_eq!(text_of(OrgType::Bigint, &(-42_i64).to_be_bytes()), "-42");
        assert_eq!(text_of(OrgType::Text, "größe".as_bytes()), "größe");
        for (text, family) in [(canonical, OrgType::Uuid), ("-42", OrgType::Bigint), ("größe", OrgType::Text)]
        {
            let value = OrgValue::parse(text).expect("set");
            let stored = value.stored(family).expect("one of the family");
            assert_eq!(text_of(family, stored.bytes()), text);
        }
        assert_eq!(OrgValue::parse("x").expect("set").stored(OrgType::Bigint), None);
    }
}
