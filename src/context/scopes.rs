//! `Scopes`: a set of OAuth scope tokens (RFC 6749 §3.3).

use std::fmt;
use std::str::FromStr;

use crate::context::shared_str::SharedStr;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};

/// A set of OAuth scope tokens, in the order in which they were given (RFC 6749 §3.3).
///
/// Scope tokens are compared whole and case-sensitively. With the feature `serde`, the set is serialized as a list, and
/// deserialized from a list or a string.
///
/// ```
/// use portcullis::Scopes;
///
/// let scopes = Scopes::new(["read:valuations", "write:valuations"])?;
/// assert!(scopes.contains("read:valuations"));
/// assert!(!scopes.contains("read"));
/// assert_eq!(scopes.to_string(), "read:valuations write:valuations");
/// assert_eq!("read:valuations write:valuations".parse(), Ok(scopes));
/// # Ok::<(), portcullis::ConfigError>(())
/// ```
// The text of the claim, unchanged: reading a token's scopes allocates nothing. A token has few scopes, and a route
// checks few of them, so the text is searched in place.
#[derive(Clone, Debug)]
pub struct Scopes(SharedStr);

impl Scopes {
    /// Creates a set of these scope tokens. A repeated token is kept once.
    ///
    /// Each item is one token. A list in one string is an error, as its spaces would be part of a scope that no token
    /// has:
    ///
    /// ```
    /// use portcullis::Scopes;
    ///
    /// assert!(Scopes::new(["openid", "read:reports"]).is_ok());
    /// assert!(Scopes::new(["openid read:reports"]).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with every item that is not a scope token: an item that is empty, or has a character
    /// outside `%x21 / %x23-5B / %x5D-7E` (RFC 6749 §3.3), such as a space.
    pub fn new<I>(scopes: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut issues = ConfigIssues::default();
        let mut text = String::new();
        for scope in scopes {
            let scope = scope.as_ref();
            if !is_scope_token(scope) {
                let remedy = "write each scope as one item of printable ASCII without spaces, quotes and backslashes";
                let issue = ConfigIssue::new("Scopes::new", IssueKind::Invalid, "not a scope token", remedy);
                issues.add(issue.with_value(scope));
            } else if !words(&text).any(|known| known == scope) {
                push_word(&mut text, scope);
            }
        }
        issues.into_result(|| Self(text.into()))
    }

    /// Creates a set from the space-separated list of a token; `None` if a word is not a scope token.
    #[cfg(any(feature = "introspection", feature = "jwt"))]
    pub(crate) fn from_text(text: SharedStr) -> Option<Self> {
        let is_list = words(&text).all(is_scope_token);
        is_list.then_some(Self(text))
    }

    /// Returns whether the set contains this scope token.
    #[must_use]
    pub fn contains(&self, scope: &str) -> bool {
        let mut rest = self.0.as_bytes();
        // `rest` starts where a word starts.
        loop {
            // Compare before searching for the word's end: the wanted scope usually is among the first.
            if let Some([] | [b' ', ..]) = rest.strip_prefix(scope.as_bytes()) {
                // The text of an argument such as `a b` or the empty one may match, but is not a scope token.
                return !scope.is_empty() && !scope.as_bytes().contains(&b' ');
            }
            let Some(space) = rest.iter().position(|byte| *byte == b' ') else { return false };
            rest = rest.get(space + 1..).unwrap_or_default();
        }
    }

    /// Returns the scope tokens in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        words(&self.0)
    }

    /// Returns whether the set has no scope token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl Default for Scopes {
    /// Returns the empty set.
    fn default() -> Self {
        Self("".into())
    }
}

/// Two sets are equal if they have the same scope tokens in the same order.
impl PartialEq for Scopes {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Scopes {}

/// Parses scope tokens that are separated by spaces, as in the parameter `scope` of OAuth.
///
/// Additional spaces are ignored, so the empty text is the empty set. The errors are those of [`Scopes::new`].
impl FromStr for Scopes {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::new(words(text)).map_err(|error| error.with_setting("Scopes::from_str"))
    }
}

/// Writes the scope tokens with one space between them.
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
        for other in ["read", "read:", "READ:all", "read:all ", ""] {
            assert!(!scopes.contains(other), "{other:?}");
        }
    }

    #[test]
    fn a_scope_is_found_at_any_position_of_the_list() {
        let scopes = Scopes::from_text(SharedStr::from("ab  a b ")).unwrap();
        assert!(["ab", "a", "b"].iter().all(|scope| scopes.contains(scope)));
        assert!(!["ab a", "a b", "b ", " ", "", "abc", "c"].iter().any(|scope| scopes.contains(scope)));
    }

    #[test]
    fn every_invalid_item_is_reported() {
        let error = Scopes::new(["ok", "", "two words", "quo\"te", "back\\slash", "tab\t"]).unwrap_err();
        let reported: Vec<_> = error.issues().iter().filter_map(ConfigIssue::value).collect();
        assert_eq!(reported, ["", "two words", "quo\"te", "back\\slash", "tab\t"]);
    }

    #[test]
    fn a_repeated_scope_is_kept_once() {
        assert_eq!(Scopes::new(["a", "b", "a"]).unwrap().to_string(), "a b");
    }

    #[test]
    fn sets_are_equal_if_their_scopes_and_order_are() {
        let scopes = |list: &[&str]| Scopes::new(list).unwrap();
        assert_eq!(scopes(&["a", "b"]), Scopes::from_text("a  b".into()).unwrap());
        assert_ne!(scopes(&["a", "b"]), scopes(&["a"]));
        assert_ne!(scopes(&["a", "b"]), scopes(&["b", "a"]));
    }

    #[test]
    fn repeated_spaces_create_no_empty_scope() {
        let scopes = Scopes::from_text("  a   b ".into()).unwrap();
        assert_eq!(scopes.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(scopes.to_string(), "a b");
        assert!(!scopes.contains(""));
        assert!(!scopes.is_empty());
        assert!(Scopes::from_text("  ".into()).unwrap().is_empty());
    }

    #[test]
    fn scopes_are_parsed_from_text_without_repeated_spaces_and_scopes() {
        let scopes: Scopes = " a  b a ".parse().unwrap();
        assert_eq!(scopes.to_string(), "a b");
        assert_eq!("".parse(), Ok(Scopes::default()));
        let error = "a,b \"c\" d".parse::<Scopes>().unwrap_err();
        assert_eq!(error.issues().iter().filter_map(ConfigIssue::value).collect::<Vec<_>>(), ["\"c\""]);
    }

    #[test]
    fn only_the_ascii_space_separates_scopes() {
        for text in ["a\u{a0}b", "a\tb", "a\nb", "a\u{2003}b", "a\u{7f}"] {
            assert_eq!(Scopes::from_text(text.into()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_without_a_panic_to_scopes_that_parse_back(text in ".{0,24}") {
            if let Ok(scopes) = text.parse::<Scopes>() {
                prop_assert_eq!(scopes.to_string().parse(), Ok(scopes));
            }
        }

        #[test]
        fn a_scope_is_contained_if_it_is_one_of_the_words(text in "[ab ]{0,12}", scope in "[ab ]{0,4}") {
            let scopes = Scopes::from_text(SharedStr::from(text.as_str())).unwrap();
            let is_listed = scopes.iter().any(|held| held == scope);
            prop_assert_eq!(scopes.contains(&scope), is_listed, "{:?} in {:?}", scope, text);
        }

        #[test]
        fn displayed_scopes_parse_back_to_the_same_set(words in prop::collection::vec("[!#-\\[\\]-~]{1,12}", 0..8)) {
            let scopes = Scopes::new(&words).unwrap();
            let parsed = Scopes::from_text(scopes.to_string().into()).unwrap();
            prop_assert_eq!(&parsed, &scopes);
            prop_assert_eq!(scopes.to_string().parse(), Ok(scopes));
            for word in &words {
                prop_assert!(parsed.contains(word));
            }
        }
    }
}
