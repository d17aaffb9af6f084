//! A JSON object whose member names are unique, read without copying.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The members of a JSON object, their values still text. A name that stands twice is refused however it is escaped
/// (RFC 7515 §4, RFC 7519 §4), and so is what some parsers would read otherwise than others.
pub(super) struct Object<'a> {
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// The object that `text` is; `None` where it is no object, a name stands twice, or it exceeds a bound.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        // Values that are skipped are checked for syntax only. An escape may hide a lone surrogate there, and brackets
        // a depth that whoever reads the claims as a type cannot follow: where either may be, every value is read.
        let plain = !text.contains("\\u") && depth_bound(text) <= PLAIN_DEPTH;
        if !plain && serde_json::from_str::<Strict>(text).is_err() {
            return None;
        }
        let Members(members) = serde_json::from_str(text).ok()?;
        Some(Self { members })
    }

    /// The JSON text of the member of this name.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.members.iter().find(|(own, _)| own == name).map(|(_, value)| value.get())
    }
}

/// The string that a JSON text is.
pub(super) fn string(text: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Name<'_>>(text).ok().map(|name| name.0)
}

/// The elements of the array that a JSON text is.
pub(super) fn array(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

pub(super) fn is_null(text: &str) -> bool {
    text == "null"
}

/// A bound on the depth of nesting, exact where no string holds a bracket.
fn depth_bound(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of unique names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::with_capacity(USUAL_MEMBERS);
        while let Some(Name(name)) = map.next_key()? {
            if members.len() == MAX_MEMBERS || members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("a name stands twice, or there are too many"));
            }
            members.push((name, map.next_value()?));
        }
        Ok(Members(members))
    }
}

/// A string that is borrowed where it holds no escape.
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

/// Any JSON, with every string decoded; serde_json bounds the recursion.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
        while map.next_entry::<Name<'de>, Strict>()?.is_some() {}
        Ok(Strict)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
        while seq.next_element::<Strict>()?.is_some() {}
        Ok(Strict)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Strict, E> {
        Ok(Strict)
    }

    fn visit_unit<E: Error>(self) -> Result<Strict, E> {
        Ok(Strict)
    }
}

// Names are compared pairwise, so their number is bounded; large tokens in use have some forty.
const MAX_MEMBERS: usize = 128;
const USUAL_MEMBERS: usize = 20;
// serde_json bounds the depth of what it reads by 128; well-meant claims nest a handful.
const PLAIN_DEPTH: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_refused_however_it_is_escaped() {
        for text in [r#"{"sub":1,"sub":1}"#, r#"{"sub":1,"\u0073ub":2}"#, r#"{"a":1,"b":2,"\u0061":3}"#] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in
            ["", "[]", "1", "null", "\"a\"", "{", "{}x", "{} {}", "\u{feff}{}", "{\"a\":NaN}", "{a:1}", "{\"a\":1,}"]
        {
            assert!(Object::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_lone_surrogate_is_refused_wherever_it_stands() {
        for text in [r#"{"x":"\ud800"}"#, r#"{"x":{"y":["\udfff"]}}"#, r#"{"\ud800":1}"#] {
            assert!(Object::parse(text).is_none(), "{text}");
        }
        assert!(Object::parse(r#"{"x":"\ud83d\ude00"}"#).is_some());
    }

    #[test]
    fn deep_nesting_is_refused_and_brackets_in_strings_are_not_nesting() {
        let deep = |depth| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(Object::parse(&deep(100)).is_some());
        assert!(Object::parse(&deep(127)).is_none());
        assert!(Object::parse(&deep(10_000)).is_none());
        assert!(Object::parse(&format!("{{\"x\":\"{}\"}}", "[".repeat(500))).is_some());
    }

    #[test]
    fn more_members_than_the_bound_are_refused() {
        let of = |count| {
            let members: Vec<_> = (0..count).map(|n| format!("\"m{n}\":{n}")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(Object::parse(&of(MAX_MEMBERS)).is_some());
        assert!(Object::parse(&of(MAX_MEMBERS + 1)).is_none());
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
        fn no_text_panics_and_what_is_accepted_is_an_object(text in "[\\[\\]{}\",:a\\\\u0-9 ]{0,40}") {
            if Object::parse(&text).is_some() {
                prop_assert!(serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok());
            }
        }
    }
}
