//! Tests of `UserContext`: privileges, setters, `Debug`.

use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::context::roles::Roles;
use crate::context::tiers::Tiers;
use crate::context::{Credential, Permission, Scopes};

fn roles() -> Roles {
    Roles::builder()
        .role("reader", ["read:page", "read:log"])
        .role("editor", ["write:page", "*:draft"])
        .inherits("editor", ["reader"])
        .build()
        .unwrap()
}

fn permission(text: &str) -> Permission {
    Permission::new(text).unwrap()
}

fn editor() -> UserContext {
    UserContext::new("ann").with_role_table(roles()).with_roles(["editor"])
}

#[test]
fn permissions_are_direct_and_granted_sorted_without_duplicates() {
    let user = editor().with_roles(["reader", "editor"]);
    let user = user.with_permissions(["read:page", "a:z", "write:page", "a:z"].map(permission));
    let found: Vec<_> = user.permissions().collect();
    assert_eq!(found, ["*:draft", "a:z", "read:log", "read:page", "write:page"]);
}

#[test]
fn a_permission_comes_from_a_role_or_directly() {
    let user = editor().with_permissions([permission("delete:page")]);
    for permission in ["delete:page", "write:page", "read:page", "delete:draft"] {
        assert!(user.has_permission(permission), "{permission}");
    }
    for other in ["delete:log", "write:log", "*:draft", "page", "", ":", "read:page "] {
        assert!(!user.has_permission(other), "{other:?}");
    }
}

#[test]
fn without_a_table_a_role_grants_and_inherits_nothing() {
    let user = UserContext::new("ann").with_roles(["editor"]);
    assert!(user.has_role("editor") && !user.has_role("reader"));
    assert!(!user.has_permission("write:page"));
    assert_eq!(user.permissions().count(), 0);
}

#[test]
fn a_role_unknown_to_the_table_grants_nothing_but_is_still_a_role() {
    let user = editor().with_roles(["guest"]);
    assert!(user.has_role("guest") && !user.has_role("reader"));
    assert_eq!(user.permissions().count(), 0);
}

#[test]
fn a_new_user_has_no_privileges() {
    let user = UserContext::new("ann");
    assert!(!user.has_scope("") && !user.has_role("") && !user.has_permission("") && !user.has_tier(""));
    assert_eq!((user.id(), user.issuer(), user.tier_name(), user.raw_claims()), ("ann", None, None, "{}"));
    assert_eq!(user.principal(), Principal::User);
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Tenant {
    tenant: String,
}

#[test]
fn claims_deserialize_to_a_custom_type() {
    let user = UserContext::new("ann").with_raw_claims(r#"{"sub":"ann","tenant":"acme"}"#);
    assert_eq!(user.claims::<Tenant>(), Ok(Tenant { tenant: "acme".to_owned() }));
    assert!(UserContext::new("ann").claims::<Tenant>().is_err());
    assert!(UserContext::new("ann").claims::<serde_json::Map<String, serde_json::Value>>().unwrap().is_empty());
}

#[test]
fn a_claims_error_has_the_position_and_no_value() {
    for claims in
        [r#"{"tenant":{"secret":1}}"#, r#"{"tenant":"secret"#, r#"{"secret":"secret"}"#, r#"{"tenant":471147}"#]
    {
        let error = UserContext::new("ann").with_raw_claims(claims).claims::<Tenant>().unwrap_err();
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("secret") && !text.contains("471147"), "{text}");
        }
        assert!(error.to_string().contains("at line 1 column "), "{error}");
    }
}

#[test]
fn a_claims_error_names_a_missing_field() {
    let error = UserContext::new("ann").with_raw_claims(r#"{"sub":"ann"}"#).claims::<Tenant>().unwrap_err();
    assert_eq!(error.to_string(), "the claims lack the field `tenant`, at line 1 column 13");
}

#[cfg(feature = "axum")]
#[test]
fn the_token_is_at_fault_unless_no_claims_fit_the_type() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Only {
        #[expect(dead_code, reason = "only deserialized")]
        tenant: String,
    }

    fn is_of_token<T: serde::de::DeserializeOwned + std::fmt::Debug>(claims: &str) -> bool {
        UserContext::new("ann").with_raw_claims(claims).claims::<T>().unwrap_err().is_of_token()
    }
    assert!(is_of_token::<Tenant>(r#"{"sub":"ann"}"#));
    assert!(is_of_token::<Tenant>(r#"{"tenant":7}"#));
    assert!(is_of_token::<std::collections::BTreeMap<String, String>>(r#"{"tenant":7}"#));
    assert!(!is_of_token::<String>(r#"{"tenant":"acme"}"#));
    assert!(!is_of_token::<Vec<String>>(r#"{"tenant":"acme"}"#));
    assert!(!is_of_token::<u32>(r#"{}"#));
    assert!(!is_of_token::<Only>(r#"{"tenant":"acme","sub":"ann"}"#));
    assert!(!is_of_token::<Tenant>("no JSON"));
}

#[test]
fn a_record_is_returned_only_as_its_own_type() {
    let user = UserContext::new("ann").with_record(7_u32);
    assert_eq!((user.record::<u32>(), user.record::<i32>()), (Some(&7), None));
    assert_eq!(user.clone().with_record("row").record::<u32>(), None);
    assert_eq!(user.record::<u32>(), Some(&7));
    assert_eq!(UserContext::new("ann").record::<u32>(), None);
}

#[test]
fn each_setter_replaces_the_value() {
    let tiers = Tiers::ascending(["basic", "gold"]).unwrap();
    let of = |word: &str, tier: &str| {
        UserContext::new("ann")
            .with_tenant(word)
            .with_client_id(word)
            .with_email(word)
            .with_name(word)
            .with_scopes(Scopes::new([word]).unwrap())
            .with_roles([word])
            .with_permissions([permission(&format!("{word}:it"))])
            .with_tier(tiers.get(tier).unwrap())
            .with_raw_claims(format!(r#"{{"word":"{word}"}}"#))
    };
    let first = of("one", "gold").with_principal(Principal::Client);
    let second = of("two", "basic");
    let changed = first
        .clone()
        .with_tenant("two")
        .with_client_id("two")
        .with_email("two")
        .with_name("two")
        .with_scopes(Scopes::new(["two"]).unwrap())
        .with_roles(["two"])
        .with_permissions([permission("two:it")])
        .with_tier(tiers.get("basic").unwrap())
        .with_raw_claims(r#"{"word":"two"}"#)
        .with_principal(Principal::User);
    assert_eq!(all(&changed), all(&second));
    assert_eq!(all(&first), all(&of("one", "gold").with_principal(Principal::Client)));
}

/// The values of all setters.
fn all(user: &UserContext) -> Vec<String> {
    let texts = [user.tenant(), user.client_id(), user.email(), user.name(), user.tier_name(), Some(user.raw_claims())];
    let mut all: Vec<_> = texts.map(|text| text.unwrap_or_default().to_owned()).into();
    all.push(user.scopes().to_string());
    all.extend(user.roles().map(str::to_owned));
    all.extend(user.permissions().map(str::to_owned));
    all.push(format!("{:?}", user.principal()));
    all
}

#[test]
fn changing_a_user_does_not_change_its_clones() {
    let user = UserContext::new("ann").with_email("a@example.com");
    let changed = user.clone().with_email("b@example.com");
    assert_eq!((user.email(), changed.email()), (Some("a@example.com"), Some("b@example.com")));
}

#[test]
fn setting_a_tier_replaces_an_unknown_tier_name() {
    let tiers = Tiers::ascending(["basic", "gold"]).unwrap();
    let unknown = Identity { tier_name: Some("platinum".into()), ..Identity::default() };
    let user = UserContext::from_identity(unknown);
    assert_eq!((user.tier(), user.tier_name()), (None, Some("platinum")));
    assert!(!user.has_tier("basic"));
    let user = user.with_tier(tiers.get("gold").unwrap());
    assert_eq!(user.tier_name(), Some("gold"));
    assert!(user.has_tier("basic") && user.has_tier("gold") && !user.has_tier("platinum"));
}

#[test]
fn an_unresolved_tier_name_is_compared_in_the_required_tiers_order() {
    let user = UserContext::from_identity(Identity { tier_name: Some("gold".into()), ..Identity::default() });
    let tiers = Tiers::ascending(["basic", "gold"]).unwrap();
    assert!(user.reaches(&tiers.get("gold").unwrap()));
    assert!(user.has_tier("gold") && !user.has_tier("basic"), "without an order, only the same name counts");
}

#[test]
fn times_are_system_times_and_none_if_out_of_range() {
    let at =
        |time| Identity { auth_time: Some(time), issued_at: Some(time), expires_at: Some(time), ..Identity::default() };
    let user = UserContext::from_identity(at(Duration::from_secs(60)));
    assert_eq!(user.auth_time(), Some(UNIX_EPOCH + Duration::from_secs(60)));
    assert_eq!((user.expires_at(), user.issued_at()), (user.auth_time(), user.auth_time()));
    let user = UserContext::from_identity(at(Duration::MAX));
    assert_eq!((user.auth_time(), user.issued_at(), user.expires_at()), (None, None, None));
    let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
    let user = UserContext::new("ann").with_issued_at(before_1970).with_expires_at(before_1970);
    assert_eq!((user.issued_at(), user.expires_at()), (Some(UNIX_EPOCH), Some(UNIX_EPOCH)));
}

#[test]
fn another_email_address_is_not_verified_and_the_same_one_still_is() {
    let user = UserContext::new("ann").with_email("a@example.com");
    assert!(!user.email_verified());
    let user = user.with_email_verified(true);
    assert!(user.clone().with_email("a@example.com").email_verified());
    assert!(!user.clone().with_email("A@example.com").email_verified());
    assert!(!user.with_email_verified(false).email_verified());
    // Of a user without an address, nothing is known about the one that is set.
    assert!(!UserContext::new("ann").with_email_verified(true).with_email("a@example.com").email_verified());
}

#[test]
fn a_user_of_no_gate_has_another_credential_and_no_session() {
    let user = UserContext::new("ann");
    assert_eq!((user.credential(), user.session_id(), user.issued_at()), (Credential::Other, None, None));
    let user = user.with_credential(Credential::Session).with_session_id("s-7");
    assert_eq!((user.credential(), user.session_id()), (Credential::Session, Some("s-7")));
}

#[test]
fn debug_output_has_id_and_privileges_but_no_email_claims_or_record() {
    let user = editor()
        .with_tenant("acme")
        .with_email("ann@example.com")
        .with_name("Ann Other")
        .with_raw_claims(r#"{"card":"4111"}"#)
        .with_record("row of a table");
    let text = format!("{user:?}");
    for shown in ["ann", "editor", "acme", "User"] {
        assert!(text.contains(shown), "{text}");
    }
    for hidden in ["example.com", "Ann Other", "4111", "card", "row of a table"] {
        assert!(!text.contains(hidden), "{text}");
    }
}
