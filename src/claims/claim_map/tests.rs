//! Users read from claims of many forms.

use proptest::prelude::*;

use super::*;
use crate::context::SharedStr;

fn read(map: &ClaimMap, claims: &str) -> Result<Identity, TokenError> {
    let text: Arc<str> = claims.into();
    map.read(&Object::parse(&text).unwrap(), &text, "https://issuer.example.com")
}

fn texts(texts: &[SharedStr]) -> Vec<&str> {
    texts.iter().map(|text| &**text).collect()
}

#[test]
fn the_default_map_reads_the_standard_claims() {
    let user = read(
        &ClaimMap::new(),
        r#"{"sub":"ann","client_id":"web","email":"a@b","name":"Ann \u00e9","scope":"a b","roles":["x"],
            "permissions":["c:d"],"subscription_tier":"gold"}"#,
    )
    .unwrap();
    assert_eq!(user.id.as_deref(), Some("ann"));
    assert_eq!(user.client_id.as_deref(), Some("web"));
    assert_eq!(user.email.as_deref(), Some("a@b"));
    assert_eq!(user.name.as_deref(), Some("Ann é"));
    assert_eq!(user.scopes.to_string(), "a b");
    assert_eq!(texts(&user.roles), ["x"]);
    assert_eq!(texts(&user.permissions), ["c:d"]);
    assert_eq!(user.tier_name.as_deref(), Some("gold"));
}

#[test]
fn a_pointer_finds_a_nested_claim_and_unescapes_its_names() {
    let map = ClaimMap::new().roles(["/realm_access/roles", "/a~1b/c~0d/roles"]).add_roles("https://x/roles");
    let user = read(
        &map,
        r#"{"sub":"s","realm_access":{"roles":["r1"]},"a/b":{"c~d":{"roles":["r2"]}},"https://x/roles":["r3"]}"#,
    )
    .unwrap();
    assert_eq!(texts(&user.roles), ["r1", "r2", "r3"]);
    for absent in ["{}", "null", r#"{"roles":null}"#] {
        let claims = format!(r#"{{"sub":"s","realm_access":{absent}}}"#);
        assert!(read(&map, &claims).unwrap().roles.is_empty(), "{absent}");
    }
    assert_eq!(
        read(&map, r#"{"sub":"s","realm_access":7}"#).err(),
        Some(TokenError::claim_invalid("/realm_access/roles"))
    );
}

#[test]
fn roles_may_be_a_string_or_an_array_of_strings_or_complex_values() {
    let read_roles = |map: &ClaimMap, value: &str| {
        let user = read(map, &format!(r#"{{"sub":"s","roles":{value}}}"#))?;
        Ok(texts(&user.roles).join("|"))
    };
    let map = ClaimMap::new().roles(["roles"]);
    let roles = |value: &str| read_roles(&map, value);
    assert_eq!(roles(r#""Sales Manager""#), Ok("Sales Manager".to_owned()));
    assert_eq!(roles(r#"["a","b"]"#), Ok("a|b".to_owned()));
    assert_eq!(roles(r#"[{"value":"a","primary":true}]"#), Ok("a".to_owned()));
    assert_eq!(roles("null"), Ok(String::new()));
    for value in ["1", "{}", "[1]", "[null]", r#"[["a"]]"#, r#"[{"display":"a"}]"#] {
        assert_eq!(roles(value), Err(TokenError::claim_invalid("roles")), "{value}");
        // The app does not use roles.
        assert_eq!(read_roles(&ClaimMap::new(), value), Ok(String::new()), "{value}");
        let mut with_table = ClaimMap::new();
        with_table.use_roles();
        assert_eq!(read_roles(&with_table, value), Err(TokenError::claim_invalid("roles")), "{value}");
    }
}

#[test]
fn role_keys_are_the_names_in_the_first_object_that_is_present() {
    let map = ClaimMap::new().role_keys(["urn:first", "/second/roles"]);
    let roles = |claims: &str| {
        let user = read(&map, &format!(r#"{{"sub":"s",{claims}}}"#))?;
        Ok(texts(&user.roles).join("|"))
    };
    let organization = r#"{"2873":"acme.example.com"}"#;
    assert_eq!(roles(&format!(r#""urn:first":{{"editor":{organization},"\u0061":{{}}}}"#)), Ok("editor|a".to_owned()));
    assert_eq!(roles(r#""urn:first":{"a":{}},"second":{"roles":{"b":{}}}"#), Ok("a".to_owned()));
    assert_eq!(roles(r#""urn:first":null,"second":{"roles":{"b":{}}}"#), Ok("b".to_owned()));
    assert_eq!(roles(r#""urn:first":{},"second":{"roles":{"b":{}}}"#), Ok(String::new()));
    assert_eq!(roles(r#""urn:first":{"a":true,"b":false,"c":null}"#), Ok("a".to_owned()));
    assert_eq!(roles(r#""roles":["r"],"urn:first":{"a":{}}"#), Ok("r|a".to_owned()));
    assert_eq!(roles(r#""x":1"#), Ok(String::new()));
    for value in ["7", r#""admin""#, r#"["admin"]"#, "true"] {
        let invalid = Err(TokenError::claim_invalid("urn:first"));
        assert_eq!(roles(&format!(r#""urn:first":{value}"#)), invalid, "{value}");
    }
    assert_eq!(roles(r#""second":{"roles":7}"#), Err(TokenError::claim_invalid("/second/roles")));
}

#[test]
fn a_tenant_is_a_string_of_1_to_256_bytes() {
    let map = ClaimMap::new().tenant("/org/id");
    let tenant = |value: &str| {
        let user = read(&map, &format!(r#"{{"sub":"s","org":{{"id":{value}}}}}"#))?;
        Ok(user.tenant.map(|tenant| tenant.to_string()))
    };
    let longest = "t".repeat(256);
    assert_eq!(tenant(r#""acme""#), Ok(Some("acme".to_owned())));
    assert_eq!(tenant(&format!("\"{longest}\"")), Ok(Some(longest.clone())));
    let invalid = Err(TokenError::claim_invalid("/org/id"));
    for value in ["7", "null", "true", "[]", r#"["acme"]"#, r#"{"id":"acme"}"#, "\"\"", &format!("\"{longest}t\"")] {
        assert_eq!(tenant(value), invalid, "{value}");
    }
    for claims in [r#"{"sub":"s"}"#, r#"{"sub":"s","org":{}}"#, r#"{"sub":"s","org":null}"#] {
        assert_eq!(read(&map, claims).unwrap().tenant, None, "{claims}");
    }
    assert_eq!(read(&map, r#"{"sub":"s","org":7}"#).err(), invalid.err());
    assert_eq!(read(&ClaimMap::new(), r#"{"sub":"s","tenant":7,"org_id":"acme"}"#).unwrap().tenant, None);
}

#[test]
fn scopes_must_be_a_string_or_an_array_of_strings_without_spaces() {
    let scopes = |claims: &str| {
        let user = read(&ClaimMap::new(), &format!(r#"{{"sub":"s",{claims}}}"#))?;
        Ok(user.scopes.to_string())
    };
    assert_eq!(scopes(r#""scope":"read  write""#), Ok("read write".to_owned()));
    assert_eq!(scopes(r#""scp":["read","write"]"#), Ok("read write".to_owned()));
    assert_eq!(scopes(r#""scope":"""#), Ok(String::new()));
    for claims in [
        r#""scope":null"#,
        r#""scope":1"#,
        r#""scope":{}"#,
        r#""scp":["read write"]"#,
        r#""scp":[1]"#,
        r#""scp":[""]"#,
        "\"scope\":\"read\u{a0}write\"",
        r#""scope":"quo\"te""#,
    ] {
        let name = if claims.contains("scope") { "scope" } else { "scp" };
        assert_eq!(scopes(claims), Err(TokenError::claim_invalid(name)), "{claims}");
    }
}

#[test]
fn an_id_is_required_and_must_not_be_empty() {
    assert_eq!(read(&ClaimMap::new(), "{}").err(), Some(TokenError::claim_missing("sub")));
    for value in [r#""""#, "1", "null", "[]"] {
        let claims = format!(r#"{{"sub":{value}}}"#);
        assert_eq!(read(&ClaimMap::new(), &claims).err(), Some(TokenError::claim_invalid("sub")), "{value}");
    }
    let map = ClaimMap::new().id("oid");
    assert_eq!(read(&map, r#"{"sub":"s"}"#).err(), Some(TokenError::claim_missing("oid")));
    let nested = ClaimMap::new().id("/user/id");
    assert_eq!(read(&nested, r#"{"user":{}}"#).err(), Some(TokenError::claim_missing("/user/id")));
    assert_eq!(read(&map, r#"{"sub":"s","oid":"o"}"#).unwrap().id.as_deref(), Some("o"));
}

#[test]
fn a_tier_that_is_not_a_string_is_malformed() {
    assert_eq!(read(&ClaimMap::new(), r#"{"sub":"s","tier":1}"#).err(), Some(TokenError::claim_invalid("tier")));
    let plan = ClaimMap::new().tier(["https://x/plan", "/app/plan"]);
    for (claims, name) in
        [(r#"{"sub":"s","https://x/plan":1}"#, "https://x/plan"), (r#"{"sub":"s","app":1}"#, "/app/plan")]
    {
        assert_eq!(read(&plan, claims).err(), Some(TokenError::claim_invalid(name)));
    }
    assert_eq!(read(&ClaimMap::new(), r#"{"sub":"s","tier":null}"#).unwrap().tier_name, None);
    let second = read(&ClaimMap::new(), r#"{"sub":"s","tier":null,"subscription_tier":"gold"}"#).unwrap();
    assert_eq!(second.tier_name.as_deref(), Some("gold"));
}

#[test]
fn a_claim_that_grants_nothing_is_absent_if_it_is_malformed_null_or_empty() {
    let map = ClaimMap::new().acr("/login/acr").amr("/login/amr");
    for value in ["1", "null", "{}", "[]", "[1]", "true", "\"\""] {
        let login = format!(r#"{{"acr":{value}}}"#);
        let claims = format!(r#"{{"sub":"s","client_id":{value},"email":{value},"name":{value},"login":{login}}}"#,);
        let user = read(&map, &claims).unwrap();
        assert_eq!([user.client_id, user.email, user.name, user.acr], [None, None, None, None], "{value}");
    }
    for login in ["1", "null", "[]", "\"\""] {
        let user = read(&map, &format!(r#"{{"sub":"s","login":{login}}}"#)).unwrap();
        assert_eq!((user.acr, user.amr.len()), (None, 0), "{login}");
    }
}

#[test]
fn the_next_claim_is_read_in_place_of_a_malformed_one() {
    for client_id in ["null", "7", r#"["a"]"#, "\"\""] {
        let user = read(&ClaimMap::new(), &format!(r#"{{"sub":"s","client_id":{client_id},"azp":"web"}}"#)).unwrap();
        assert_eq!(user.client_id.as_deref(), Some("web"), "{client_id}");
    }
}

#[test]
fn acr_is_a_string_and_amr_has_strings_or_objects_with_a_method() {
    let user = read(&ClaimMap::new(), r#"{"sub":"s","acr":"urn:mfa","amr":["pwd","otp"]}"#).unwrap();
    assert_eq!(user.acr.as_deref(), Some("urn:mfa"));
    assert_eq!(texts(&user.amr), ["pwd", "otp"]);
    let methods = |amr: &str| {
        let user = read(&ClaimMap::new(), &format!(r#"{{"sub":"s","amr":{amr}}}"#)).unwrap();
        texts(&user.amr).join("|")
    };
    assert_eq!(methods(r#"[{"method":"password","timestamp":1},{"method":"totp","timestamp":2}]"#), "password|totp");
    assert_eq!(methods(r#"["pwd",{"method":"otp"}]"#), "pwd|otp");
    assert_eq!(methods(r#""pwd""#), "pwd");
    // One element that cannot be read hides all of them: a list of methods is only useful if it is complete.
    for malformed in ["1", "null", "{}", r#"["pwd",1]"#, r#"[{"value":"pwd"}]"#, r#"[{"method":1}]"#, r#"[["pwd"]]"#] {
        assert_eq!(methods(malformed), "", "{malformed}");
    }
}

#[test]
fn only_true_and_the_text_true_say_that_the_email_address_is_verified() {
    let verified = |map: &ClaimMap, claims: &str| {
        let claims = format!(r#"{{"sub":"s","email":"a@b",{claims}}}"#);
        read(map, &claims).unwrap().is_email_verified
    };
    let default = ClaimMap::new();
    for value in ["true", r#""true""#] {
        assert!(verified(&default, &format!(r#""email_verified":{value}"#)), "{value}");
    }
    for value in
        ["false", r#""false""#, "null", "1", r#""1""#, r#""TRUE""#, r#"" true""#, r#""yes""#, "[true]", "{}", "\"\""]
    {
        assert!(!verified(&default, &format!(r#""email_verified":{value}"#)), "{value}");
    }
    assert!(!verified(&default, r#""verified":true"#));
    let named = ClaimMap::new().email_verified("/mail/ok");
    assert!(verified(&named, r#""mail":{"ok":true}"#));
    assert!(!verified(&named, r#""email_verified":true,"mail":{"ok":false}"#));
    assert!(!verified(&named, r#""email_verified":true,"mail":7"#));
}

/// OpenID Connect Core §5.1 defines `email_verified` as a statement about `email`.
#[test]
fn email_verified_says_nothing_about_an_address_in_another_claim() {
    let claims = r#"{"sub":"s","email":"a@b","email_verified":true,"contact":"c@d","contact_verified":true}"#;
    let verified = |map: ClaimMap| read(&map, claims).unwrap().is_email_verified;
    assert!(verified(ClaimMap::new().email(["email"])));
    assert!(!verified(ClaimMap::new().email(["contact"])));
    assert!(!verified(ClaimMap::new().email(["email", "contact"])));
    assert!(verified(ClaimMap::new().email(["contact"]).email_verified("contact_verified")));
    assert!(verified(ClaimMap::new().email_verified("contact_verified").email(["contact"])));
}

#[test]
fn an_empty_claim_name_is_detected() {
    for name in ["", "/"] {
        let new = ClaimMap::new;
        for map in [
            new().id(name),
            new().tenant(name),
            new().email([name]),
            new().email_verified(name),
            new().session_id(name),
            new().scopes(["a", name]),
            new().add_roles(name),
            new().role_keys([name]),
            new().tier([name]),
            new().acr(name),
            new().amr(name),
        ] {
            assert!(map.has_empty_name(), "{name:?}");
        }
    }
    assert!(!ClaimMap::new().has_empty_name());
}

#[test]
fn a_name_or_email_that_is_not_a_string_is_ignored() {
    let user = read(&ClaimMap::new(), r#"{"sub":"s","name":null,"email":["a@b"]}"#).unwrap();
    assert_eq!((user.name, user.email), (None, None));
}

#[test]
fn each_setter_replaces_its_default_claims() {
    let map =
        ClaimMap::new().client_id(["cid"]).email(["mail"]).name(["nick"]).scopes(["s"]).permissions(["p"]).tier(["t"]);
    let user = read(
        &map,
        r#"{"sub":"x","cid":"c","mail":"m","nick":"n","s":"a","p":["q"],"t":"gold","client_id":1,"scope":1,"tier":1}"#,
    )
    .unwrap();
    let texts_read = [user.client_id, user.email, user.name, user.tier_name].map(|text| text.unwrap().to_string());
    assert_eq!(texts_read, ["c", "m", "n", "gold"]);
    assert_eq!(user.scopes.to_string(), "a");
    assert_eq!(texts(&user.permissions), ["q"]);
}

proptest! {
    #[test]
    fn no_claims_panic(value in "[\\[\\]{}\",:a 0-9]{0,20}", pointer in "[/~a01]{0,8}") {
        let claims = format!(r#"{{"sub":"s","a":{value}}}"#);
        if let Some(object) = Object::parse(&claims) {
            let text: Arc<str> = claims.as_str().into();
            let map = ClaimMap::new().roles([pointer.as_str()]).scopes(["a"]).role_keys(["a"]).tenant(&pointer).amr("a");
            let _ = map.read(&object, &text, "");
        }
    }
}
