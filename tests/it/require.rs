//! `Require*`: users with and without the required privilege, anonymous users, and a missing layer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use portcullis::context::{Realm, Visitor};
use portcullis::gate::{Denial, DenialKind};
use portcullis::testing::{TestIssuer, as_anonymous, as_user};
use portcullis::{
    Extractor, Issuer, JwtAuth, Permission, RequirePermission, RequireRole, RequireScope, RequireTier, Roles, Scopes,
    Tier, Tiers, UserContext,
};
use tower::ServiceBuilder;

use crate::support::log_capture::LogCapture;
use crate::support::response::TestResponse;

fn tiers() -> Tiers {
    Tiers::ascending(["basic", "professional", "enterprise"]).unwrap()
}

fn tier(name: &str) -> Tier {
    tiers().get(name).unwrap()
}

fn roles() -> Roles {
    Roles::builder()
        .role("reader", ["read:page"])
        .role("editor", ["write:page", "*:draft"])
        .role("auditor", ["read:*"])
        .inherits("editor", ["reader"])
        .build()
        .unwrap()
}

fn ann() -> UserContext {
    UserContext::new("ann").with_role_table(roles())
}

fn user_with_scopes(scopes: &[&str]) -> UserContext {
    ann().with_scopes(Scopes::new(scopes).unwrap())
}

/// An app with one route that `protect` adds layers to, and the number of calls of its handler.
fn protected_by(protect: impl FnOnce(MethodRouter) -> MethodRouter) -> (Router, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let handler = get(move || async move {
        count.fetch_add(1, SeqCst);
    });
    (Router::new().route("/", protect(handler)), calls)
}

/// An app for each layer, by the layer's name.
fn apps() -> [(&'static str, (Router, Arc<AtomicUsize>)); 4] {
    [
        ("RequireScope", protected_by(|route| route.layer(RequireScope::new("read").unwrap()))),
        ("RequireRole", protected_by(|route| route.layer(RequireRole::new(&roles(), "editor").unwrap()))),
        ("RequirePermission", protected_by(|route| route.layer(RequirePermission::new("write:page").unwrap()))),
        ("RequireTier", protected_by(|route| route.layer(RequireTier::at_least(&tiers(), "professional").unwrap()))),
    ]
}

async fn status(app: &Router, user: UserContext) -> u16 {
    TestResponse::get(&app.clone().layer(as_user(user)), "/", &[]).await.status.as_u16()
}

#[tokio::test]
async fn a_user_with_the_required_privilege_reaches_the_handler() {
    let user = user_with_scopes(&["read"]).with_roles(["editor"]).with_tier(tier("enterprise"));
    for (name, (app, calls)) in apps() {
        assert_eq!(status(&app, user.clone()).await, 200, "{name}");
        assert_eq!(calls.load(SeqCst), 1, "{name}");
    }
}

#[tokio::test]
async fn a_user_without_the_required_privilege_is_403_with_a_challenge() {
    for (name, (app, calls)) in apps() {
        let response = TestResponse::get(&app.layer(as_user(ann())), "/", &[]).await;
        let (description, scope) = match name {
            "RequireScope" => ("required scope: read", ", scope=\"read\""),
            "RequireRole" => ("required role: editor", ""),
            "RequirePermission" => ("required permission: write:page", ""),
            _ => ("required tier: professional or higher", ""),
        };
        assert_eq!(response.status, 403, "{name}");
        let error = format!("error=\"insufficient_scope\", error_description=\"{description}\"{scope}");
        assert_eq!(response.challenge(), format!("Bearer realm=\"api\", {error}"));
        assert_eq!(calls.load(SeqCst), 0, "{name}");
    }
}

#[tokio::test]
async fn an_anonymous_user_is_401_with_a_challenge_without_error_code() {
    for (name, (app, calls)) in apps() {
        let response = TestResponse::get(&app.layer(as_anonymous()), "/", &[]).await;
        assert_eq!((response.status.as_u16(), response.challenge()), (401, "Bearer realm=\"api\""), "{name}");
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::CredentialsMissing);
        assert_eq!(calls.load(SeqCst), 0, "{name}");
    }
}

#[tokio::test]
async fn without_an_authenticating_layer_a_requirement_is_500_and_the_log_names_the_layer() {
    for (name, (app, calls)) in apps() {
        let log = LogCapture::start();
        let response = TestResponse::get(&app, "/", &[("authorization", "Bearer a.b.c"), ("x-user", "ann")]).await;
        assert_eq!((response.status.as_u16(), response.challenge()), (500, ""), "{name}");
        assert_eq!(response.denial.unwrap().kind(), &DenialKind::auth_layer_missing(name));
        assert_eq!(calls.load(SeqCst), 0, "{name}");
        let text = log.text();
        assert!(text.contains("ERROR") && text.contains(name) && text.contains("JwtAuth"), "{text}");
        assert_eq!(response.body.contains(name), cfg!(debug_assertions), "{}", response.body);
    }
}

#[tokio::test]
async fn all_requires_each_scope_and_any_requires_one() {
    for (scopes, all, any) in [
        (&["a", "b", "c"][..], 200, 200),
        (&["a"], 403, 200),
        (&["b"], 403, 200),
        (&["c", "ab"], 403, 403),
        (&[], 403, 403),
    ] {
        let (app, _) = protected_by(|route| route.layer(RequireScope::all(["a", "b"]).unwrap()));
        assert_eq!(status(&app, user_with_scopes(scopes)).await, all, "all, {scopes:?}");
        let (app, _) = protected_by(|route| route.layer(RequireScope::any(["a", "b"]).unwrap()));
        assert_eq!(status(&app, user_with_scopes(scopes)).await, any, "any, {scopes:?}");
    }
}

#[tokio::test]
async fn the_challenge_of_any_lists_all_scopes() {
    let (app, _) = protected_by(|route| route.layer(RequireScope::any(["b", "a"]).unwrap()));
    let response = TestResponse::get(&app.layer(as_user(ann())), "/", &[]).await;
    assert!(response.challenge().ends_with(", scope=\"b a\""), "{}", response.challenge());
}

#[tokio::test]
async fn a_user_has_the_roles_that_their_roles_inherit() {
    let (app, _) = protected_by(|route| route.layer(RequireRole::new(&roles(), "reader").unwrap()));
    for (role, expected) in [("reader", 200), ("editor", 200), ("auditor", 403), ("Reader", 403)] {
        assert_eq!(status(&app, ann().with_roles([role])).await, expected, "{role}");
    }
    let both = ["reader", "auditor"];
    let (app, _) = protected_by(|route| route.layer(RequireRole::all(&roles(), both).unwrap()));
    assert_eq!(status(&app, ann().with_roles(["editor"])).await, 403);
    assert_eq!(status(&app, ann().with_roles(["editor", "auditor"])).await, 200);
}

#[tokio::test]
async fn a_permission_is_granted_directly_or_by_a_role_or_by_a_wildcard() {
    let user_granted = |text: &str| ann().with_permissions([Permission::new(text).unwrap()]);
    for (required, user, expected) in [
        ("write:page", user_granted("write:page"), 200),
        ("write:page", user_granted("read:page"), 403),
        ("write:page", ann().with_roles(["editor"]), 200),
        ("read:page", ann().with_roles(["editor"]), 200),
        ("write:page", ann().with_roles(["reader"]), 403),
        ("delete:draft", ann().with_roles(["editor"]), 200),
        ("read:log", ann().with_roles(["auditor"]), 200),
        ("write:log", ann().with_roles(["auditor"]), 403),
        ("write:page", UserContext::new("bob").with_roles(["editor"]), 403),
    ] {
        let (app, _) = protected_by(|route| route.layer(RequirePermission::new(required).unwrap()));
        assert_eq!(status(&app, user.clone()).await, expected, "{required} for {user:?}");
    }
    let (app, _) = protected_by(|route| route.layer(RequirePermission::any(["write:page", "read:log"]).unwrap()));
    assert_eq!(status(&app, user_granted("read:log")).await, 200);
}

#[tokio::test]
async fn a_tier_admits_itself_and_higher_tiers() {
    let (app, _) = protected_by(|route| route.layer(RequireTier::at_least(&tiers(), "professional").unwrap()));
    for (name, expected) in [("basic", 403), ("professional", 200), ("enterprise", 200)] {
        assert_eq!(status(&app, ann().with_tier(tier(name))).await, expected, "{name}");
    }
    assert_eq!(status(&app, ann()).await, 403);
}

#[tokio::test]
async fn a_tier_of_another_table_is_compared_by_name_in_the_order_of_the_layers_table() {
    let reversed = Tiers::ascending(["enterprise", "professional", "basic"]).unwrap();
    let (app, _) = protected_by(|route| route.layer(RequireTier::at_least(&tiers(), "professional").unwrap()));
    assert_eq!(status(&app, ann().with_tier(reversed.get("basic").unwrap())).await, 403);
    assert_eq!(status(&app, ann().with_tier(reversed.get("enterprise").unwrap())).await, 200);
    let unknown = Tiers::ascending(["basic", "platinum"]).unwrap().get("platinum").unwrap();
    assert_eq!(status(&app, ann().with_tier(unknown)).await, 403);
}

/// The status for a token with the tier `tier_claim`, on a route that requires the tier `required`.
async fn status_of_token(required: &str, tier_claim: Option<&str>, default: Option<&str>) -> u16 {
    let issuer = TestIssuer::start().await.unwrap();
    let keys = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let mut auth = JwtAuth::builder().issuer(keys).audience("api").tiers(tiers());
    if let Some(default) = default {
        auth = auth.default_tier(tier(default));
    }
    let (app, _) = protected_by(|route| route.layer(RequireTier::at_least(&tiers(), required).unwrap()));
    let mut token = issuer.token("ann").audience("api");
    if let Some(tier) = tier_claim {
        token = token.tier(tier);
    }
    let bearer = format!("Bearer {}", token.sign());
    TestResponse::get(&app.layer(auth.build().unwrap()), "/", &[("authorization", &bearer)]).await.status.as_u16()
}

#[tokio::test]
async fn an_unknown_tier_in_a_token_ranks_below_all_others() {
    for (required, tier_claim, default, expected) in [
        ("professional", Some("enterprise"), None, 200),
        ("professional", Some("basic"), None, 403),
        ("basic", Some("platinum"), None, 403),
        ("basic", Some("Basic"), None, 403),
        ("basic", Some("platinum"), Some("enterprise"), 403),
        ("basic", None, None, 403),
        ("basic", None, Some("basic"), 200),
        ("professional", None, Some("basic"), 403),
        ("professional", Some("basic"), Some("enterprise"), 403),
    ] {
        assert_eq!(
            status_of_token(required, tier_claim, default).await,
            expected,
            "{tier_claim:?}, requires {required}, default {default:?}"
        );
    }
}

#[test]
fn a_misspelled_name_is_a_config_error_that_lists_the_known_names() {
    let tier = tiers().get("profesional").unwrap_err().to_string();
    assert_eq!(tier, "Tiers::get \"profesional\": no such tier; use one of: basic, professional, enterprise");
    let role = roles().get("editr").unwrap_err().to_string();
    assert_eq!(role, "Roles::get \"editr\": no such role; use one of: auditor, editor, reader");
    let permission = roles().permission("write:pgae").unwrap_err().to_string();
    assert!(permission.starts_with("Roles::permission \"write:pgae\": no role grants it"), "{permission}");
    let error = RequirePermission::all(["write", "a b:c"]).unwrap_err();
    assert_eq!(error.issues().iter().map(|issue| issue.value().unwrap()).collect::<Vec<_>>(), ["write", "a b:c"]);
    let error = RequireScope::any(["a b", "", "c"]).unwrap_err();
    assert_eq!(error.issues().len(), 2);
    let error = RequireRole::any(&roles(), ["editr", "editor", "reder"]).unwrap_err();
    assert_eq!(error.issues().iter().map(|issue| issue.value().unwrap()).collect::<Vec<_>>(), ["editr", "reder"]);
    let error = RequireTier::at_least(&tiers(), "pro").unwrap_err().to_string();
    assert_eq!(error, "RequireTier::at_least \"pro\": no such tier; use one of: basic, professional, enterprise");
    for error in [
        RequireScope::all([""; 0]).unwrap_err(),
        RequireRole::any(&roles(), [""; 0]).unwrap_err(),
        RequirePermission::any([""; 0]).unwrap_err(),
    ] {
        assert!(error.to_string().contains("the list is empty; name at least one"), "{error}");
    }
}

async fn handler_with_checks(Extractor(user): Extractor<UserContext>) -> Result<&'static str, Denial> {
    user.require_scope("read")?;
    user.require_role("reader")?;
    user.require_permission("write:page")?;
    user.require_tier("professional")?;
    Ok("handled")
}

#[tokio::test]
async fn the_checks_of_a_handler_reject_like_the_layers() {
    let mut user = ann();
    let app = Router::new().route("/", get(handler_with_checks));
    for (description, user_with_more) in [
        ("required scope: read", user_with_scopes(&["read"])),
        ("required role: reader", user_with_scopes(&["read"]).with_roles(["reader"])),
        ("required permission: write:page", user_with_scopes(&["read"]).with_roles(["editor"])),
        (
            "required tier: professional or higher",
            user_with_scopes(&["read"]).with_roles(["editor"]).with_tier(tier("enterprise")),
        ),
    ] {
        let response = TestResponse::get(&app.clone().layer(as_user(user)), "/", &[]).await;
        assert_eq!(response.status, 403, "{description}");
        assert!(
            response.challenge().contains(&format!("error_description=\"{description}\"")),
            "{}",
            response.challenge()
        );
        user = user_with_more;
    }
    assert_eq!(TestResponse::get(&app.layer(as_user(user)), "/", &[]).await.body, "handled");
}

async fn delete_page(
    Extractor(user): Extractor<UserContext>,
    Path(owner): Path<String>,
) -> Result<&'static str, Denial> {
    user.require_owner(&owner).or_else(|_| user.require_role("editor"))?;
    Ok("deleted")
}

async fn read_page(
    Extractor(user): Extractor<UserContext>,
    Path(owner): Path<String>,
) -> Result<&'static str, StatusCode> {
    user.require_owner(&owner).map_err(|_| StatusCode::NOT_FOUND)?;
    Ok("read")
}

#[tokio::test]
async fn only_the_owner_or_a_role_that_the_handler_admits_may_use_a_resource() {
    let app = Router::new().route("/delete/{owner}", get(delete_page)).route("/read/{owner}", get(read_page));
    for (user, path, expected) in [
        (ann(), "/delete/ann", 200),
        (ann(), "/delete/bob", 403),
        (ann(), "/delete/Ann", 403),
        (ann(), "/delete/ann%20", 403),
        (ann().with_roles(["editor"]), "/delete/bob", 200),
        (ann(), "/read/ann", 200),
        (ann(), "/read/bob", 404),
    ] {
        let response = TestResponse::get(&app.clone().layer(as_user(user)), path, &[]).await;
        assert_eq!(response.status, expected, "{path}");
    }
}

#[tokio::test]
async fn another_user_than_the_owner_is_403_not_owner_without_an_error_code() {
    async fn handler(user: UserContext) -> Result<(), Denial> {
        user.require_owner("bob")
    }
    let app = Router::new().route("/", get(handler)).layer(as_user(ann()));
    let response = TestResponse::get(&app, "/", &[]).await;
    assert_eq!((response.status.as_u16(), response.challenge()), (403, "Bearer realm=\"api\""));
    assert!(response.body.contains("\"code\":\"not_owner\""), "{}", response.body);
    assert!(!response.body.contains("bob") && !response.body.contains("ann"), "{}", response.body);
}

#[test]
fn a_resource_without_an_owner_belongs_to_no_user() {
    assert_eq!(UserContext::new("").require_owner("").unwrap_err().kind(), &DenialKind::NotOwner);
    assert!(ann().require_owner("").is_err());
}

#[test]
fn a_denied_tier_has_the_rank_of_the_users_tiers_if_they_name_it() {
    let denied = |user: UserContext, name: &str| match user.require_tier(name).unwrap_err().kind() {
        DenialKind::InsufficientTier { required, .. } => required.clone(),
        kind => panic!("{kind:?}"),
    };
    let basic = || ann().with_tier(tier("basic"));
    assert_eq!(denied(basic(), "enterprise"), tier("enterprise"));
    assert_eq!(denied(basic(), "unknown").name(), "unknown");
    assert_eq!(denied(ann(), "basic").name(), "basic");
}

#[tokio::test]
async fn challenges_of_layers_and_handlers_name_the_realm_of_the_authenticating_layer() {
    let issuer = TestIssuer::start().await.unwrap();
    let keys = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let auth = JwtAuth::builder().issuer(keys).audience("api").realm("vault").optional().build().unwrap();
    let app = Router::new()
        .route("/handler", get(handler_with_checks))
        .route("/layer", get(|| async {}).layer(RequireScope::new("read").unwrap()))
        .layer(auth);
    let bearer = format!("Bearer {}", issuer.token("ann").audience("api").sign());
    for path in ["/handler", "/layer"] {
        let insufficient = TestResponse::get(&app, path, &[("authorization", &bearer)]).await;
        assert!(insufficient.challenge().starts_with("Bearer realm=\"vault\", error=\"insufficient_scope\""), "{path}");
        let anonymous = TestResponse::get(&app, path, &[]).await;
        assert_eq!((anonymous.status.as_u16(), anonymous.challenge()), (401, "Bearer realm=\"vault\""), "{path}");
    }
    assert_eq!(Visitor::anonymous(Realm::new("vault")).realm().name(), "vault");
}

#[tokio::test]
async fn with_route_layer_the_fallback_is_not_protected() {
    let app = Router::new()
        .route("/", get(|| async {}))
        .route_layer(RequireScope::new("read").unwrap())
        .layer(as_user(ann()));
    assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 403);
    assert_eq!(TestResponse::get(&app, "/nowhere", &[]).await.status, 404);
}

#[tokio::test]
async fn several_layers_on_one_route_must_all_admit() {
    let (app, calls) = protected_by(|route| {
        let scope = RequireScope::new("read").unwrap();
        route.layer(ServiceBuilder::new().layer(scope).layer(RequireTier::at_least(&tiers(), "professional").unwrap()))
    });
    assert_eq!(status(&app, user_with_scopes(&["read"])).await, 403);
    assert_eq!(status(&app, ann().with_tier(tier("enterprise"))).await, 403);
    assert_eq!(calls.load(SeqCst), 0);
    assert_eq!(status(&app, user_with_scopes(&["read"]).with_tier(tier("enterprise"))).await, 200);
}
