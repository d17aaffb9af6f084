//! Deserialization of settings from a string, a list of strings or a number, which the setting's own constructor
//! validates.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};

/// Deserializes a string and parses it. `expecting` completes the sentence "invalid type: ..., expected ..".
pub(crate) fn text<'de, T, D>(deserializer: D, expecting: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_str(SettingVisitor { expecting, parse: Some(T::from_str), create: None, count: None })
}

/// Deserializes a list of strings and creates the setting from it.
#[cfg(feature = "cors")]
pub(crate) fn list<'de, T, E, D>(deserializer: D, expecting: &'static str, create: Create<T, E>) -> Result<T, D::Error>
where
    E: Display,
    D: Deserializer<'de>,
{
    deserializer.deserialize_seq(SettingVisitor { expecting, parse: None, create: Some(create), count: None })
}

/// Deserializes a string and parses it, or a list of strings and creates the setting from it.
pub(crate) fn text_or_list<'de, T, D>(
    deserializer: D,
    expecting: &'static str,
    create: Create<T, T::Err>,
) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let parse = Some(T::from_str as fn(&str) -> _);
    deserializer.deserialize_any(SettingVisitor { expecting, parse, create: Some(create), count: None })
}

/// Deserializes a list of strings or a number, and creates the setting from it.
pub(crate) fn list_or_number<'de, T, E, D>(
    deserializer: D,
    expecting: &'static str,
    create: Create<T, E>,
    count: fn(usize) -> Result<T, E>,
) -> Result<T, D::Error>
where
    E: Display,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(SettingVisitor { expecting, parse: None, create: Some(create), count: Some(count) })
}

/// A constructor from a list.
type Create<T, E> = fn(Vec<String>) -> Result<T, E>;

struct SettingVisitor<T, E> {
    expecting: &'static str,
    parse: Option<fn(&str) -> Result<T, E>>,
    create: Option<Create<T, E>>,
    count: Option<fn(usize) -> Result<T, E>>,
}

impl<'de, T, E: Display> Visitor<'de> for SettingVisitor<T, E> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<F: Error>(self, text: &str) -> Result<T, F> {
        match self.parse {
            Some(parse) => parse(text).map_err(F::custom),
            None => Err(F::invalid_type(Unexpected::Str(text), &self)),
        }
    }

    fn visit_u64<F: Error>(self, number: u64) -> Result<T, F> {
        match (self.count, usize::try_from(number)) {
            (Some(count), Ok(number)) => count(number).map_err(F::custom),
            _ => Err(F::invalid_type(Unexpected::Unsigned(number), &self)),
        }
    }

    // The integers of TOML and YAML are signed.
    fn visit_i64<F: Error>(self, number: i64) -> Result<T, F> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(F::invalid_type(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        let Some(create) = self.create else { return Err(A::Error::invalid_type(Unexpected::Seq, &self)) };
        let mut texts = Vec::new();
        while let Some(text) = items.next_element::<String>()? {
            texts.push(text);
        }
        create(texts).map_err(A::Error::custom)
    }
}
