//! Providers without a preset: tokens of the shape that their documentation describes, and the settings they need.

use portcullis::gate::TokenError;
use portcullis::{ClaimMap, Issuer, JwtAuth, Profile};
use serde_json::{Value, json};

use super::{rs256_signer, token_of, with_changes};
use crate::support::fake_http_client::FakeHttpClient;
use crate::support::protected_app::{AppResponse, ProtectedApp};

const KEYS_URL: &str = "https://keys.example/jwks";

/// A token of a provider, made from its documentation, and what the app learns from it.
struct Shape {
    name: &'static str,
    claims: Value,
    audience: &'static str,
    configure: fn(Issuer) -> Issuer,
    id: &'static str,
    tenant: Option<&'static str>,
    roles: &'static [&'static str],
}

impl Shape {
    fn issuer(&self) -> Issuer {
        let iss = self.claims["iss"].as_str().unwrap();
        (self.configure)(Issuer::jwks(iss, KEYS_URL).profile(Profile::Compatible).audience(self.audience))
    }
}

async fn send(issuer: Issuer, claims: &Value) -> AppResponse {
    let signer = rs256_signer().await;
    let fetch = FakeHttpClient::with_document(KEYS_URL, signer.jwks());
    let auth = JwtAuth::builder().issuer(issuer).http_client(fetch).build().unwrap();
    ProtectedApp::behind(auth).send_token(&token_of(&signer, json!({"typ": "JWT"}), claims)).await
}

/// Tokens of users.
fn users() -> Vec<Shape> {
    vec![
        Shape {
            name: "WorkOS",
            claims: json!({"iss": "https://api.workos.com/user_management/client_1", "sub": "user_1", "client_id": "client_1",
                "org_id": "org_1", "role": "member", "permissions": ["posts:create"], "sid": "session_1", "jti": "j"}),
            audience: "client_1",
            configure: |issuer| {
                issuer.audience_claim("client_id").map_claims(|claims| claims.tenant("org_id").roles(["role"]))
            },
            id: "user_1",
            tenant: Some("org_1"),
            roles: &["member"],
        },
        Shape {
            name: "Stytch",
            claims: json!({"iss": "stytch.com/project-live-1", "aud": ["project-live-1"], "sub": "user-live-1", "nbf": 1,
                "https://stytch.com/session": {"id": "session-live-1", "authentication_factors": []}}),
            audience: "project-live-1",
            configure: |issuer| issuer.map_claims(|claims| claims.session_id("/https:~1~1stytch.com~1session/id")),
            id: "user-live-1",
            tenant: None,
            roles: &[],
        },
        Shape {
            name: "FusionAuth",
            claims: json!({"iss": "acme.com", "aud": "app-1", "sub": "u1", "applicationId": "app-1", "auth_time": 1,
                "authenticationType": "PASSWORD", "email": "ann@example.com", "email_verified": true, "scope": "openid",
                "roles": ["admin"], "sid": "s1", "tid": "t1", "jti": "j"}),
            audience: "app-1",
            configure: |issuer| issuer.map_claims(|claims| claims.tenant("tid").roles(["roles"])),
            id: "u1",
            tenant: Some("t1"),
            roles: &["admin"],
        },
        Shape {
            name: "Cloudflare Access",
            claims: json!({"iss": "https://team.cloudflareaccess.com", "aud": ["32eafc7"], "sub": "u1", "type": "app",
                "email": "ann@example.com", "identity_nonce": "n", "country": "US", "nbf": 1}),
            audience: "32eafc7",
            configure: |issuer| issuer,
            id: "u1",
            tenant: None,
            roles: &[],
        },
        Shape {
            name: "Cloudflare Access, service token",
            claims: json!({"iss": "https://team.cloudflareaccess.com", "aud": "32eafc7", "sub": "", "type": "app",
                "common_name": "e367.access"}),
            audience: "32eafc7",
            configure: |issuer| issuer.map_claims(|claims| claims.id("common_name")),
            id: "e367.access",
            tenant: None,
            roles: &[],
        },
        Shape {
            name: "Azure AD B2C",
            claims: json!({"iss": "https://acme.b2clogin.com/72f988bf/v2.0/", "aud": "c1", "sub": "u1", "oid": "u1",
                "emails": ["ann@example.com"], "tfp": "B2C_1_signin", "scp": "read", "azp": "c2", "ver": "1.0"}),
            audience: "c1",
            configure: |issuer| issuer.require_claim("tfp", ["B2C_1_signin"]),
            id: "u1",
            tenant: None,
            roles: &[],
        },
        Shape {
            name: "AD FS",
            claims: json!({"iss": "http://adfs.example.com/adfs/services/trust", "aud": "microsoft:identityserver:c1",
                "sub": "u1", "appid": "c1", "apptype": "Confidential", "auth_time": "2026-11-30T08:00:00.000Z",
                "authmethod": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "scp": "openid"}),
            audience: "microsoft:identityserver:c1",
            configure: |issuer| issuer,
            id: "u1",
            tenant: None,
            roles: &[],
        },
        Shape {
            name: "Ory Hydra",
            claims: json!({"iss": "https://hydra.example.com/", "aud": ["api"], "sub": "u1", "client_id": "c1",
                "ext": {"roles": ["editor"]}, "scp": ["openid", "read"], "jti": "j", "nbf": 1}),
            audience: "api",
            configure: |issuer| issuer.map_claims(|claims| claims.roles(["/ext/roles"])),
            id: "u1",
            tenant: None,
            roles: &["editor"],
        },
        Shape {
            name: "Dex",
            claims: json!({"iss": "https://dex.example.com", "aud": "app", "sub": "CgNhbm4", "at_hash": "h", "nonce": "n",
                "email": "ann@example.com", "email_verified": true, "groups": ["dev"], "name": "ann"}),
            audience: "app",
            configure: |issuer| issuer.profile(Profile::IdToken).map_claims(|claims| claims.roles(["groups"])),
            id: "CgNhbm4",
            tenant: None,
            roles: &["dev"],
        },
        Shape {
            name: "PingOne",
            claims: json!({"iss": "https://auth.pingone.com/e1/as", "aud": ["https://api.example.com"], "sub": "u1",
                "client_id": "c1", "env": "e1", "org": "o1", "scope": "read", "p1.rid": "r"}),
            audience: "https://api.example.com",
            configure: |issuer| issuer.map_claims(|claims| claims.tenant("org")),
            id: "u1",
            tenant: Some("o1"),
            roles: &[],
        },
        Shape {
            name: "Salesforce",
            claims: json!({"iss": "https://acme.my.salesforce.com", "aud": ["https://acme.my.salesforce.com"],
                "sub": "uid:005xx0001", "client_id": "3MVG9", "scp": "api refresh_token", "mty": "oauth", "sfi": "f",
                "roles": [], "hsc": false, "nbf": 1}),
            audience: "https://acme.my.salesforce.com",
            configure: |issuer| issuer,
            id: "uid:005xx0001",
            tenant: None,
            roles: &[],
        },
        Shape {
            name: "Kinde",
            claims: json!({"iss": "https://acme.kinde.com", "aud": ["api"], "sub": "kp_1", "azp": "c1", "org_code": "org_1",
                "feature_flags": {"beta": {"t": "b", "v": true}}, "permissions": ["read:x"], "scp": ["openid"],
                "roles": [{"id": "r1", "key": "admin", "name": "Admin"}], "jti": "j"}),
            audience: "api",
            // The roles are objects. No role table uses them.
            configure: |issuer| issuer.map_claims(|claims| claims.tenant("org_code")),
            id: "kp_1",
            tenant: Some("org_1"),
            roles: &[],
        },
        Shape {
            name: "Descope",
            claims: json!({"iss": "https://api.descope.com/P2abc", "aud": ["P2abc"], "sub": "U2abc", "amr": ["email"],
                "drn": "DS", "dct": "T1", "rexp": "2026-12-30T08:00:00Z",
                "tenants": {"T1": {"roles": ["admin"], "permissions": []}}}),
            audience: "P2abc",
            configure: |issuer| issuer.map_claims(|claims| claims.tenant("dct").roles(["/tenants/T1/roles"])),
            id: "U2abc",
            tenant: Some("T1"),
            roles: &["admin"],
        },
        Shape {
            name: "Hanko",
            claims: json!({"iss": "https://1.hanko.io", "aud": ["app.example.com"], "sub": "u1", "session_id": "s1",
                "email": {"address": "ann@example.com", "is_primary": true, "is_verified": true}, "username": "ann"}),
            audience: "app.example.com",
            configure: |issuer| {
                let email = |claims: ClaimMap| claims.email(["/email/address"]).email_verified("/email/is_verified");
                issuer.map_claims(|claims| email(claims).session_id("session_id"))
            },
            id: "u1",
            tenant: None,
            roles: &[],
        },
        Shape {
            name: "SuperTokens",
            claims: json!({"iss": "https://api.example.com/auth", "sub": "u1", "rsub": "u1", "tId": "public",
                "sessionHandle": "h1", "refreshTokenHash1": "x", "parentRefreshTokenHash1": null, "antiCsrfToken": null,
                "st-role": {"v": ["admin"], "t": 1}, "st-perm": {"v": [], "t": 1}}),
            audience: "public",
            configure: |issuer| {
                issuer.audience_claim("tId").map_claims(|claims| claims.tenant("tId").roles(["/st-role/v"]))
            },
            id: "u1",
            tenant: Some("public"),
            roles: &["admin"],
        },
        Shape {
            name: "Casdoor",
            claims: json!({"iss": "https://door.example.com", "aud": ["c1"], "sub": "u1", "owner": "acme", "name": "ann",
                "tokenType": "access-token", "nonce": "n", "scope": "profile", "azp": "c1", "jti": "j",
                "roles": [{"owner": "acme", "name": "admin"}], "permissions": [{"owner": "acme", "name": "p"}]}),
            audience: "c1",
            // The permissions are objects, which are not names.
            configure: |issuer| {
                let none: [&str; 0] = [];
                issuer
                    .token_use("tokenType", "access-token")
                    .map_claims(|claims| claims.tenant("owner").permissions(none))
            },
            id: "u1",
            tenant: Some("acme"),
            roles: &[],
        },
        Shape {
            name: "Sign in with Apple",
            claims: json!({"iss": "https://appleid.apple.com", "aud": "com.example.app", "sub": "000.ab.1", "at_hash": "h",
                "email": "a@privaterelay.appleid.com", "email_verified": "true", "auth_time": 1, "nonce_supported": true}),
            audience: "com.example.app",
            configure: |issuer| issuer.profile(Profile::IdToken),
            id: "000.ab.1",
            tenant: None,
            roles: &[],
        },
        Shape {
            name: "Google Identity-Aware Proxy",
            claims: json!({"iss": "https://cloud.google.com/iap", "aud": "/projects/1/apps/acme", "hd": "example.com",
                "sub": "accounts.google.com:117", "email": "ann@example.com", "azp": "/projects/1/apps/acme"}),
            audience: "/projects/1/apps/acme",
            configure: |issuer| issuer.map_claims(|claims| claims.tenant("hd")),
            id: "accounts.google.com:117",
            tenant: Some("example.com"),
            roles: &[],
        },
        Shape {
            name: "the invented provider of the guide",
            claims: json!({"iss": "https://id.example.com/acme", "cid": "web", "kind": "api", "uid": "u-17", "sub": null,
                "org": {"id": "o-3", "groups": {"editors": true}}, "plan": "gold"}),
            audience: "web",
            configure: |issuer| {
                let claims = ClaimMap::new().id("uid").tenant("/org/id").role_keys(["/org/groups"]).tier(["plan"]);
                let issuer = issuer.audience_claim("cid").token_use("kind", "api").claims(claims);
                issuer.require_claim("/org/id", ["o-3", "o-4"])
            },
            id: "u-17",
            tenant: Some("o-3"),
            roles: &["editors"],
        },
    ]
}

/// Tokens of CI jobs and other workloads.
fn workloads() -> Vec<Shape> {
    let workload = |name, claims, audience, configure, id| Shape {
        name,
        claims,
        audience,
        configure,
        id,
        tenant: None,
        roles: &[],
    };
    vec![
        workload(
            "Buildkite",
            json!({"iss": "https://agent.buildkite.com", "aud": "https://deploy.example.com",
                "sub": "organization:acme:pipeline:p:ref:refs/heads/main:commit:9f3:step:build",
                "organization_id": "o1", "build_number": 1, "build_tag": null, "step_key": null, "nbf": 1}),
            "https://deploy.example.com",
            |issuer| issuer.require_claim("organization_id", ["o1"]),
            "organization:acme:pipeline:p:ref:refs/heads/main:commit:9f3:step:build",
        ),
        workload(
            "CircleCI",
            json!({"iss": "https://oidc.circleci.com/org/o1", "aud": "o1", "sub": "org/o1/project/p1/user/u1",
                "oidc.circleci.com/project-id": "p1", "oidc.circleci.com/context-ids": ["x"]}),
            "o1",
            |issuer| issuer.require_claim("oidc.circleci.com/project-id", ["p1"]),
            "org/o1/project/p1/user/u1",
        ),
        workload(
            "HCP Terraform",
            json!({"iss": "https://app.terraform.io", "aud": "deploy", "jti": "j", "nbf": 1, "terraform_run_phase": "apply",
                "sub": "organization:acme:project:p:workspace:w:run_phase:apply", "terraform_organization_id": "org-1"}),
            "deploy",
            |issuer| issuer.require_claim("terraform_organization_id", ["org-1"]),
            "organization:acme:project:p:workspace:w:run_phase:apply",
        ),
        workload(
            "Vercel",
            json!({"iss": "https://oidc.vercel.com/acme", "aud": "https://vercel.com/acme", "owner_id": "team_1",
                "sub": "owner:acme:project:p:environment:production", "project_id": "prj_1", "nbf": 1,
                "scope": "owner:acme:project:p:environment:production", "environment": "production"}),
            "https://vercel.com/acme",
            |issuer| issuer.require_claim("project_id", ["prj_1"]),
            "owner:acme:project:p:environment:production",
        ),
        workload(
            "Bitbucket Pipelines",
            json!({"iss": "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
                "aud": "ari:cloud:bitbucket::workspace/w1", "sub": "{r1}:{s1}", "repositoryUuid": "{r1}"}),
            "ari:cloud:bitbucket::workspace/w1",
            |issuer| issuer.require_claim("repositoryUuid", ["{r1}"]),
            "{r1}:{s1}",
        ),
        workload(
            "Amazon EKS",
            json!({"iss": "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE", "aud": ["orders"], "nbf": 1,
                "kubernetes.io": {"namespace": "jobs", "serviceaccount": {"name": "importer", "uid": "u"}},
                "sub": "system:serviceaccount:jobs:importer"}),
            "orders",
            |issuer| issuer.require_claim("/kubernetes.io/namespace", ["jobs"]),
            "system:serviceaccount:jobs:importer",
        ),
    ]
}

#[tokio::test]
async fn an_address_is_verified_if_the_provider_says_so_by_a_boolean_or_by_apples_text() {
    let mut verified = Vec::new();
    for shape in users() {
        if send(shape.issuer(), &shape.claims).await.user().email_verified() {
            verified.push(shape.name);
        }
    }
    assert_eq!(verified, ["FusionAuth", "Dex", "Hanko", "Sign in with Apple"]);
}

#[tokio::test]
async fn tokens_of_providers_without_a_preset_are_accepted_with_a_few_settings() {
    for shape in users().iter().chain(&workloads()) {
        let response = send(shape.issuer(), &shape.claims).await;
        assert!(response.handler_called, "{}: {}", shape.name, response.body);
        let user = response.user();
        assert_eq!((user.id(), user.tenant()), (shape.id, shape.tenant), "{}", shape.name);
        assert_eq!(user.roles().collect::<Vec<_>>(), shape.roles, "{}", shape.name);
        let other = json!({"aud": "other", "cid": "other", "client_id": "other", "tId": "other"});
        let other = with_changes(&shape.claims, other);
        let response = send(shape.issuer(), &other).await;
        response.assert_invalid_token(TokenError::Audience);
    }
}

#[tokio::test]
async fn a_workload_whose_required_claim_differs_is_rejected() {
    for shape in workloads() {
        let mut claims = shape.claims.clone();
        for name in [
            "organization_id",
            "terraform_organization_id",
            "project_id",
            "repositoryUuid",
            "kubernetes.io",
            "oidc.circleci.com/project-id",
        ] {
            if claims.get(name).is_some() {
                claims[name] = json!("other");
            }
        }
        let response = send(shape.issuer(), &claims).await;
        assert!(matches!(
            response.denial(),
            portcullis::gate::DenialKind::InvalidToken(TokenError::ClaimMismatch { .. })
        ));
    }
}

#[tokio::test]
async fn tokens_without_an_issuer_or_without_an_audience_are_rejected() {
    let issuer = || Issuer::jwks("hasura-auth", KEYS_URL).profile(Profile::Compatible).audience("api");
    // Made from documentation: a SPIFFE JWT-SVID has no `iss`, Hydra's default `aud` is empty, and tokens of hasura-auth
    // have no `aud`.
    for (claims, error) in [
        (json!({"aud": ["orders"], "sub": "spiffe://example.org/web", "iss": null}), TokenError::claim_missing("iss")),
        (json!({"aud": [], "sub": "u1", "iss": "hasura-auth"}), TokenError::claim_invalid("aud")),
        (json!({"sub": "u1", "iss": "hasura-auth"}), TokenError::claim_missing("aud")),
    ] {
        let signer = rs256_signer().await;
        let fetch = FakeHttpClient::with_document(KEYS_URL, signer.jwks());
        let auth = JwtAuth::builder().issuer(issuer()).http_client(fetch).build().unwrap();
        let mut token = signer.token("u1").header("typ", "JWT").without_claim("aud");
        for (name, value) in super::members(claims) {
            token = if value.is_null() { token.without_claim(&name) } else { token.claim(name, value) };
        }
        ProtectedApp::behind(auth).send_token(&token.sign()).await.assert_invalid_token(error);
    }
}
