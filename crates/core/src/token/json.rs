//! JSON that has one reading: no member twice, no depth without end, whole numbers apart from others.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::refused::Part;
use super::{MAX_DEPTH, Refused};

/// The members of an object.
pub(super) type Object = BTreeMap<String, Json>;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool,
    /// A number that is written as a whole one.
    Integer(i128),
    /// Any other number, with a fraction or an exponent, or beyond what 64 bits hold.
    Float(f64),
    Text(String),
    Array(Vec<Json>),
    Object(Object),
}

/// Why a text was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is no JSON.
    Malformed,
    /// It is JSON, but no object.
    NotObject,
    /// An object has a member twice.
    Duplicate,
    /// Objects or arrays lie too deep.
    TooDeep,
}

impl Fault {
    /// As a reason to refuse a token.
    pub(super) fn of(self, which: Part) -> Refused {
        match self {
            Self::Malformed => Refused::NotJson(which),
            Self::NotObject => Refused::NotObject(which),
            Self::Duplicate => Refused::Duplicate(which),
            Self::TooDeep => Refused::TooDeep(which),
        }
    }
}

/// Reads an object and nothing behind it.
pub(super) fn object(text: &str) -> Result<Object, Fault> {
    let fault = Cell::new(Fault::Malformed);
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Value { depth: 0, fault: &fault }.deserialize(&mut reader).map_err(|_| fault.get())?;
    reader.end().map_err(|_| Fault::Malformed)?;
    match value {
        Json::Object(members) => Ok(members),
        _ => Err(Fault::NotObject),
    }
}

/// Reads a value at this depth, and says what is wrong beyond syntax.
#[derive(Clone, Copy)]
struct Value<'f> {
    depth: usize,
    fault: &'f Cell<Fault>,
}

impl Value<'_> {
    fn refuse<E: serde::de::Error>(self, fault: Fault) -> E {
        self.fault.set(fault);
        E::custom("")
    }

    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse(Fault::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Bool)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            array.push(element);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut object = Object::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(self.refuse(Fault::Duplicate));
            }
            object.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_reading_or_none() {
        let deep = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(object(&deep(MAX_DEPTH)).is_ok());
        for (text, fault) in [
            (deep(MAX_DEPTH + 1), Fault::TooDeep),
            (deep(30_000), Fault::TooDeep),
            (format!("{{\"a\":{}", "[".repeat(60_000)), Fault::TooDeep),
            (r#"{"a":1,"a":1}"#.into(), Fault::Duplicate),
            (r#"{"a":1,"\u0061":2}"#.into(), Fault::Duplicate),
            (r#"{"x":[{"y":{"a":null,"a":null}}]}"#.into(), Fault::Duplicate),
            ("[]".into(), Fault::NotObject),
            ("null".into(), Fault::NotObject),
            (r#"{"a":1}{}"#.into(), Fault::Malformed),
            (r#"{"a":1}x"#.into(), Fault::Malformed),
            (r#"{"a":1,}"#.into(), Fault::Malformed),
            (r#"{"a":01}"#.into(), Fault::Malformed),
            (r#"{"a":1e999}"#.into(), Fault::Malformed),
            (r#"{"a":NaN}"#.into(), Fault::Malformed),
            (r#"{"a":"\ud800"}"#.into(), Fault::Malformed),
            (r#"{"a":"\udc00\ud800"}"#.into(), Fault::Malformed),
            ("{\"a\":\"\n\"}".into(), Fault::Malformed),
            ("\u{feff}{}".into(), Fault::Malformed),
            ("{'a':1}".into(), Fault::Malformed),
            ("{/**/}".into(), Fault::Malformed),
            (String::new(), Fault::Malformed),
        ] {
            assert_eq!(object(&text), Err(fault), "{:.80}", text);
        }
    }

    #[test]
    fn whole_numbers_are_those_that_are_written_so() {
        let read = |number: &str| object(&format!("{{\"a\":{number}}}")).expect("an object")["a"].clone();
        assert_eq!(read("17"), Json::Integer(17));
        assert_eq!(read("-1"), Json::Integer(-1));
        assert_eq!(read("18446744073709551615"), Json::Integer(u64::MAX.into()));
        for other in ["1.0", "1e3", "-0", "18446744073709551616"] {
            assert!(matches!(read(other), Json::Float(_)), "{other}");
        }
    }
}
