//! `ClaimPath`: the location of a claim, as a name or a JSON Pointer.

use std::borrow::Cow;

use crate::gate::TokenError;
use crate::strict_json::{Object, is_null};

/// The location of a claim: the name of a member, or a JSON Pointer (RFC 6901) to a nested one.
///
/// Unlike a full JSON Pointer, it never selects an element of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimPath {
    /// As it was configured, for errors. The name itself, unless it is a pointer.
    text: Cow<'static, str>,
    /// The unescaped names of a pointer; empty for a name.
    pointer: Box<[Box<str>]>,
}

impl ClaimPath {
    /// The claim with this name or at this pointer. A name with a leading slash is always a pointer.
    pub(crate) fn new(claim: impl Into<Cow<'static, str>>) -> Self {
        let text = claim.into();
        // RFC 6901 §4: `~1` is replaced first, so that `~01` becomes `~1`. The other order would make it a slash.
        let unescape = |name: &str| name.replace("~1", "/").replace("~0", "~").into();
        let pointer = text.strip_prefix('/').map(|names| names.split('/').map(unescape).collect());
        Self { pointer: pointer.unwrap_or_default(), text }
    }

    /// The name or pointer, as it was configured.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the name is empty. Such a claim is never present.
    pub(crate) fn is_empty(&self) -> bool {
        match self.pointer.first() {
            Some(name) => name.is_empty(),
            None => self.text.is_empty(),
        }
    }

    /// Returns the claim's JSON text. A claim inside `null` is absent, like `null` itself.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::ClaimInvalid`] if a claim around it is neither an object nor `null`.
    pub(crate) fn find<'a>(&self, claims: &Object<'a>) -> Result<Option<&'a str>, TokenError> {
        let Some((first, nested)) = self.pointer.split_first() else { return Ok(claims.get(&self.text)) };
        let mut found = claims.get(first);
        for name in nested {
            let Some(value) = found.filter(|value| !is_null(value)) else { return Ok(None) };
            let object = Object::parse(value).ok_or_else(|| self.invalid())?;
            found = object.get(name);
        }
        Ok(found)
    }

    /// Returns the error of a value that has the wrong type.
    ///
    /// It names the claim as the settings do, so that a developer can find it in the token.
    pub(crate) fn invalid(&self) -> TokenError {
        TokenError::claim_invalid(self.text.clone())
    }

    /// Returns the error of an absent claim.
    pub(crate) fn missing(&self) -> TokenError {
        TokenError::claim_missing(self.text.clone())
    }

    /// Returns the error of a claim that does not have the value that the settings require.
    #[cfg(feature = "jwt")]
    pub(crate) fn mismatch(&self) -> TokenError {
        TokenError::claim_mismatch(self.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_a_member_and_a_pointer_a_nested_one() {
        let claims = Object::parse(r#"{"a":{"b/c":{"~1":1}},"a.b":2,"https://x/y":3,"none":null}"#).unwrap();
        for (path, value) in [
            ("a.b", Some("2")),
            ("https://x/y", Some("3")),
            ("/a/b~1c/~01", Some("1")),
            ("/none", Some("null")),
            ("/none/x/y", None),
            ("/a/none/x", None),
            ("a/b~1c", None),
            ("absent", None),
        ] {
            assert_eq!(ClaimPath::new(path).find(&claims), Ok(value), "{path}");
        }
        let inside_a_number = ClaimPath::new("/a.b/x");
        assert_eq!(inside_a_number.find(&claims), Err(TokenError::claim_invalid("/a.b/x")));
    }

    #[test]
    fn an_empty_name_is_detected() {
        for path in ["", "/", "//a"] {
            assert!(ClaimPath::new(path).is_empty(), "{path:?}");
        }
        assert!(!ClaimPath::new("/a").is_empty() && !ClaimPath::new("a").is_empty());
    }
}
