//! `Members`: a JSON object of a few strings, of which one that needs no escape is copied whole.

/// A JSON object (RFC 8259 §4), member by member. Names are the crate's own and need no escape.
pub(super) struct Members(Vec<u8>);

impl Members {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(USUAL_LEN))
    }

    /// Writes a name; its value is to follow.
    pub(super) fn name(&mut self, name: &str) -> &mut Vec<u8> {
        self.0.extend_from_slice(if self.0.is_empty() { b"{\"" } else { b",\"" });
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        &mut self.0
    }

    pub(super) fn string(&mut self, name: &str, value: &str) {
        write_string(self.name(name), value);
    }

    pub(super) fn strings<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        let text = self.name(name);
        text.push(b'[');
        for (index, value) in values.enumerate() {
            if index > 0 {
                text.push(b',');
            }
            write_string(text, value);
        }
        text.push(b']');
    }

    pub(super) fn into_json(mut self) -> Vec<u8> {
        self.0.extend_from_slice(if self.0.is_empty() { b"{}" } else { b"}" });
        self.0
    }
}

/// Writes a string (RFC 8259 §7).
fn write_string(text: &mut Vec<u8>, value: &str) {
    // Without a branch for each byte, a compiler judges many at once.
    if value.bytes().fold(true, |is_plain, byte| is_plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\')) {
        text.push(b'"');
        text.extend_from_slice(value.as_bytes());
        text.push(b'"');
    } else {
        text.extend_from_slice(serde_json::Value::from(value).to_string().as_bytes());
    }
}

/// That of nearly all refusals.
const USUAL_LEN: usize = 320;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn read(members: Members) -> Value {
        serde_json::from_slice(&members.into_json()).expect("JSON")
    }

    #[test]
    fn an_object_has_its_members_in_order() {
        let mut members = Members::new();
        members.string("a", "b");
        members.name("c").extend_from_slice(b"4");
        members.strings("d", ["e", "f"].into_iter());
        members.strings("g", std::iter::empty());
        assert_eq!(members.into_json(), br#"{"a":"b","c":4,"d":["e","f"],"g":[]}"#);
        assert_eq!(Members::new().into_json(), b"{}");
    }

    #[test]
    fn a_string_of_one_character_reads_back_as_it_was() {
        for character in '\0'..='\u{ff}' {
            let mut members = Members::new();
            members.string("a", character.encode_utf8(&mut [0; 4]));
            assert_eq!(read(members), json!({ "a": character }), "{character:?}");
        }
    }

    proptest! {
        #[test]
        fn any_string_reads_back_as_it_was(texts in prop::collection::vec(".*|[\\x00-\\x7f]*", 0..4)) {
            let mut members = Members::new();
            let first = texts.first().map_or("", String::as_str);
            members.string("a", first);
            members.strings("b", texts.iter().map(String::as_str));
            prop_assert_eq!(read(members), json!({ "a": first, "b": texts }));
        }
    }
}
