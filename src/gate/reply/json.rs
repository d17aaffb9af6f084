//! `JsonObjectWriter`: writes the JSON object of problem details.

/// Writes a JSON object (RFC 8259 §4) member by member. The names are constants of this crate that need no escaping.
///
/// Used instead of `serde_json`, which looks up every byte of every string in a table. With this writer, a 429 costs 23
/// % fewer instructions beyond the bare handler. Strings that need escaping still go through `serde_json`.
pub(super) struct JsonObjectWriter(Vec<u8>);

impl JsonObjectWriter {
    /// Starts an object with these members, which are JSON text. There is at least one.
    pub(super) fn new(members: &'static str) -> Self {
        let mut text = Vec::with_capacity(USUAL_LEN);
        text.push(b'{');
        text.extend_from_slice(members.as_bytes());
        Self(text)
    }

    pub(super) fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        self.write_string(value);
    }

    /// Writes a string that needs no escaping.
    pub(super) fn plain_string(&mut self, name: &str, value: &'static str) {
        self.name(name);
        self.write_plain_string(value);
    }

    pub(super) fn strings<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>) {
        self.name(name);
        self.0.push(b'[');
        for (index, value) in values.enumerate() {
            if index > 0 {
                self.0.push(b',');
            }
            self.write_string(value);
        }
        self.0.push(b']');
    }

    /// Closes the object and returns its text.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }

    /// Writes the name of the next member.
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// Writes a string (RFC 8259 §7).
    ///
    /// Control characters, quotes and backslashes must be escaped. Everything else, including text outside ASCII, is
    /// written as it is.
    fn write_string(&mut self, value: &str) {
        // A fold without branches, so that the compiler checks many bytes at once.
        let is_plain = |byte| (byte >= b' ') & (byte != b'"') & (byte != b'\\');
        if value.bytes().fold(true, |all_plain, byte| all_plain & is_plain(byte)) {
            self.write_plain_string(value);
        } else {
            self.0.extend_from_slice(serde_json::Value::from(value).to_string().as_bytes());
        }
    }

    fn write_plain_string(&mut self, value: &str) {
        self.0.push(b'"');
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'"');
    }
}

/// The length of nearly all problem details, so that the buffer is allocated once.
const USUAL_LEN: usize = 320;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn parse(object: JsonObjectWriter) -> Value {
        serde_json::from_slice(&object.finish()).expect("JSON")
    }

    #[test]
    fn an_object_has_its_members_in_order() {
        let mut object = JsonObjectWriter::new(r#""a":4"#);
        object.string("b", "c");
        object.strings("d", ["e", "f"].into_iter());
        object.strings("g", std::iter::empty());
        object.plain_string("h", "i");
        assert_eq!(object.finish(), br#"{"a":4,"b":"c","d":["e","f"],"g":[],"h":"i"}"#);
    }

    #[test]
    fn every_single_character_parses_to_itself() {
        for character in '\0'..='\u{ff}' {
            let mut object = JsonObjectWriter::new(r#""a":4"#);
            object.string("b", character.encode_utf8(&mut [0; 4]));
            assert_eq!(parse(object), json!({ "a": 4, "b": character }), "{character:?}");
        }
    }

    proptest! {
        #[test]
        fn every_string_parses_to_itself(texts in prop::collection::vec(".*|[\\x00-\\x7f]*", 0..4)) {
            let mut object = JsonObjectWriter::new(r#""a":4"#);
            let first = texts.first().map_or("", String::as_str);
            object.string("b", first);
            object.strings("c", texts.iter().map(String::as_str));
            prop_assert_eq!(parse(object), json!({ "a": 4, "b": first, "c": texts }));
        }
    }
}
