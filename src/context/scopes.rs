//! `Scopes`: a set of scope tokens (RFC 6749 §3.3).

use std::fmt;

use crate::context::Text;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

/// A set of scope tokens: case-sensitive words compared whole, in the order they were given (RFC 6749 §3.3).
///
/// ```
/// use portcullis::Scopes;
///
/// let scopes = Scopes::new(["read:valuations", "write:valuations"])?;
/// assert!(scopes.contains("read:valuations"));
/// assert!(!scopes.contains("read"));
/// assert_eq!(scopes.to_string(), "read:valuations write:valuations");
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scopes(Text);

impl Scopes {
    /// The given scope tokens.
    ///
    /// # Errors
    ///
    /// Names each word that is not a scope token: empty, or with a byte outside
    /// `%x21 / %x23-5B / %x5D-7E` (RFC 6749 §3.3), a space among them.
    pub fn new<I>(scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut problems = ConfigIssues::default();
        let mut text = String::new();
        for scope in scopes {
            let scope = scope.as_ref();
            if !is_scope_token(scope) {
                problems.add(
                    ConfigIssue::new(
                        "scope",
                        IssueKind::Invalid,
                        "not a scope token",
                        "give one word of printable ASCII without spaces, quotes or backslashes an item",
                    )
                    .with_value(scope),
                );
            } else if !words(&text).any(|known| known == scope) {
                push_word(&mut text, scope);
            }
        }
        problems.into_result(|| Self(text.into()))
    }

    /// A space-delimited list as a token carries it; `None` where a word is not a scope token.
    pub(crate) fn from_text(text: Text) -> Option<Self> {
        let is_list = words(&text).all(is_scope_token);
        is_list.then_some(Self(text))
    }

    /// Whether this very scope token is among them.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        let mut rest = self.0.as_bytes();
        loop {
            // Compared before its end is looked for: mostly it is among the first.
            if let Some([] | [b' ', ..]) = rest.strip_prefix(scope.as_bytes()) {
                return !scope.is_empty() && !scope.as_bytes().contains(&b' ');
            }
            let Some(blank) = rest.iter().position(|byte| *byte == b' ') else { return false };
            rest = rest.get(blank + 1..).unwrap_or_default();
        }
    }

    /// The scope tokens in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        words(&self.0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl Default for Scopes {
    fn default() -> Self {
        Self("".into())
    }
}

impl PartialEq for Scopes {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Scopes {}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

fn push_word(text: &mut String, word: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(word);
}

fn is_scope_token(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scope_is_compared_whole_and_case_sensitively() {
        let scopes = Scopes::new(["read:all"]).unwrap();
        assert!(scopes.contains("read:all"));
        for near in ["read", "read:", "READ:all", "read:all ", ""] {
            assert!(!scopes.contains(near), "{near:?}");
        }
    }

    #[test]
    fn a_scope_is_one_word_wherever_it_stands() {
        let scopes = Scopes::from_text(Text::from("ab  a b ")).unwrap();
        assert!(["ab", "a", "b"].iter().all(|scope| scopes.contains(scope)));
        assert!(!["ab a", "a b", "b ", " ", "", "abc", "c"].iter().any(|scope| scopes.contains(scope)));
    }

    #[test]
    fn every_bad_word_is_named() {
        let error = Scopes::new(["ok", "", "two words", "quo\"te", "back\\slash", "tab\t"]).unwrap_err();
        let named: Vec<_> = error.issues().iter().filter_map(ConfigIssue::value).collect();
        assert_eq!(named, ["", "two words", "quo\"te", "back\\slash", "tab\t"]);
    }

    #[test]
    fn a_scope_given_twice_stands_once() {
        assert_eq!(Scopes::new(["a", "b", "a"]).unwrap().to_string(), "a b");
    }

    #[test]
    fn scopes_are_equal_where_they_are_the_same_in_the_same_order() {
        let scopes = |list: &[&str]| Scopes::new(list).unwrap();
        assert_eq!(scopes(&["a", "b"]), Scopes::from_text("a  b".into()).unwrap());
        assert_ne!(scopes(&["a", "b"]), scopes(&["a"]));
        assert_ne!(scopes(&["a", "b"]), scopes(&["b", "a"]));
    }

    #[test]
    fn doubled_spaces_make_no_empty_scope() {
        let scopes = Scopes::from_text("  a   b ".into()).unwrap();
        assert_eq!(scopes.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(scopes.to_string(), "a b");
        assert!(!scopes.contains(""));
        assert!(!scopes.is_empty());
        assert!(Scopes::from_text("  ".into()).unwrap().is_empty());
    }

    #[test]
    fn a_unicode_space_or_a_control_character_is_no_delimiter() {
        for text in ["a\u{a0}b", "a\tb", "a\nb", "a\u{2003}b", "a\u{7f}"] {
            assert_eq!(Scopes::from_text(text.into()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_scope_is_contained_where_one_of_the_words_is_it(text in "[ab ]{0,12}", scope in "[ab ]{0,4}") {
            let scopes = Scopes::from_text(Text::from(text.as_str())).unwrap();
            prop_assert_eq!(scopes.contains(&scope), scopes.iter().any(|own| own == scope), "{:?} in {:?}", scope, text);
        }

        #[test]
        fn what_is_shown_reads_back_the_same(words in proptest::collection::vec("[!#-\\[\\]-~]{1,12}", 0..8)) {
            let scopes = Scopes::new(&words).unwrap();
            let again = Scopes::from_text(scopes.to_string().into()).unwrap();
            prop_assert_eq!(&again, &scopes);
            for word in &words {
                prop_assert!(again.contains(word));
            }
        }
    }
}
