//! `ClaimPin`: a claim that must have one of some values.

use crate::claims::claim_path::ClaimPath;
use crate::gate::TokenError;
use crate::strict_json::{Object, array, string};

/// A claim that must have one of some values.
#[derive(Clone, Debug)]
pub(crate) struct ClaimPin {
    /// The method of [`Issuer`](crate::Issuer) that set it, for errors.
    pub(crate) setter: &'static str,
    pub(crate) claim: ClaimPath,
    pub(crate) values: Box<[String]>,
    /// Whether the claim is an array with such a value as a member.
    is_member: bool,
}

impl ClaimPin {
    /// A string that equals one of the values.
    pub(crate) fn equals(setter: &'static str, claim: &str, values: impl IntoIterator<Item: Into<String>>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self { setter, claim: ClaimPath::new(claim.to_owned()), values, is_member: false }
    }

    /// An array with one of the values as a member.
    pub(crate) fn contains(setter: &'static str, claim: &str, values: impl IntoIterator<Item: Into<String>>) -> Self {
        Self { is_member: true, ..Self::equals(setter, claim, values) }
    }

    /// Checks that the claim has one of the values.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::ClaimMismatch`] with the name of the claim.
    pub(crate) fn check(&self, claims: &Object<'_>) -> Result<(), TokenError> {
        let is_allowed = |text: &str| string(text).is_some_and(|value| self.values.iter().any(|own| *own == *value));
        let is_match = match self.claim.find(claims) {
            Ok(Some(value)) if self.is_member => {
                array(value).is_some_and(|items| items.iter().any(|i| is_allowed(i.get())))
            }
            Ok(Some(value)) => is_allowed(value),
            Ok(None) | Err(_) => false,
        };
        if is_match { Ok(()) } else { Err(self.claim.mismatch()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(claim: &str, is_member: bool, claims: &str) -> Result<(), TokenError> {
        let create = if is_member { ClaimPin::contains } else { ClaimPin::equals };
        create("", claim, ["a", "é"]).check(&Object::parse(claims).unwrap())
    }

    #[test]
    fn a_required_claim_is_a_string_that_equals_one_of_the_values_byte_for_byte() {
        for value in [r#""a""#, r#""\u0061""#, r#""é""#] {
            assert_eq!(check("x", false, &format!(r#"{{"x":{value}}}"#)), Ok(()), "{value}");
        }
        // The last is é in decomposed form (NFD).
        for value in
            ["null", "1", "true", "{}", "[]", r#"["a"]"#, r#""""#, r#""A""#, r#""a ""#, r#""b""#, "\"e\u{301}\""]
        {
            let claims = format!(r#"{{"x":{value},"a":"a"}}"#);
            assert_eq!(check("x", false, &claims), Err(TokenError::claim_mismatch("x")), "{value}");
        }
        assert_eq!(check("x", false, "{}"), Err(TokenError::claim_mismatch("x")));
    }

    #[test]
    fn an_array_matches_by_any_member_with_contains_claim() {
        for value in [r#"["a"]"#, r#"["b","a"]"#, r#"[1,null,"é"]"#] {
            assert_eq!(check("x", true, &format!(r#"{{"x":{value}}}"#)), Ok(()), "{value}");
        }
        for value in ["null", "1", "[]", r#""a""#, r#"[["a"]]"#, r#"["A"]"#, r#"{"a":"a"}"#] {
            let claims = format!(r#"{{"x":{value}}}"#);
            assert_eq!(check("x", true, &claims), Err(TokenError::claim_mismatch("x")), "{value}");
        }
        assert_eq!(check("x", true, "{}"), Err(TokenError::claim_mismatch("x")));
    }

    #[test]
    fn a_pointer_pins_a_nested_claim() {
        assert_eq!(check("/o/id", false, r#"{"o":{"id":"a"}}"#), Ok(()));
        for claims in [r#"{"o":{"id":"b"}}"#, r#"{"o":null}"#, r#"{"o":"a"}"#, r#"{"id":"a"}"#] {
            assert_eq!(check("/o/id", false, claims), Err(TokenError::claim_mismatch("/o/id")), "{claims}");
        }
    }
}
