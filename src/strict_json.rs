//! `Object`: a JSON object that every parser reads alike, borrowed from its text.
//!
//! JSON parsers disagree about some texts. Of two members with the same name, most keep the last and some the first; of
//! a number that no double can hold, some make infinity. A token with such a payload could mean one user to this crate
//! and another to a service behind it, so it is rejected (RFC 7519 §4, RFC 8259 §4, §6).
//!
//! serde_json does the parsing. This file adds what no library combines: duplicate names are rejected at any depth,
//! values stay raw text that borrows from the token, and numbers, depth and members are bounded. A `serde_json::Value`
//! would keep the last of two members of the same name, and allocate for every string.
//!
//! The work is split for speed. Members of the outer object, about twenty in a token, are compared in pairs and their
//! values kept as text. Only values that contain others are parsed once more, by [`StrictValue`], which keeps nothing.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The members of a JSON object, with values as JSON text.
///
/// Duplicate names are rejected (RFC 7515 §4, RFC 7519 §4), however they are escaped and at any depth. So is everything
/// else that parsers read differently: lone surrogates, numbers beyond a double, deep nesting.
pub(crate) struct Object<'a> {
    /// In the order of the text. A map would have to hash each name, and most are never looked up.
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Parses an object. Returns `None` if the text is not an object, is ambiguous, or exceeds a bound.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let UniqueMembers(members) = serde_json::from_str(text).ok()?;
        Some(Self { members })
    }

    /// Returns the names of the members and the JSON texts of their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.members.iter().map(|(name, value)| (&**name, value.get()))
    }

    /// Returns the JSON text of a member's value.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.members.iter().find(|(member, _)| member == name).map(|(_, value)| value.get())
    }
}

/// Returns the value of a JSON text that is a string. The syntax has been checked by [`Object::parse`].
///
/// Without a backslash, the value is the text between the quotes, so it is borrowed.
pub(crate) fn string(text: &str) -> Option<Cow<'_, str>> {
    let content = text.strip_prefix('"')?.strip_suffix('"')?;
    if !content.contains('\\') {
        return Some(Cow::Borrowed(content));
    }
    serde_json::from_str::<Name<'_>>(text).ok().map(|name| name.0)
}

/// Returns the elements of a JSON text that is an array.
pub(crate) fn array(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

/// Whether a JSON text is `null`. A raw value has no whitespace around it.
pub(crate) fn is_null(text: &str) -> bool {
    text == "null"
}

/// Whether all parsers read a value alike. Its syntax has been checked, so simple values are not parsed again.
fn is_unambiguous(value: &str) -> bool {
    match value.as_bytes().first() {
        // serde_json skips a raw string without decoding it, so a lone surrogate in an escape would pass (RFC 8259
        // §8.2).
        Some(b'"') => !value.contains('\\') || string(value).is_some(),
        // A reserved name in the raw text is rejected before it is parsed, because it changes how serde_json reads the
        // value. One with escapes is found afterwards, by name.
        Some(b'[' | b'{') => {
            !value.contains(RESERVED)
                && StrictValue { depth: MAX_DEPTH }.deserialize(&mut serde_json::Deserializer::from_str(value)).is_ok()
        }
        // The raw text of a number can have any exponent (RFC 8259 §6). Parsing fails if it exceeds a double.
        Some(b'-' | b'0'..=b'9') => value.len() <= FINITE_NUMBER_LEN || serde_json::from_str::<f64>(value).is_ok(),
        _ => true,
    }
}

/// The members of an object, as serde deserializes them for [`Object`].
struct UniqueMembers<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for UniqueMembers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = UniqueMembers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with unique names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::with_capacity(TYPICAL_MEMBERS);
        while let Some(Name(name)) = map.next_key()? {
            // Names are compared after decoding: `sub` and `\u0073ub` are the same.
            let is_duplicate = members.iter().any(|(member, _)| *member == name);
            if is_duplicate || is_reserved(&name) || members.len() == MAX_MEMBERS {
                return Err(A::Error::custom("a duplicate or reserved name, or too many members"));
            }
            let value: &RawValue = map.next_value()?;
            if !is_unambiguous(value.get()) {
                return Err(A::Error::custom("an ambiguous value"));
            }
            members.push((name, value));
        }
        Ok(UniqueMembers(members))
    }
}

/// A string, borrowed unless it has escapes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor).map(Name)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Checks a nested value down to this depth, and keeps nothing of it but the names of an object while it is read.
#[derive(Clone, Copy)]
struct StrictValue {
    depth: usize,
}

impl StrictValue {
    /// Returns the check for the values inside this one, `None` if they would be too deep.
    fn nested(self) -> Option<Self> {
        self.depth.checked_sub(1).map(|depth| Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let nested = self.nested();
        let mut names: Vec<Name<'de>> = Vec::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            // If some crate enables serde_json's `arbitrary_precision`, a fraction arrives as a map with this name. It
            // is not from the text, in which reserved names are rejected before. A number adds no depth.
            if matches!(name.0, Cow::Borrowed(NUMBER)) {
                let number: Name<'_> = map.next_value()?;
                let is_finite = number.0.parse().is_ok_and(f64::is_finite);
                return if is_finite { Ok(()) } else { Err(A::Error::custom("a number beyond a double")) };
            }
            map.next_value_seed(nested.ok_or_else(too_deep)?)?;
            names.push(name);
        }
        // An empty object at the maximum depth is too deep as well, like an empty array.
        nested.ok_or_else(too_deep)?;
        // Sorted, because nested objects have no bound on their members, and comparing all pairs would be quadratic.
        names.sort_unstable();
        let has_duplicate = names.windows(2).any(|pair| pair.first() == pair.last());
        if has_duplicate || names.iter().any(|name| is_reserved(&name.0)) {
            return Err(A::Error::custom("a duplicate or reserved name"));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let nested = self.nested().ok_or_else(too_deep)?;
        while seq.next_element_seed(nested)?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

fn too_deep<E: Error>() -> E {
    E::custom("nested too deep")
}

/// Whether serde_json gives this name a special meaning, and would take a string for another value.
fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED)
}

const RESERVED: &str = "$serde_json::private::";
const NUMBER: &str = "$serde_json::private::Number";

// All pairs of names are compared. Large real tokens have some forty members.
const MAX_MEMBERS: usize = 128;
const TYPICAL_MEMBERS: usize = 20;

// Real claims have a depth of three or four. serde_json's own limit is 128.
const MAX_DEPTH: usize = 32;

// The shortest number beyond a double has five bytes: 1e309.
const FINITE_NUMBER_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duplicate_name_is_rejected_however_it_is_escaped() {
        for text in [r#"{"sub":1,"sub":1}"#, r#"{"sub":1,"\u0073ub":2}"#, r#"{"a":1,"b":2,"\u0061":3}"#] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_an_object_is_rejected() {
        for text in
            ["", "[]", "1", "null", "\"a\"", "{", "{}x", "{} {}", "\u{feff}{}", "{\"a\":NaN}", "{a:1}", "{\"a\":1,}"]
        {
            assert!(Object::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_lone_surrogate_is_rejected_at_any_depth() {
        for text in [r#"{"x":"\ud800"}"#, r#"{"x":{"y":["\udfff"]}}"#, r#"{"\ud800":1}"#] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
        assert!(Object::parse(r#"{"x":"\ud83d\ude00"}"#).is_some());
    }

    #[test]
    fn deep_nesting_is_rejected_and_brackets_in_strings_do_not_count() {
        let deep = |depth| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Object::parse(&deep(MAX_DEPTH)).is_some());
        assert!(Object::parse(&deep(MAX_DEPTH + 1)).is_none());
        assert!(Object::parse(&deep(10_000)).is_none());
        assert!(Object::parse(&format!("{{\"x\":\"{}\"}}", "[".repeat(500))).is_some());
    }

    #[test]
    fn brackets_in_strings_do_not_hide_the_depth() {
        let depth = 3000;
        let text = format!("{{\"x\":{}1{}}}", r#"["]","#.repeat(depth), "]".repeat(depth));
        assert!(Object::parse(&text).is_none());
    }

    #[test]
    fn a_duplicate_or_reserved_name_is_rejected_at_any_depth() {
        for text in [
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[{"b":1,"c":2,"\u0062":3}]}"#,
            r#"{"a":{"$serde_json::private::RawValue":"1"}}"#,
            r#"{"a":{"$serde_json::private::Number":"1"}}"#,
            r#"{"a":[{"$serde\u005fjson::private::Number":"1"}]}"#,
            r#"{"$serde_json::private::Number":"1"}"#,
        ] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
        assert!(Object::parse(r#"{"a":{"b":1},"c":{"b":1}}"#).is_some());
    }

    #[test]
    fn a_number_beyond_a_double_is_rejected_at_any_depth() {
        for value in ["1e309", "-1e400", "17e986", "[1e309]", r#"{"y":[0,7e986]}"#, &"9".repeat(400)] {
            assert!(Object::parse(&format!("{{\"x\":{value}}}")).is_none(), "{value}");
        }
        let deep = format!("{}0.5{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        for value in [
            "1e308",
            "9e99",
            "0.1",
            "123456789012345678901234567890",
            r#""1e309""#,
            "1e-400",
            "[0.1]",
            r#"{"y":[1e308]}"#,
            &deep,
        ] {
            assert!(Object::parse(&format!("{{\"x\":{value}}}")).is_some(), "{value}");
        }
    }

    #[test]
    fn more_members_than_the_bound_are_rejected() {
        let object_with = |count| {
            let members: Vec<_> = (0..count).map(|n| format!("\"m{n}\":{n}")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(Object::parse(&object_with(MAX_MEMBERS)).is_some());
        assert!(Object::parse(&object_with(MAX_MEMBERS + 1)).is_none());
    }

    #[test]
    fn a_member_is_found_by_its_decoded_name() {
        let object = Object::parse(r#"{"\u0073ub":"ann", "n" : [1, 2]}"#).unwrap();
        assert_eq!(object.get("sub").and_then(string).unwrap(), "ann");
        assert_eq!(object.get("n"), Some("[1, 2]"));
        assert_eq!(object.get("none"), None);
    }

    proptest! {
        #[test]
        fn a_string_is_the_one_that_serde_json_wrote(text: String) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(string(&json), Some(Cow::Borrowed(text.as_str())));
            prop_assert_eq!(string(&json[1..]), None);
            prop_assert_eq!(string(&json[..json.len() - 1]), None);
        }

        #[test]
        fn a_string_in_an_object_is_the_one_that_serde_json_reads(
            text in r#"(\PC|[\x00-\x21\x23-\x2f\\bfnrtuDd08]|\\u[0-9dD][0-9a-fA-F]{3}|\\["\\/bfnrt]){0,12}"#,
        ) {
            let json = format!(r#"{{"x":"{text}"}}"#);
            let parsed = Object::parse(&json).and_then(|object| object.get("x").and_then(string).map(Cow::into_owned));
            let value = serde_json::from_str::<serde_json::Value>(&json).ok();
            let expected = value.and_then(|object| object.get("x")?.as_str().map(str::to_owned));
            prop_assert_eq!(parsed, expected, "{}", json);
        }

        #[test]
        fn no_text_panics_and_only_objects_are_accepted(text in "[\\[\\]{}\",:a\\\\u0-9 ]{0,40}") {
            if Object::parse(&text).is_some() {
                prop_assert!(serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok());
            }
        }
    }
}
