//! The user that is read from a response.

use portcullis::context::Credential;
use portcullis::gate::{AccountRefusal, LoadError};
use portcullis::{ClaimMap, Principal, RequireScope, Roles, Tiers};

use super::*;

/// The user of a token with these members besides those of `active`.
async fn user(
    members: Value,
    change: impl FnOnce(IntrospectionAuthBuilder) -> IntrospectionAuthBuilder,
) -> UserContext {
    let fixture = Fixture::with(change).await;
    fixture.server.add("t", &members);
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |user: UserContext| async move { sender.send(user).unwrap() };
    let app = Router::new().route("/", any(handler)).layer(fixture.auth.clone());
    let response = TestResponse::get(&app, "/", &[("authorization", "Bearer t")]).await;
    assert_eq!(response.status, 200, "{}", response.body);
    receiver.recv().await.unwrap()
}

#[tokio::test]
async fn user_has_the_values_of_the_response() {
    let members = json!({
        "sid": "s-1", "scope": "read write", "email": "ann@example.com", "email_verified": true, "username": "ann.a",
        "roles": ["editor"], "permissions": ["write:page"], "tier": "pro", "auth_time": NOW - 5, "acr": "2",
        "extra": { "a": [1] },
    });
    let roles = Roles::builder().role("editor", ["publish:page"]).build().unwrap();
    let tiers = Tiers::ascending(["free", "pro"]).unwrap();
    let ann = user(members, |builder| builder.roles(roles).tiers(tiers.clone())).await;
    assert_eq!((ann.id(), ann.issuer(), ann.client_id()), ("ann", Some(ISSUER), Some("web")));
    assert_eq!((ann.credential(), ann.principal()), (Credential::Token, Principal::User));
    assert_eq!((ann.token_id(), ann.session_id()), (Some("t-1"), Some("s-1")));
    assert!(ann.has_scope("read") && ann.has_scope("write") && !ann.has_scope("admin"));
    assert!(ann.has_role("editor") && ann.has_permission("write:page") && ann.has_permission("publish:page"));
    assert_eq!(ann.tier(), Some(&tiers.get("pro").unwrap()));
    assert!(ann.email_verified());
    let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!((ann.issued_at(), ann.expires_at(), ann.auth_time()), (at(NOW), at(NOW + 3_600), at(NOW - 5)));
    let claims: Value = ann.claims().unwrap();
    assert_eq!((&claims["active"], &claims["extra"]["a"][0]), (&json!(true), &json!(1)));
}

#[tokio::test]
async fn response_without_sub_is_about_a_client_that_acts_on_its_own_behalf() {
    let robot = user(json!({ "sub": null, "client_id": "robot" }), |builder| builder).await;
    assert_eq!((robot.id(), robot.client_id(), robot.principal()), ("robot", Some("robot"), Principal::Client));
    let robot = user(json!({ "sub": "robot", "client_id": "robot" }), |builder| builder).await;
    assert_eq!((robot.id(), robot.principal()), ("robot", Principal::Client));
    // A client could have chosen the id of a user (RFC 9700 §4.15).
    let ann = user(json!({ "sub": "ann", "client_id": "ann", "username": "ann" }), |builder| builder).await;
    assert_eq!(ann.principal(), Principal::User);
}

#[tokio::test]
async fn response_about_a_user_without_an_id_is_rejected_unless_a_member_is_named() {
    let members = || json!({ "sub": null, "username": "ann.a" });
    let fixture = Fixture::new().await;
    fixture.server.add("t", &members());
    assert_eq!(fixture.code("t").await, "token_claim_invalid");
    fixture.server.add("email", &json!({ "sub": null, "email": "ann@example.com" }));
    assert_eq!(fixture.code("email").await, "token_claim_invalid", "not the client");
    fixture.server.respond("empty", json!({ "active": true, "iss": ISSUER, "aud": API }));
    assert_eq!(fixture.code("empty").await, "token_claim_missing");
    let ann = user(members(), |builder| builder.claims(ClaimMap::new().id("username"))).await;
    assert_eq!(ann.id(), "ann.a");
}

#[tokio::test]
async fn claims_are_read_as_the_map_says() {
    let members = json!({ "realm_access": { "roles": ["editor"] }, "plan": "free" });
    let claims = ClaimMap::new().roles(["/realm_access/roles"]).tier(["plan"]);
    let tiers = Tiers::ascending(["free", "pro"]).unwrap();
    let ann = user(members, |builder| builder.claims(claims).tiers(tiers)).await;
    assert_eq!((ann.roles().collect::<Vec<_>>(), ann.tier_name()), (vec!["editor"], Some("free")));
}

#[tokio::test]
async fn default_tier_is_that_of_users_without_a_tier_and_not_of_an_unknown_one() {
    let tiers = Tiers::ascending(["free", "pro"]).unwrap();
    let free = tiers.get("free").unwrap();
    let with_default = |builder: IntrospectionAuthBuilder| builder.tiers(tiers.clone()).default_tier(free.clone());
    assert_eq!(user(json!({}), with_default).await.tier(), Some(&free));
    let unknown = user(json!({ "tier": "gold" }), with_default).await;
    assert_eq!((unknown.tier(), unknown.tier_name()), (None, Some("gold")));
}

#[tokio::test]
async fn issuer_is_as_configured() {
    let ann = user(json!({ "iss": null }), |builder| builder.issuer("https://auth.example.com/v2")).await;
    assert_eq!(ann.issuer(), Some("https://auth.example.com/v2"));
}

#[tokio::test]
async fn functions_that_change_and_load_the_user_run_on_each_request() {
    let runs = Arc::new(AtomicUsize::new(0));
    let (mapped, loaded) = (Arc::clone(&runs), Arc::clone(&runs));
    let fixture = Fixture::with(|builder| {
        let map = move |user: UserContext| {
            mapped.fetch_add(1, SeqCst);
            user.with_roles(["staff"]).with_credential(Credential::ApiKey)
        };
        let load = move |user: UserContext| {
            loaded.fetch_add(100, SeqCst);
            assert!(user.has_role("staff"));
            assert_eq!(user.credential(), Credential::Token);
            async move {
                match user.id() {
                    "ann" => Ok(user),
                    "bob" => Err(LoadError::refused(AccountRefusal::Locked)),
                    _ => Err(LoadError::Unknown),
                }
            }
        };
        builder.map_user(map).load_user(load).load_user_timeout(SECOND)
    });
    let fixture = fixture.await;
    for (token, status) in [("ann", 200), ("bob", 403), ("eve", 401)] {
        fixture.server.add(token, &json!({ "sub": token, "jti": token }));
        for _ in 0..2 {
            assert_eq!(fixture.status(token).await, status, "{token}");
        }
    }
    assert_eq!((fixture.server.calls(), runs.load(SeqCst)), (3, 606));
}

#[tokio::test]
async fn later_rejection_of_the_user_has_the_realm_of_the_layer() {
    let fixture = Fixture::with(|builder| builder.realm("billing")).await;
    fixture.server.add("t", &json!({ "scope": "read" }));
    let handler = any(|| async {}).layer(RequireScope::new("write").unwrap());
    let app = Router::new().route("/", handler).layer(fixture.auth.clone());
    let response = TestResponse::get(&app, "/", &[("authorization", "Bearer t")]).await;
    assert_eq!(response.status, 403);
    assert!(response.challenge().contains(r#"realm="billing""#), "{}", response.challenge());
}
