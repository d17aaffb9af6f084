//! The codes of rejections: unique, documented, and the same in the code and in the guide.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::to_bytes;
use axum::response::IntoResponse;
use http::StatusCode;
use portcullis::context::{Credential, Realm};
use portcullis::gate::{AccountRefusal, CredentialError, Denial, DenialKind, PasswordProblem, TokenError, Violation};
use portcullis::{Scopes, Tiers};

const GUIDE: &str = include_str!("../../../src/_guide/recipes/error_bodies.md");
const CODE: &str = include_str!("../../../src/gate/denial/code.rs");
const REASONS: &str = include_str!("../../../src/security_event/reason.rs");

/// The rows of the guide's table: the code and the status.
fn documented() -> Vec<(String, String)> {
    let table = GUIDE.split("| code | status | meaning |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(code, rest)| (code.to_owned(), rest.split(" | ").next().unwrap().to_owned())).collect()
}

/// The codes of the reasons in the two `reason` functions, one per arm.
fn in_the_source() -> Vec<String> {
    let arms = CODE.lines().filter_map(|line| line.split_once("=> Reason::")?.1.strip_suffix(','));
    let row = |name: &str| REASONS.split_once(&format!("\n    {name}: \"")).unwrap().1;
    arms.map(|name| row(name).split('"').next().unwrap().to_owned()).collect()
}

fn kinds() -> Vec<DenialKind> {
    let violation = || Violation::new(["default"], Some(Duration::from_secs(1)));
    let tiers = Tiers::ascending(["basic", "pro"]).unwrap();
    let invalid_setting = Scopes::new(["two words"]).unwrap_err();
    let mut kinds = vec![
        DenialKind::AbnormalUsage(violation()),
        DenialKind::AccountRefused(AccountRefusal::Inactive),
        DenialKind::AccountRefused(AccountRefusal::Locked),
        DenialKind::AccountRefused(AccountRefusal::other("the terms were not accepted")),
        DenialKind::AccountRefused(AccountRefusal::Unverified),
        DenialKind::AddressNotForwarded,
        DenialKind::address_refused(None),
        DenialKind::AddressUnknown,
        DenialKind::api_key_store_unavailable(Duration::from_secs(1)),
        DenialKind::auth_layer_missing("RequireUser"),
        DenialKind::breach_check_unavailable(Duration::from_secs(1)),
        DenialKind::ClaimsMismatch,
        DenialKind::ClientNotAllowed,
        DenialKind::credential_not_accepted(Credential::ApiKey, [Credential::Session]),
        DenialKind::CredentialsMissing,
        DenialKind::cross_site(None),
        DenialKind::EmailNotVerified,
        DenialKind::insufficient_authentication(),
        DenialKind::insufficient_authorization_details("payment_initiation"),
        DenialKind::InsufficientClaims,
        DenialKind::insufficient_permission(["write:page"]),
        DenialKind::insufficient_role(["editor"]),
        DenialKind::insufficient_scope(Scopes::new(["read"]).unwrap()),
        DenialKind::insufficient_tier(tiers.get("pro").unwrap()),
        DenialKind::introspection_unavailable(Duration::from_secs(1)),
        DenialKind::InvalidApiKeySettings(invalid_setting),
        DenialKind::InvalidCredential,
        DenialKind::InvalidOneTimeToken,
        DenialKind::InvalidCredentials,
        DenialKind::overloaded(Duration::from_secs(1)),
        DenialKind::password_history_too_long(24),
        DenialKind::password_rejected([PasswordProblem::Common]),
        DenialKind::InvalidRequest(CredentialError::Malformed),
        DenialKind::InvalidRequest(CredentialError::Multiple),
        DenialKind::keys_unavailable(Duration::from_secs(1)),
        DenialKind::NonceMissing,
        DenialKind::NotOwner,
        DenialKind::NotRevocable,
        DenialKind::one_time_token_misuse("a state is empty"),
        DenialKind::open_route("RequireUser"),
        DenialKind::QuotaExceeded(violation()),
        DenialKind::RateLimitKeyMissing,
        DenialKind::rate_limit_missing("RateLimitStatus"),
        DenialKind::ReducedCapacity(violation()),
        DenialKind::replay_cache_unavailable(Duration::from_secs(1)),
        DenialKind::revocations_unavailable(Duration::from_secs(1)),
        DenialKind::SessionChangeInvalid,
        DenialKind::SessionLayerMissing,
        DenialKind::CsrfTokenInvalid,
        DenialKind::SessionNotFound,
        DenialKind::session_store_unavailable(Duration::from_secs(1)),
        DenialKind::TooManySessions,
        DenialKind::users_unavailable(Duration::from_secs(1)),
    ];
    kinds.extend(token_errors().map(DenialKind::InvalidToken));
    kinds
}

fn token_errors() -> impl Iterator<Item = TokenError> {
    [
        TokenError::Algorithm,
        TokenError::Audience,
        TokenError::Charset,
        TokenError::claim_invalid("exp"),
        TokenError::claim_mismatch("exp"),
        TokenError::claim_missing("exp"),
        TokenError::Claims,
        TokenError::Confirmation,
        TokenError::Critical,
        TokenError::Encoding,
        TokenError::Encrypted,
        TokenError::Expired,
        TokenError::Header,
        TokenError::Inactive,
        TokenError::IssuedInFuture,
        TokenError::Issuer,
        TokenError::Key,
        TokenError::Lifetime,
        TokenError::Nested,
        TokenError::NotYetValid,
        TokenError::Revoked,
        TokenError::Segments,
        TokenError::Signature,
        TokenError::TooLong,
        TokenError::Type,
        TokenError::User,
    ]
    .into_iter()
}

#[test]
fn the_guide_lists_exactly_the_codes_of_the_source() {
    let documented = documented();
    let names: Vec<&str> = documented.iter().map(|(code, _)| code.as_str()).collect();
    let mut source = in_the_source();
    source.sort_unstable();
    assert_eq!(names, source, "the table in error_bodies.md, sorted by code");
}

#[test]
fn every_code_is_unique_and_snake_case() {
    let codes = in_the_source();
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "{codes:?}");
    for code in &codes {
        assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
    }
}

#[test]
fn each_reason_has_its_documented_code_and_status() {
    let documented = documented();
    let mut used = BTreeSet::new();
    for kind in kinds() {
        let denial = Denial::new(kind.clone(), Realm::default());
        let row = (denial.code().to_owned(), denial.status().as_u16().to_string());
        assert!(documented.contains(&row), "{row:?} is not in error_bodies.md");
        let is_shared = denial.status() == StatusCode::INTERNAL_SERVER_ERROR;
        assert!(used.insert(denial.code()) || is_shared, "{row:?} is the code of two reasons: {kind:?}");
        assert_eq!(kind.code(), denial.code());
    }
    assert_eq!(used.len(), documented.len(), "every documented code belongs to a reason");
}

#[tokio::test]
async fn the_problem_has_the_status_of_the_response_and_its_title() {
    for kind in kinds() {
        let response = Denial::new(kind.clone(), Realm::default()).into_response();
        let status = response.status();
        let body = to_bytes(response.into_body(), 4_096).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["status"], status.as_u16(), "{kind:?}");
        if problem["type"] == "about:blank" {
            // The reason phrase of 422 changed in RFC 9110.
            let title = problem["title"].as_str().unwrap().replace("Content", "Entity");
            assert_eq!(Some(&*title), status.canonical_reason(), "{kind:?}");
        }
    }
}

#[test]
fn every_token_error_has_a_code_of_its_own() {
    let codes: BTreeSet<_> = token_errors().map(|error| DenialKind::InvalidToken(error).code()).collect();
    assert_eq!(codes.len(), token_errors().count());
    assert!(codes.iter().all(|code| code.starts_with("token_")), "{codes:?}");
}
