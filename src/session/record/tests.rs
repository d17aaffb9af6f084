//! Tests of the JSON of a record.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::context::{Identity, Permission, Scopes};
use crate::record_store::StoreError;
use crate::session::error::SessionError;

/// A session of a user, whose id and digest are made from this number.
pub(in crate::session) fn record(number: u8, user: &str) -> SessionRecord {
    SessionRecord {
        id: SessionId::parse(&format!("{number:022}")).unwrap(),
        digest: SessionDigest::from_bytes([number; 32]),
        csrf_key: CsrfKey::from_hex(&hex::encode([number; 32])).unwrap(),
        user: UserContext::new(user),
        created_at: 1_800_000_000,
        logged_in_at: 1_800_000_000,
        expires_at: 1_800_043_200,
        is_remembered: false,
        address: None,
        user_agent: None,
        replacement: None,
        last_used_at: 1_800_000_000,
    }
}

fn whole() -> SessionRecord {
    let user = UserContext::new("ann")
        .with_issuer("https://id.example.com")
        .with_session_id("sid-7")
        .with_permissions([Permission::new("read:page").unwrap()])
        .with(|identity: &mut Identity| {
            identity.tenant = Some("acme".into());
            identity.client_id = Some("web".into());
            identity.email = Some("ann@example.com".into());
            identity.is_email_verified = true;
            identity.name = Some("Ann \u{e4}".into());
            identity.scopes = Scopes::new(["read", "write"]).unwrap();
            identity.roles = ["editor".into()].into();
            identity.tier_name = Some("pro".into());
            identity.acr = Some("2".into());
            identity.amr = ["pwd".into(), "otp".into()].into();
            identity.auth_time = Some(Duration::from_secs(1_799_999_990));
        });
    SessionRecord {
        user,
        created_at: 1_799_999_000,
        is_remembered: true,
        address: Some("2001:db8::7".parse().unwrap()),
        user_agent: Some("Firefox \"1\"".to_owned()),
        replacement: Some(Replacement { nonce: [9; 16], valid_until: 1_800_000_010 }),
        ..record(1, "ann")
    }
}

#[test]
fn a_stored_record_is_read_back_whole() {
    let record = whole();
    let read = SessionRecord::from_json(&record.to_json()).unwrap();
    assert_eq!(read.to_json(), record.to_json());
    assert_eq!((read.id, read.digest, read.csrf_key.to_hex()), (record.id, record.digest, record.csrf_key.to_hex()));
    assert_eq!((read.created_at, read.logged_in_at, read.expires_at), (1_799_999_000, 1_800_000_000, 1_800_043_200));
    assert_eq!((read.is_remembered, read.address, read.user_agent()), (true, record.address, Some("Firefox \"1\"")));
    assert_eq!((read.replacement, read.last_used_at), (record.replacement, 1_800_000_000));
    assert_eq!((read.owner_issuer(), read.owner_id()), (Some("https://id.example.com"), "ann"));
    let user = read.user();
    assert_eq!((user.tenant(), user.client_id(), user.session_id()), (Some("acme"), Some("web"), Some("sid-7")));
    assert_eq!((user.email(), user.email_verified(), user.name()), (Some("ann@example.com"), true, Some("Ann \u{e4}")));
    assert_eq!(
        (user.scopes().to_string(), user.tier_name(), user.acr()),
        ("read write".to_owned(), Some("pro"), Some("2"))
    );
    let texts = |texts: &[crate::context::SharedStr]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    let identity = user.identity();
    assert_eq!(
        (texts(&identity.roles), texts(&identity.amr)),
        (vec!["editor".to_owned()], vec!["pwd".to_owned(), "otp".to_owned()])
    );
    assert_eq!(texts(&identity.permissions), ["read:page"]);
    assert_eq!(identity.auth_time, Some(Duration::from_secs(1_799_999_990)));
}

#[test]
fn absent_values_are_not_in_the_json() {
    let json = record(1, "ann").to_json();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let members: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["created_at", "csrf_key", "digest", "expires_at", "id", "logged_in_at", "user"]);
    assert_eq!(value["user"], serde_json::json!({ "id": "ann" }));
}

#[test]
fn a_record_with_an_invalid_or_missing_member_is_unreadable_and_not_read_in_part() {
    let json = whole().to_json();
    for (valid, invalid) in [
        ("\"digest\":\"01", "\"digest\":\""),
        ("\"csrf_key\":\"01", "\"csrf_key\":\""),
        ("\"csrf_key\":", "\"csrf\":"),
        (&format!("\"{}\"", whole().id), "\"0\""),
        ("\"nonce\":\"09", "\"nonce\":\""),
        ("2001:db8::7", "2001:db8::g"),
        ("\"read write\"", "\"read \\\"write\""),
        ("\"id\":\"ann\"", "\"id\":\"\""),
        ("\"created_at\":", "\"created_at\":-"),
        ("\"logged_in_at\":", "\"loggedInAt\":"),
    ] {
        let changed = json.replacen(valid, invalid, 1);
        assert_ne!(changed, json, "{valid}");
        let error = SessionRecord::from_json(&changed).unwrap_err();
        assert!(matches!(error, StoreError::Unreadable), "{changed}");
        assert!(!format!("{error} {error:?}").contains("example"), "the error has nothing of the record");
    }
    for earlier in ["", "{}", "null", "[]", "{\"v\":0,\"user_id\":\"ann\"}"] {
        assert!(matches!(SessionRecord::from_json(earlier), Err(StoreError::Unreadable)), "{earlier}");
    }
    let later = json.replacen('{', "{\"unknown\":1,", 1);
    assert_eq!(SessionRecord::from_json(&later).unwrap().to_json(), json);
}

#[test]
fn a_record_has_at_most_4_kib() {
    let of_name = |len: usize| {
        let name = "a".repeat(len);
        record(1, "ann").user.with(|identity| identity.name = Some(name.as_str().into()))
    };
    let json_of = |len| SessionRecord { user: of_name(len), ..record(1, "ann") };
    let rest = json_of(1).to_json().len() - 1;
    assert_eq!(json_of(4_096 - rest).to_json().len(), 4_096);
    assert!(json_of(4_096 - rest).for_store().is_ok());
    assert!(matches!(json_of(4_097 - rest).for_store(), Err(SessionError::TooLarge)));
    let without_id = SessionRecord { user: UserContext::new(""), ..record(1, "ann") };
    assert!(matches!(without_id.for_store(), Err(SessionError::UserInvalid)));
}

#[test]
fn a_record_for_a_store_keeps_its_last_use() {
    let record = SessionRecord { last_used_at: 1_800_000_500, ..whole() };
    assert_eq!(record.clone().for_store().unwrap().last_used_at, 1_800_000_500);
    let at = |seconds| to_system_time(seconds);
    assert_eq!(record.clone().with_last_used_at(at(1_800_000_499)).last_used_at, 1_800_000_500);
    assert_eq!(record.with_last_used_at(at(1_800_000_501)).last_used_at(), at(1_800_000_501));
}

#[test]
fn debug_shows_no_key_and_no_digest() {
    let debug = format!("{:?}", whole());
    assert!(!debug.contains("0101") && !debug.contains("1, 1, 1"), "{debug}");
}

prop_compose! {
    fn records()(
        number in any::<u8>(),
        times in any::<[u64; 4]>(),
        is_remembered in any::<bool>(),
        address in of(any::<IpAddr>()),
        user_agent in of("[ -~]{0,40}"),
        nonce in of(any::<[u8; 16]>()),
        texts in vec(of(".{0,10}"), 8),
        lists in vec(vec(".{0,10}", 0..3), 3),
        scopes in vec("[!#-\\[\\]-~]{1,10}", 0..3),
    ) -> SessionRecord {
        let text = |index: usize| texts[index].as_deref().map(Into::into);
        let list = |index: usize| lists[index].iter().map(|text| text.as_str().into()).collect();
        let user = UserContext::new("ann").with(|identity| {
            identity.tenant = text(0);
            identity.client_id = text(1);
            identity.email = text(2);
            identity.name = text(3);
            identity.tier_name = text(4);
            identity.acr = text(5);
            identity.session_id = text(6);
            identity.issuer = texts[7].as_deref().map(Into::into);
            identity.roles = list(0);
            identity.permissions = list(1);
            identity.amr = list(2);
            identity.is_email_verified = is_remembered;
            identity.scopes = scopes.join(" ").parse().unwrap();
        });
        SessionRecord {
            user,
            created_at: times[0],
            logged_in_at: times[1],
            expires_at: times[2],
            is_remembered,
            address,
            user_agent,
            replacement: nonce.map(|nonce| Replacement { nonce, valid_until: times[3] }),
            ..record(number, "ann")
        }
    }
}

proptest! {
    #[test]
    fn any_record_is_read_back_as_it_was_written(record in records()) {
        let json = record.to_json();
        let read = SessionRecord::from_json(&json).unwrap();
        prop_assert_eq!(read.to_json(), json);
        prop_assert_eq!(format!("{:?}", read.replacement), format!("{:?}", record.replacement));
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,80}") {
        prop_assert!(SessionRecord::from_json(&text).is_err());
    }
}
