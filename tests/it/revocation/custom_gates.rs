//! `Revocations::check`, for the users of custom gates.

use std::time::{Duration, SystemTime};

use portcullis::context::Credential;
use portcullis::gate::{DenialKind, TokenError};
use portcullis::revocation::{Revocation, RevokeError};
use portcullis::{Revocations, UserContext};

use super::service::Service;

const ISSUER: &str = "https://auth.example.com";

fn status(revocations: &Revocations, user: &UserContext) -> u16 {
    revocations.check(user).map_or_else(|denial| denial.status().as_u16(), |()| 200)
}

#[tokio::test]
async fn api_keys_are_revoked_by_their_id_and_by_their_owner() {
    let revocations = Revocations::builder().build().unwrap();
    let key = |id: &str| UserContext::new("ann").with_credential(Credential::ApiKey).with_token_id(id);
    let [one, other] = [key("key-1"), key("key-2")];
    revocations.revoke_by(Revocation::api_key("key-1")).await.unwrap();
    assert_eq!((status(&revocations, &one), status(&revocations, &other)), (401, 200));
    assert_eq!(*revocations.check(&one).unwrap_err().kind(), DenialKind::InvalidCredential);
    // A token with the same id is not the key.
    let token = UserContext::new("ann").with_credential(Credential::Token).with_issuer(ISSUER).with_token_id("key-1");
    assert_eq!(status(&revocations, &token), 200);

    let [of_ann, of_bob] = ["ann", "bob"]
        .map(|id| UserContext::new(id).with_issuer(ISSUER).with_credential(Credential::ApiKey).with_token_id("key-3"));
    revocations.revoke_by(Revocation::subject(ISSUER, "ann")).await.unwrap();
    assert_eq!((status(&revocations, &of_ann), status(&revocations, &of_bob)), (401, 200));
    // A key without an issuer can be revoked too.
    revocations.revoke(&other).await.unwrap();
    assert_eq!(status(&revocations, &other), 401);
}

#[tokio::test]
async fn sessions_are_revoked_by_their_id_and_by_the_time_of_the_login() {
    let revocations = Revocations::builder().build().unwrap();
    let session = |id: &str, age: u64| {
        let login = SystemTime::now() - Duration::from_secs(age);
        UserContext::new("ann")
            .with_issuer(ISSUER)
            .with_credential(Credential::Session)
            .with_session_id(id)
            .with_issued_at(login)
    };
    let [one, other] = [session("s-1", 60), session("s-2", 60)];
    revocations.revoke(&one).await.unwrap();
    assert_eq!((status(&revocations, &one), status(&revocations, &other)), (401, 200));
    revocations.revoke_all(&other).await.unwrap();
    assert_eq!(status(&revocations, &other), 401);
    let later = session("s-3", 0).with_issued_at(SystemTime::now() + Duration::from_secs(2));
    assert_eq!(status(&revocations, &later), 200);
}

#[tokio::test]
async fn session_or_api_key_created_for_the_user_of_a_token_is_revoked_by_its_own_id() {
    let service = Service::start().await;
    let revocations = &service.revocations;
    let user = service.user(&service.token("ann").claim("sid", "of the token").sign()).await;
    let session = user.clone().with_credential(Credential::Session).with_session_id("s-1");
    let key = user.clone().with_credential(Credential::ApiKey).with_token_id("key-1");
    assert_eq!((status(revocations, &session), status(revocations, &key)), (200, 200));
    revocations.revoke_by(Revocation::session(service.issuer.url(), "s-1")).await.unwrap();
    assert_eq!((status(revocations, &session), status(revocations, &key)), (401, 200));
    revocations.revoke_by(Revocation::api_key("key-1")).await.unwrap();
    assert_eq!((status(revocations, &key), status(revocations, &user)), (401, 200));
}

#[tokio::test]
async fn revoked_token_of_a_custom_gate_is_reported_as_a_token() {
    let revocations = Revocations::builder().build().unwrap();
    let token = UserContext::new("ann").with_issuer(ISSUER).with_credential(Credential::Token).with_token_id("id-1");
    assert_eq!(status(&revocations, &token), 200);
    revocations.revoke(&token).await.unwrap();
    let denial = revocations.check(&token).unwrap_err();
    assert_eq!(*denial.kind(), DenialKind::InvalidToken(TokenError::Revoked));
}

#[tokio::test]
async fn user_without_issuer_or_id_is_an_error_of_its_own_kind() {
    let revocations = Revocations::builder().build().unwrap();
    let ann = UserContext::new("ann");
    for result in [
        revocations.revoke(&ann).await,
        revocations.revoke_all(&ann).await,
        revocations.revoke_others(&ann).await,
        revocations.revoke(&ann.clone().with_token_id("id-1")).await,
    ] {
        assert!(matches!(result, Err(RevokeError::IssuerMissing)), "{result:?}");
    }
    let ann = ann.with_issuer(ISSUER);
    for result in [revocations.revoke(&ann).await, revocations.revoke_others(&ann).await] {
        assert!(matches!(result, Err(RevokeError::IdMissing)), "{result:?}");
    }
    assert_eq!(status(&revocations, &ann), 200);
    assert!(revocations.revoke_all(&ann).await.is_ok());
    assert_eq!(status(&revocations, &ann), 401);
}
