//! `Require*`: who has, who lacks, who is nobody, and a layer that was forgotten.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{MethodRouter, get};
use portcullis::context::{Realm, Visitor};
use portcullis::gate::{Denial, DenialKind};
use portcullis::testing::{TestIssuer, as_anonymous, as_user};
use portcullis::{
    Extractor, Issuer, JwtAuth, Permission, RequirePermission, RequireRole, RequireScope, RequireTier, Roles, Scopes,
    Tier, Tiers, UserContext,
};
use tower::ServiceBuilder;

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

fn scoped(scopes: &[&str]) -> UserContext {
    ann().with_scopes(Scopes::new(scopes).unwrap())
}

/// A route, guarded by what `guard` puts around it, and how often its handler was called.
fn guarded(guard: impl FnOnce(MethodRouter) -> MethodRouter) -> (Router, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let handler = get(move || async move {
        count.fetch_add(1, SeqCst);
    });
    (Router::new().route("/", guard(handler)), calls)
}

/// A route behind each kind of gate.
fn gates() -> [(&'static str, (Router, Arc<AtomicUsize>)); 4] {
    let editor = || roles().get("editor").unwrap();
    [
        ("RequireScope", guarded(|route| route.layer(RequireScope::all(["read"]).unwrap()))),
        ("RequireRole", guarded(|route| route.layer(RequireRole::all([editor()]).unwrap()))),
        ("RequirePermission", guarded(|route| route.layer(RequirePermission::all(["write:page"]).unwrap()))),
        ("RequireTier", guarded(|route| route.layer(RequireTier::at_least(tier("professional"))))),
    ]
}

async fn status(app: &Router, user: UserContext) -> u16 {
    TestResponse::get(&app.clone().layer(as_user(user)), "/", &[]).await.status.as_u16()
}

#[tokio::test]
async fn a_user_who_has_what_is_required_reaches_the_handler() {
    let user = scoped(&["read"]).with_roles(["editor"]).with_tier(tier("enterprise"));
    for (name, (app, calls)) in gates() {
        assert_eq!(status(&app, user.clone()).await, 200, "{name}");
        assert_eq!(calls.load(SeqCst), 1, "{name}");
    }
}

#[tokio::test]
async fn a_user_who_lacks_it_is_403_with_the_challenge_and_the_handler_is_not_called() {
    for (name, (app, calls)) in gates() {
        let answer = TestResponse::get(&app.layer(as_user(ann())), "/", &[]).await;
        let (what, scope) = match name {
            "RequireScope" => ("missing scope: read", ", scope=\"read\""),
            "RequireRole" => ("missing role: editor", ""),
            "RequirePermission" => ("missing permission: write:page", ""),
            _ => ("required tier: professional or higher", ""),
        };
        assert_eq!(answer.status, 403, "{name}");
        let error = format!("error=\"insufficient_scope\", error_description=\"{what}\"{scope}");
        assert_eq!(answer.challenge(), format!("Bearer realm=\"api\", {error}"));
        assert_eq!(calls.load(SeqCst), 0, "{name}");
    }
}

#[tokio::test]
async fn an_anonymous_visitor_is_401_with_a_challenge_and_no_error() {
    for (name, (app, calls)) in gates() {
        let answer = TestResponse::get(&app.layer(as_anonymous()), "/", &[]).await;
        assert_eq!((answer.status.as_u16(), answer.challenge()), (401, "Bearer realm=\"api\""), "{name}");
        assert_eq!(answer.denial.unwrap().kind(), &DenialKind::CredentialsMissing);
        assert_eq!(calls.load(SeqCst), 0, "{name}");
    }
}

/// What is written to the log while a test runs on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn without_an_authenticating_gate_it_is_500_and_the_log_names_the_gate() {
    for (name, (app, calls)) in gates() {
        let log = Log::default();
        let listening = log.listen();
        let answer = TestResponse::get(&app, "/", &[("authorization", "Bearer a.b.c"), ("x-user", "ann")]).await;
        drop(listening);
        assert_eq!((answer.status.as_u16(), answer.challenge()), (500, ""), "{name}");
        assert_eq!(answer.denial.unwrap().kind(), &DenialKind::AuthLayerMissing { required_by: name });
        assert_eq!(calls.load(SeqCst), 0, "{name}");
        let text = log.text();
        assert!(text.contains("ERROR") && text.contains(name) && text.contains("JwtAuth"), "{text}");
        assert!(!answer.body.contains(name), "{}", answer.body);
    }
}

#[tokio::test]
async fn all_scopes_or_any_of_them() {
    for (own, all, any) in [
        (&["a", "b", "c"][..], 200, 200),
        (&["a"], 403, 200),
        (&["b"], 403, 200),
        (&["c", "ab"], 403, 403),
        (&[], 403, 403),
    ] {
        let (app, _) = guarded(|route| route.layer(RequireScope::all(["a", "b"]).unwrap()));
        assert_eq!(status(&app, scoped(own)).await, all, "all of {own:?}");
        let (app, _) = guarded(|route| route.layer(RequireScope::any(["a", "b"]).unwrap()));
        assert_eq!(status(&app, scoped(own)).await, any, "any of {own:?}");
    }
}

#[tokio::test]
async fn the_challenge_names_all_scopes_of_a_gate_for_any_of_them() {
    let (app, _) = guarded(|route| route.layer(RequireScope::any(["b", "a"]).unwrap()));
    let answer = TestResponse::get(&app.layer(as_user(ann())), "/", &[]).await;
    assert!(answer.challenge().ends_with(", scope=\"b a\""), "{}", answer.challenge());
}

#[tokio::test]
async fn a_role_is_had_by_who_has_one_that_inherits_it() {
    let (app, _) = guarded(|route| route.layer(RequireRole::any([roles().get("reader").unwrap()]).unwrap()));
    for (own, expected) in [("reader", 200), ("editor", 200), ("auditor", 403), ("Reader", 403)] {
        assert_eq!(status(&app, ann().with_roles([own])).await, expected, "{own}");
    }
    let both = ["reader", "auditor"].map(|name| roles().get(name).unwrap());
    let (app, _) = guarded(|route| route.layer(RequireRole::all(both).unwrap()));
    assert_eq!(status(&app, ann().with_roles(["editor"])).await, 403);
    assert_eq!(status(&app, ann().with_roles(["editor", "auditor"])).await, 200);
}

#[tokio::test]
async fn a_permission_is_the_users_own_or_granted_by_a_role_also_by_wildcard() {
    let own = |text: &str| ann().with_permissions([Permission::new(text).unwrap()]);
    for (needed, user, expected) in [
        ("write:page", own("write:page"), 200),
        ("write:page", own("read:page"), 403),
        ("write:page", ann().with_roles(["editor"]), 200),
        ("read:page", ann().with_roles(["editor"]), 200),
        ("write:page", ann().with_roles(["reader"]), 403),
        ("delete:draft", ann().with_roles(["editor"]), 200),
        ("read:log", ann().with_roles(["auditor"]), 200),
        ("write:log", ann().with_roles(["auditor"]), 403),
        ("write:page", UserContext::new("bob").with_roles(["editor"]), 403),
    ] {
        let (app, _) = guarded(|route| route.layer(RequirePermission::all([needed]).unwrap()));
        assert_eq!(status(&app, user.clone()).await, expected, "{needed} for {user:?}");
    }
    let (app, _) = guarded(|route| route.layer(RequirePermission::any(["write:page", "read:log"]).unwrap()));
    assert_eq!(status(&app, own("read:log")).await, 200);
}

#[tokio::test]
async fn a_tier_admits_itself_and_those_above() {
    let (app, _) = guarded(|route| route.layer(RequireTier::at_least(tier("professional"))));
    for (own, expected) in [("basic", 403), ("professional", 200), ("enterprise", 200)] {
        assert_eq!(status(&app, ann().with_tier(tier(own))).await, expected, "{own}");
    }
    assert_eq!(status(&app, ann()).await, 403);
}

#[tokio::test]
async fn a_tier_of_another_table_is_compared_by_its_name_in_the_gates_order() {
    let reversed = Tiers::ascending(["enterprise", "professional", "basic"]).unwrap();
    let (app, _) = guarded(|route| route.layer(RequireTier::at_least(tier("professional"))));
    assert_eq!(status(&app, ann().with_tier(reversed.get("basic").unwrap())).await, 403);
    assert_eq!(status(&app, ann().with_tier(reversed.get("enterprise").unwrap())).await, 200);
    let strange = Tiers::ascending(["basic", "platinum"]).unwrap().get("platinum").unwrap();
    assert_eq!(status(&app, ann().with_tier(strange)).await, 403);
}

/// What tokens of these tiers get of a route for `needed`, with and without a default tier.
async fn by_token(needed: &str, own: Option<&str>, default: Option<&str>) -> u16 {
    let issuer = TestIssuer::start().await.unwrap();
    let keys = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let mut auth = JwtAuth::builder().issuer(keys).audience("api").tiers(tiers());
    if let Some(default) = default {
        auth = auth.default_tier(tier(default));
    }
    let (app, _) = guarded(|route| route.layer(RequireTier::at_least(tier(needed))));
    let mut token = issuer.token("ann").audience("api");
    if let Some(own) = own {
        token = token.tier(own);
    }
    let bearer = format!("Bearer {}", token.sign());
    TestResponse::get(&app.layer(auth.build().unwrap()), "/", &[("authorization", &bearer)]).await.status.as_u16()
}

#[tokio::test]
async fn a_tokens_tier_is_judged_and_an_unknown_one_ranks_below_all() {
    for (needed, own, default, expected) in [
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
        assert_eq!(by_token(needed, own, default).await, expected, "{own:?} of {needed}, default {default:?}");
    }
}

#[test]
fn what_is_misspelt_fails_at_start_up_with_the_known_ones_listed() {
    let tier = tiers().get("profesional").unwrap_err().to_string();
    assert_eq!(tier, "Tiers::get \"profesional\": no such tier; use one of: basic, professional, enterprise");
    let role = roles().get("editr").unwrap_err().to_string();
    assert_eq!(role, "Roles::get \"editr\": no such role; use one of: auditor, editor, reader");
    let permission = roles().permission("write:pgae").unwrap_err().to_string();
    assert!(permission.starts_with("Roles::permission \"write:pgae\": no role grants it"), "{permission}");
    let error = RequirePermission::all(["write", "a b:c"]).unwrap_err();
    assert_eq!(error.issues().iter().map(|problem| problem.value().unwrap()).collect::<Vec<_>>(), ["write", "a b:c"]);
    let error = RequireScope::any(["a b", "", "c"]).unwrap_err();
    assert_eq!(error.issues().len(), 2);
    for error in [
        RequireScope::all([""; 0]).unwrap_err(),
        RequireRole::any([]).unwrap_err(),
        RequirePermission::any([""; 0]).unwrap_err(),
    ] {
        assert!(error.to_string().contains("the list is empty; name at least one"), "{error}");
    }
}

async fn checked(Extractor(user): Extractor<UserContext>) -> Result<&'static str, Denial> {
    user.require_scope("read")?;
    user.require_role("reader")?;
    user.require_permission("write:page")?;
    user.require_tier(&tier("professional"))?;
    Ok("handled")
}

#[tokio::test]
async fn a_handler_ends_with_a_question_mark_what_a_user_lacks() {
    let mut user = ann();
    let app = Router::new().route("/", get(checked));
    for (needed, step) in [
        ("missing scope: read", scoped(&["read"])),
        ("missing role: reader", scoped(&["read"]).with_roles(["reader"])),
        ("missing permission: write:page", scoped(&["read"]).with_roles(["editor"])),
        (
            "required tier: professional or higher",
            scoped(&["read"]).with_roles(["editor"]).with_tier(tier("enterprise")),
        ),
    ] {
        let answer = TestResponse::get(&app.clone().layer(as_user(user)), "/", &[]).await;
        assert_eq!(answer.status, 403, "{needed}");
        assert!(answer.challenge().contains(&format!("error_description=\"{needed}\"")), "{}", answer.challenge());
        user = step;
    }
    assert_eq!(TestResponse::get(&app.layer(as_user(user)), "/", &[]).await.body, "handled");
}

#[tokio::test]
async fn the_challenges_of_gates_and_handlers_name_the_realm_of_who_authenticated() {
    let issuer = TestIssuer::start().await.unwrap();
    let keys = Issuer::jwks_document(issuer.url(), issuer.jwks());
    let auth = JwtAuth::builder().issuer(keys).audience("api").realm("vault").optional().build().unwrap();
    let app = Router::new()
        .route("/handler", get(checked))
        .route("/gate", get(|| async {}).layer(RequireScope::all(["read"]).unwrap()))
        .layer(auth);
    let bearer = format!("Bearer {}", issuer.token("ann").audience("api").sign());
    for path in ["/handler", "/gate"] {
        let lacking = TestResponse::get(&app, path, &[("authorization", &bearer)]).await;
        assert!(lacking.challenge().starts_with("Bearer realm=\"vault\", error=\"insufficient_scope\""), "{path}");
        let anonymous = TestResponse::get(&app, path, &[]).await;
        assert_eq!((anonymous.status.as_u16(), anonymous.challenge()), (401, "Bearer realm=\"vault\""), "{path}");
    }
    assert_eq!(Visitor::anonymous(Realm::new("vault")).realm().name(), "vault");
}

#[tokio::test]
async fn on_route_layer_the_gate_guards_routes_and_not_the_fallback() {
    let app = Router::new()
        .route("/", get(|| async {}))
        .route_layer(RequireScope::all(["read"]).unwrap())
        .layer(as_user(ann()));
    assert_eq!(TestResponse::get(&app, "/", &[]).await.status, 403);
    assert_eq!(TestResponse::get(&app, "/nowhere", &[]).await.status, 404);
}

#[tokio::test]
async fn gates_on_one_route_must_all_be_passed() {
    let (app, calls) = guarded(|route| {
        let scope = RequireScope::all(["read"]).unwrap();
        route.layer(ServiceBuilder::new().layer(scope).layer(RequireTier::at_least(tier("professional"))))
    });
    assert_eq!(status(&app, scoped(&["read"])).await, 403);
    assert_eq!(status(&app, ann().with_tier(tier("enterprise"))).await, 403);
    assert_eq!(calls.load(SeqCst), 0);
    assert_eq!(status(&app, scoped(&["read"]).with_tier(tier("enterprise"))).await, 200);
}
