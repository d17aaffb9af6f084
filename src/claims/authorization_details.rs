//! The claim `authorization_details` (RFC 9396).

use serde_json::value::RawValue;

use crate::gate::TokenError;
use crate::strict_json::{Object, array, string};

/// Checks that `authorization_details`, if present, is an array of objects with a string `type` (RFC 9396 §2).
///
/// # Errors
///
/// Returns [`TokenError::ClaimInvalid`].
pub(crate) fn check(claims: &Object<'_>) -> Result<(), TokenError> {
    let Some(details) = claims.get("authorization_details") else { return Ok(()) };
    let has_type = |entry: &&RawValue| {
        let entry = Object::parse(entry.get());
        entry.is_some_and(|entry| entry.get("type").and_then(string).is_some())
    };
    let is_valid = array(details).is_some_and(|entries| entries.iter().all(has_type));
    if is_valid { Ok(()) } else { Err(TokenError::claim_invalid("authorization_details")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorization_details_are_an_array_of_objects_with_a_string_type() {
        let checked = |details: &str| {
            let claims = format!(r#"{{"authorization_details":{details}}}"#);
            check(&Object::parse(&claims).unwrap())
        };
        for details in ["[]", r#"[{"type":"a"}]"#, r#"[{"type":"a","x":{}},{"type":""}]"#] {
            assert_eq!(checked(details), Ok(()), "{details}");
        }
        for details in [
            "null",
            "{}",
            r#""a""#,
            "7",
            r#"{"type":"a"}"#,
            "[{}]",
            r#"["a"]"#,
            "[null]",
            r#"[{"type":7}]"#,
            r#"[{"type":["a"]}]"#,
            r#"[{"type":null}]"#,
            r#"[{"type":"a"},{"Type":"a"}]"#,
            r#"[[{"type":"a"}]]"#,
        ] {
            assert_eq!(checked(details), Err(TokenError::claim_invalid("authorization_details")), "{details}");
        }
    }
}
