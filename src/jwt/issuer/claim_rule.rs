//! `ClaimRule`: what a preset requires of a provider's tokens beyond the standard checks.

use std::time::Duration;

use crate::claims::claim_path::ClaimPath;
use crate::claims::numeric_date;
use crate::gate::TokenError;
use crate::jwt::issuer::claim_pin::ClaimPin;
use crate::strict_json::{Object, is_null, string};

/// A check of a preset on the claims of a token. Those of the app are `ClaimPin`s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimRule {
    /// The claim is absent, unless a pin of the app requires a value.
    AbsentOrPinned(&'static str),
    /// The claim is absent or `false`.
    AbsentOrFalse(&'static str),
    /// At least one of the claims is a string that is not empty.
    Either(&'static str, &'static str),
    /// If both claims are present, they are equal.
    Equal(&'static str, &'static str),
    /// The claim is a string of at most this many characters.
    MaxLen(&'static str, usize),
    /// The claim is not this string.
    Not(&'static str, &'static str),
    /// The claim is a date that is not in the future.
    NotInFuture(&'static str),
    /// The claim is a string with this prefix, and more after it.
    StartsWith(&'static str, &'static str),
}

impl ClaimRule {
    /// Checks the rule. `pins` are those of the app, and `latest` is the current time and the leeway, since 1970.
    ///
    /// # Errors
    ///
    /// Returns [`TokenError::ClaimMismatch`] with the name of the claim.
    pub(crate) fn check(self, claims: &Object<'_>, pins: &[ClaimPin], latest: Duration) -> Result<(), TokenError> {
        let value = |name| claims.get(name).filter(|value| !is_null(value));
        let text = |name| value(name).and_then(string);
        let (name, is_met) = match self {
            Self::AbsentOrPinned(name) => {
                (name, value(name).is_none() || pins.iter().any(|pin| pin.claim.text() == name))
            }
            Self::AbsentOrFalse(name) => (name, value(name).is_none_or(|value| value == "false")),
            Self::Either(first, second) => {
                let is_present = |name| text(name).is_some_and(|text| !text.is_empty());
                (second, is_present(first) || is_present(second))
            }
            Self::Equal(first, second) => {
                // Compared as JSON values of strings, so that a number is never equal to a string.
                let is_equal = || text(first).is_some() && text(first) == text(second);
                (first, value(first).is_none() || is_equal())
            }
            Self::MaxLen(name, max) => (name, text(name).is_some_and(|text| text.chars().count() <= max)),
            Self::Not(name, forbidden) => (name, text(name).is_none_or(|text| text != forbidden)),
            Self::NotInFuture(name) => {
                (name, value(name).and_then(numeric_date::parse).is_some_and(|date| date <= latest))
            }
            Self::StartsWith(name, prefix) => {
                (name, text(name).is_some_and(|text| text.len() > prefix.len() && text.starts_with(prefix)))
            }
        };
        if is_met { Ok(()) } else { Err(ClaimPath::new(name).mismatch()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_met(rule: ClaimRule, claims: &str) -> bool {
        let checked = rule.check(&Object::parse(claims).unwrap(), &[], Duration::from_secs(100));
        assert!(checked.is_ok() || checked == Err(TokenError::claim_mismatch("a")));
        checked.is_ok()
    }

    #[test]
    fn equal_claims_are_the_same_string_if_the_first_is_present() {
        let rule = ClaimRule::Equal("a", "b");
        for claims in ["{}", r#"{"a":null,"b":"1"}"#, r#"{"b":"1"}"#, r#"{"a":"1","b":"1"}"#] {
            assert!(is_met(rule, claims), "{claims}");
        }
        for claims in [r#"{"a":"1"}"#, r#"{"a":"1","b":"2"}"#, r#"{"a":1,"b":1}"#, r#"{"a":"1","b":1}"#] {
            assert!(!is_met(rule, claims), "{claims}");
        }
    }

    #[test]
    fn a_bounded_claim_is_counted_in_characters() {
        let rule = ClaimRule::MaxLen("a", 2);
        assert!(is_met(rule, r#"{"a":"éé"}"#) && is_met(rule, r#"{"a":""}"#));
        for claims in [r#"{"a":"abc"}"#, "{}", r#"{"a":1}"#, r#"{"a":null}"#] {
            assert!(!is_met(rule, claims), "{claims}");
        }
    }

    #[test]
    fn a_forbidden_value_is_compared_after_decoding() {
        let pending = ClaimRule::Not("a", "pending");
        assert!(!is_met(pending, r#"{"a":"pending"}"#) && !is_met(pending, r#"{"a":"p\u0065nding"}"#));
        assert!(is_met(pending, r#"{"a":"active"}"#) && is_met(pending, r#"{"a":null}"#) && is_met(pending, "{}"));
    }

    #[test]
    fn whatever_is_not_false_may_be_true() {
        let rule = ClaimRule::AbsentOrFalse("a");
        for claims in ["{}", r#"{"a":null}"#, r#"{"a":false}"#] {
            assert!(is_met(rule, claims), "{claims}");
        }
        for claims in [r#"{"a":true}"#, r#"{"a":"true"}"#, r#"{"a":1}"#, r#"{"a":"false"}"#, r#"{"a":[]}"#] {
            assert!(!is_met(rule, claims), "{claims}");
        }
    }

    #[test]
    fn one_of_two_claims_is_a_string() {
        let rule = ClaimRule::Either("b", "a");
        assert!(is_met(rule, r#"{"a":"x"}"#) && is_met(rule, r#"{"b":"x"}"#));
        for claims in ["{}", r#"{"a":null}"#, r#"{"a":""}"#, r#"{"a":1,"b":["x"]}"#] {
            assert!(!is_met(rule, claims), "{claims}");
        }
    }

    #[test]
    fn a_claim_of_other_tokens_is_accepted_only_with_a_pin() {
        let rule = ClaimRule::AbsentOrPinned("a");
        assert!(is_met(rule, "{}") && is_met(rule, r#"{"a":null}"#) && !is_met(rule, r#"{"a":"x"}"#));
        let claims = Object::parse(r#"{"a":"x"}"#).unwrap();
        for (pin, is_met) in [("a", true), ("b", false)] {
            let pins = [ClaimPin::equals("require_claim", pin, ["x"])];
            assert_eq!(rule.check(&claims, &pins, Duration::ZERO).is_ok(), is_met, "{pin}");
        }
    }

    #[test]
    fn a_date_is_required_and_not_in_the_future() {
        let rule = ClaimRule::NotInFuture("a");
        assert!(is_met(rule, r#"{"a":100}"#) && is_met(rule, r#"{"a":1}"#));
        for claims in [r#"{"a":101}"#, "{}", r#"{"a":"1"}"#, r#"{"a":null}"#] {
            assert!(!is_met(rule, claims), "{claims}");
        }
    }

    #[test]
    fn a_prefix_has_something_after_it() {
        let rule = ClaimRule::StartsWith("a", "x:");
        assert!(is_met(rule, r#"{"a":"x:y"}"#));
        for claims in [r#"{"a":"x:"}"#, r#"{"a":"y"}"#, "{}", r#"{"a":["x:y"]}"#] {
            assert!(!is_met(rule, claims), "{claims}");
        }
    }
}
