//! The presets for GitHub Actions, GitLab CI and Kubernetes.

use axum::http::StatusCode;
use portcullis::gate::TokenError;
use portcullis::{Issuer, JwtAuth, Pin, Principal};
use serde_json::{Value, json};

use super::{Preset, with_changes};
use crate::support::fake_network::FakeNetwork;
use crate::support::jwt_app::JwtApp;
use crate::support::log_capture::LogCapture;

const GITHUB_KEYS: &str = "https://token.actions.githubusercontent.com/.well-known/jwks";
const DEPLOY: &str = "https://deploy.example.com";

/// Published by GitHub as an example, with another audience.
fn github_claims() -> Value {
    json!({
        "jti": "example-id", "sub": "repo:octo-org/octo-repo:environment:prod", "environment": "prod", "aud": DEPLOY,
        "ref": "refs/heads/main", "sha": "example-sha", "repository": "octo-org/octo-repo",
        "repository_owner": "octo-org", "actor_id": "12", "repository_visibility": "private", "repository_id": "74",
        "repository_owner_id": "65", "run_id": "example-run-id", "run_number": "10", "run_attempt": "2",
        "runner_environment": "github-hosted", "actor": "octocat", "workflow": "example-workflow", "head_ref": "",
        "base_ref": "", "event_name": "workflow_dispatch", "enterprise": "avocado-corp", "enterprise_id": "2",
        "ref_type": "branch", "iss": "https://token.actions.githubusercontent.com", "nbf": 1_632_492_967,
        "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
    })
}

#[tokio::test]
async fn github_actions_token_is_a_client_whose_id_is_the_subject() {
    for pin in [Pin::repository_owner_id(65), Pin::repository_id(74)] {
        let preset = Preset::start(Issuer::github_actions(pin), DEPLOY, GITHUB_KEYS).await;
        let response = preset.send_token(json!({"typ": "JWT", "x5t": "example-thumbprint"}), &github_claims()).await;
        let user = response.user();
        assert_eq!(user.principal(), Principal::Client);
        assert_eq!(user.id(), "repo:octo-org/octo-repo:environment:prod");
        assert_eq!(user.client_id(), Some("repo:octo-org/octo-repo:environment:prod"));
    }
}

#[tokio::test]
async fn github_actions_token_of_a_foreign_repository_or_a_renamed_owner_is_rejected() {
    let owner = Preset::start(Issuer::github_actions(Pin::repository_owner_id(65)), DEPLOY, GITHUB_KEYS).await;
    let repository = Preset::start(Issuer::github_actions(Pin::repository_id(74)), DEPLOY, GITHUB_KEYS).await;
    // The names are as before, but the owner or the repository is another one.
    for changes in [
        json!({"repository_owner_id": "66", "repository_id": "75"}),
        json!({"repository_owner_id": 65, "repository_id": 74}),
        json!({"repository_owner_id": null, "repository_id": null}),
    ] {
        let claims = with_changes(&github_claims(), changes);
        let response = owner.send_token(json!({"typ": "JWT"}), &claims).await;
        response.assert_invalid_token(TokenError::claim_mismatch("repository_owner_id"));
        let response = repository.send_token(json!({"typ": "JWT"}), &claims).await;
        response.assert_invalid_token(TokenError::claim_mismatch("repository_id"));
    }
    let other = with_changes(&github_claims(), json!({"aud": "https://github.com/octo-org"}));
    owner.send_token(json!({"typ": "JWT"}), &other).await.assert_invalid_token(TokenError::Audience);
}

#[tokio::test]
async fn github_actions_claims_can_be_required_beside_the_pin() {
    let workflow = "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main";
    for (claim, value) in [("environment", "prod"), ("ref", "refs/heads/main"), ("job_workflow_ref", workflow)] {
        let issuer = Issuer::github_actions(Pin::repository_owner_id(65)).require_claim(claim, [value]);
        let preset = Preset::start(issuer, DEPLOY, GITHUB_KEYS).await;
        assert!(preset.send_token(json!({"typ": "JWT"}), &github_claims()).await.handler_called, "{claim}");
        let other = with_changes(&github_claims(), json!({claim: "other"}));
        let response = preset.send_token(json!({"typ": "JWT"}), &other).await;
        response.assert_invalid_token(TokenError::claim_mismatch(claim));
    }
}

#[tokio::test]
async fn github_actions_of_an_enterprise_has_an_issuer_by_slug_or_by_url() {
    let pin = Pin::repository_owner_id(65);
    for (issuer, iss) in [
        (
            Issuer::github_actions_enterprise("avocado-corp", pin),
            "https://token.actions.githubusercontent.com/avocado-corp",
        ),
        (
            Issuer::github_actions_at("https://github.example.com/_services/token", pin),
            "https://github.example.com/_services/token",
        ),
    ] {
        let keys: &'static str = format!("{iss}/.well-known/jwks").leak();
        let preset = Preset::start(issuer, DEPLOY, keys).await;
        let claims = with_changes(&github_claims(), json!({"iss": iss}));
        assert!(preset.send_token(json!({"typ": "JWT"}), &claims).await.handler_called, "{iss}");
        let response = preset.send_token(json!({"typ": "JWT"}), &github_claims()).await;
        response.assert_invalid_token(TokenError::Issuer);
    }
}

#[test]
fn an_issuer_whose_tokens_anyone_can_get_needs_a_pin() {
    for (name, claims) in [
        ("https://token.actions.githubusercontent.com", "repository_owner_id"),
        ("https://token.actions.githubusercontent.com/avocado-corp", "repository_owner_id"),
        ("https://gitlab.com", "project_id"),
    ] {
        for issuer in [Issuer::discover(name), Issuer::jwks(name, "https://keys.example/jwks")] {
            let error = JwtAuth::builder().issuer(issuer.clone()).audience(DEPLOY).build().unwrap_err();
            assert_eq!(error.issues()[0].setting(), "require_claim", "{name}");
            assert!(error.issues()[0].remedy().contains(claims), "{name}");
            for claim in ["ref", "environment", "aud", "event_name", "job_workflow_ref", "/project_id/x"] {
                let pinned = issuer.clone().require_claim(claim, ["x"]).contains_claim(claim, ["x"]);
                let error = JwtAuth::builder().issuer(pinned).audience(DEPLOY).build().unwrap_err();
                assert_eq!(error.issues()[0].setting(), "require_claim", "{name} {claim}");
            }
            let pinned = issuer.require_claim(claims, ["20"]);
            assert!(JwtAuth::builder().issuer(pinned).audience(DEPLOY).build().is_ok(), "{name}");
        }
    }
    let own = Issuer::discover("https://gitlab.com.example");
    assert!(JwtAuth::builder().issuer(own).audience(DEPLOY).build().is_ok());
}

#[test]
fn a_pin_of_another_provider_is_an_error() {
    for issuer in [
        Issuer::github_actions(Pin::project_id(1)),
        Issuer::github_actions_enterprise("avocado-corp", Pin::namespace_id(1)),
        Issuer::github_actions_at("https://github.example.com/_services/token", Pin::namespace_id(1)),
        Issuer::gitlab_ci("https://gitlab.com", Pin::repository_id(1)),
    ] {
        let error = JwtAuth::builder().issuer(issuer).audience(DEPLOY).build().unwrap_err();
        assert!(error.issues()[0].reason().starts_with("is not the id of a"), "{error}");
    }
}

/// Published by GitLab as an example, with another audience.
fn gitlab_claims() -> Value {
    json!({
        "namespace_id": "72", "namespace_path": "my-group", "project_id": "20", "project_path": "my-group/my-project",
        "user_id": "1", "user_login": "sample-user", "user_email": "sample-user@example.com",
        "user_identities": [{"provider": "github", "extern_uid": "2435223452345"}], "pipeline_id": "574",
        "pipeline_source": "push", "job_id": "302", "ref": "feature-branch-1", "ref_type": "branch",
        "ref_path": "refs/heads/feature-branch-1", "ref_protected": "false", "groups_direct": ["mygroup/mysubgroup"],
        "environment": "test-environment2", "environment_protected": "false", "deployment_tier": "testing",
        "environment_action": "start", "runner_id": 1, "runner_environment": "self-hosted", "sha": "714a629c",
        "project_visibility": "public", "jti": "235b3a54", "iss": "https://gitlab.example.com",
        "nbf": 1_681_395_188, "aud": DEPLOY, "sub": "project_path:my-group/my-project:ref_type:branch:ref:feature-branch-1",
    })
}

async fn gitlab(issuer: Issuer) -> Preset {
    Preset::start(issuer, DEPLOY, "https://gitlab.example.com/oauth/discovery/keys").await
}

#[tokio::test]
async fn gitlab_token_is_a_client_and_pinned_by_namespace_or_project() {
    for (pin, claim) in [(Pin::namespace_id(72), "namespace_id"), (Pin::project_id(20), "project_id")] {
        let preset = gitlab(Issuer::gitlab_ci("https://gitlab.example.com", pin)).await;
        let response = preset.send_token(json!({"typ": "JWT"}), &gitlab_claims()).await;
        let user = response.user();
        assert_eq!((user.principal(), user.client_id()), (Principal::Client, Some(user.id())));
        for value in [json!("21"), json!(20), Value::Null] {
            let other = with_changes(&gitlab_claims(), json!({claim: value}));
            let response = preset.send_token(json!({"typ": "JWT"}), &other).await;
            response.assert_invalid_token(TokenError::claim_mismatch(claim));
        }
    }
}

#[tokio::test]
async fn gitlab_booleans_are_strings() {
    let issuer =
        Issuer::gitlab_ci("https://gitlab.example.com", Pin::project_id(20)).require_claim("ref_protected", ["true"]);
    let preset = gitlab(issuer).await;
    for (value, is_accepted) in [(json!("true"), true), (json!(true), false), (json!("false"), false)] {
        let claims = with_changes(&gitlab_claims(), json!({"ref_protected": value}));
        assert_eq!(preset.send_token(json!({"typ": "JWT"}), &claims).await.handler_called, is_accepted, "{value}");
    }
}

#[tokio::test]
async fn gitlab_pipeline_of_a_fork_is_rejected_unless_allowed() {
    let own_job = with_changes(&gitlab_claims(), json!({"job_project_id": "20", "job_namespace_id": "72"}));
    let fork = with_changes(&gitlab_claims(), json!({"job_project_id": "7", "job_namespace_id": "3"}));
    let strict = gitlab(Issuer::gitlab_ci("https://gitlab.example.com", Pin::project_id(20))).await;
    assert!(strict.send_token(json!({"typ": "JWT"}), &own_job).await.handler_called);
    let response = strict.send_token(json!({"typ": "JWT"}), &fork).await;
    response.assert_invalid_token(TokenError::claim_mismatch("job_project_id"));
    let lenient = gitlab(Issuer::gitlab_ci("https://gitlab.example.com", Pin::project_id(20)).allow_forks()).await;
    assert!(lenient.send_token(json!({"typ": "JWT"}), &fork).await.handler_called);
}

/// Made from documentation: a projected token of a service account.
fn kubernetes_claims() -> Value {
    json!({
        "aud": ["https://orders.example.com"], "iss": "https://kubernetes.default.svc", "jti": "aed34954",
        "kubernetes.io": {"namespace": "jobs", "node": {"name": "node-1", "uid": "646e7c5e"},
            "pod": {"name": "importer-1", "uid": "5e0bd49b"}, "serviceaccount": {"name": "importer", "uid": "14ee3fa4"},
            "warnafter": 1_729_605_240},
        "nbf": 1_729_601_631, "sub": "system:serviceaccount:jobs:importer",
    })
}

async fn kubernetes(issuer: Issuer) -> Preset {
    Preset::start(issuer, "https://orders.example.com", "https://kubernetes.default.svc/openid/v1/jwks").await
}

#[tokio::test]
async fn kubernetes_service_account_is_a_client_and_can_be_pinned() {
    let any = kubernetes(Issuer::kubernetes("https://kubernetes.default.svc")).await;
    let response = any.send_token(json!({}), &kubernetes_claims()).await;
    let user = response.user();
    assert_eq!(user.principal(), Principal::Client);
    assert_eq!(user.client_id(), Some("system:serviceaccount:jobs:importer"));

    let issuer = Issuer::kubernetes("https://kubernetes.default.svc");
    let issuer = issuer.service_account("jobs", "importer").service_account("jobs", "exporter");
    let pinned = kubernetes(issuer).await;
    for (subject, is_accepted) in [
        ("system:serviceaccount:jobs:importer", true),
        ("system:serviceaccount:jobs:exporter", true),
        ("system:serviceaccount:other:importer", false),
        ("system:serviceaccount:jobs:importer2", false),
    ] {
        let claims = with_changes(&kubernetes_claims(), json!({"sub": subject}));
        assert_eq!(pinned.send_token(json!({}), &claims).await.handler_called, is_accepted, "{subject}");
    }
}

#[tokio::test]
async fn kubernetes_token_of_no_service_account_or_for_the_api_server_is_rejected() {
    let preset = kubernetes(Issuer::kubernetes("https://kubernetes.default.svc")).await;
    for (changes, error) in [
        (json!({"sub": "system:node:node-1"}), TokenError::claim_mismatch("sub")),
        (json!({"aud": ["https://kubernetes.default.svc"]}), TokenError::Audience),
    ] {
        preset.send_token(json!({}), &with_changes(&kubernetes_claims(), changes)).await.assert_invalid_token(error);
    }
    for (issuer, audience) in [
        ("https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local"),
        ("https://oidc.cluster.example.com/id/7", "https://oidc.cluster.example.com/id/7"),
    ] {
        let issuer = Issuer::kubernetes(issuer).audience(audience);
        let error = JwtAuth::builder().issuer(issuer).build().unwrap_err();
        assert_eq!((error.issues()[0].setting(), error.issues().len()), ("audience", 1), "{audience}");
    }
}

#[tokio::test]
async fn kubernetes_keys_that_the_client_cannot_get_are_503_and_the_reason_is_logged() {
    let issuer = Issuer::kubernetes("https://kubernetes.default.svc").audience("https://orders.example.com");
    let network = FakeNetwork::serving_keys_of(&super::rs256_signer().await);
    network.go_down();
    let app = JwtApp::new(JwtAuth::builder().issuer(issuer).http_client(network));
    let token = super::token_of(&super::rs256_signer().await, json!({}), &kubernetes_claims());
    let log = LogCapture::start();
    assert_eq!(app.status_for(&token).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.count("connection refused"), 1, "{}", log.text());
}
