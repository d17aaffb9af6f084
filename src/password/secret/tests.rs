//! How passwords are read and compared.

use proptest::prelude::*;

use super::*;

fn comparable(text: &str) -> Option<String> {
    Password::new(text).into_comparable().map(|text| text.to_string())
}

#[test]
fn nfc_and_nfd_are_the_same_password_and_nfkc_is_not() {
    assert_eq!(comparable("caf\u{e9}"), comparable("cafe\u{301}"));
    assert_ne!(comparable("\u{fb01}"), comparable("fi"));
}

#[test]
fn spaces_outside_ascii_equal_u0020_and_nothing_is_trimmed_or_folded() {
    for space in ['\u{a0}', '\u{1680}', '\u{2000}', '\u{2003}', '\u{200a}', '\u{202f}', '\u{205f}', '\u{3000}'] {
        assert_eq!(comparable(&format!("a{space}b")).as_deref(), Some("a b"), "{space:?}");
    }
    assert_eq!(comparable(" Pass Word  ").as_deref(), Some(" Pass Word  "));
}

#[test]
fn a_nul_a_control_character_and_an_unpaired_surrogate_match_no_hash() {
    for text in ["pw\0x", "pw\tx", "pw\nx", "pw\u{7f}x", "pw\u{85}x"] {
        assert_eq!(comparable(text), None, "{text:?}");
        assert!(Password::new(text).into_nfc().is_ok());
    }
    let surrogate: Password = serde_json::from_str(r#""pw\ud800x""#).unwrap();
    assert_eq!(surrogate.into_nfc().err(), Some(PasswordProblem::InvalidCharacter));
}

#[test]
fn a_password_deserializes_from_json_and_from_a_form() {
    let from_json: Password = serde_json::from_str(r#""p\u00e4ss \"word\"""#).unwrap();
    assert_eq!(from_json.expose(), "p\u{e4}ss \"word\"");
    #[derive(serde::Deserialize)]
    struct Form {
        password: Password,
    }
    let nested: Form = serde_json::from_value(serde_json::json!({ "password": "secret" })).unwrap();
    assert_eq!(nested.password.expose(), "secret");
    for other in ["[\"secret\"]", "[115, 101]", "7", "null", "{}", "true"] {
        assert!(serde_json::from_str::<Password>(other).is_err(), "{other}");
    }
}

#[test]
fn more_than_1_024_bytes_are_an_error_that_does_not_contain_the_text() {
    let json = |bytes: usize| serde_json::to_string(&"x".repeat(bytes)).unwrap();
    assert_eq!(serde_json::from_str::<Password>(&json(1_024)).unwrap().expose().len(), 1_024);
    let error = serde_json::from_str::<Password>(&json(1_025)).unwrap_err().to_string();
    assert!(error.starts_with("the password has more than 1024 bytes"), "{error}");
    assert!(!error.contains("xx"), "{error}");
    assert!(Password::new("x".repeat(1_025)).into_comparable().is_none());
}

#[test]
fn debug_is_redacted() {
    assert_eq!(format!("{:?}", Password::new("secret")), "Password([redacted])");
}

proptest! {
    #[test]
    fn normalized_text_is_normalized_again_to_itself_and_never_moves(text in "\\PC{0,120}") {
        let Some(once) = Password::new(text.clone()).into_comparable() else { return Ok(()) };
        prop_assert!(once.len() <= MAX_GROWTH * text.len().max(1));
        prop_assert_eq!(Password::new(once.to_string()).into_comparable().unwrap(), once);
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = serde_json::from_slice::<Password>(&bytes).map(|password| password.into_nfc().is_ok());
    }
}
