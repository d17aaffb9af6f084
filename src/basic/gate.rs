//! `BasicAuth`: the gate that authenticates requests by user name and password.

use std::sync::Arc;
use std::time::Duration;

use http::header::CACHE_CONTROL;
use http::{Response, request};
use tower_layer::Layer;

use crate::basic::credentials::BasicCredentials;
use crate::basic::policy::Policy;
use crate::basic::verifier::{PasswordVerifier, Permit, VerifyError};
use crate::context::route::{matched_path, method_name};
use crate::context::{Realm, UserContext};
use crate::gate::{
    AuthGate, AuthPass, CredentialError, CredentialSources, Denial, DenialKind, Entry, Gate, Gated, Reply,
    ResponseHeaders,
};
use crate::lookup::CredentialDigest;

/// Authenticates requests by a user name and a password (RFC 7617); see the [module](crate::basic).
///
/// Clones share the cache of verified passwords.
#[derive(Clone, Debug)]
#[must_use]
pub struct BasicAuth {
    policy: Arc<Policy>,
    is_optional: bool,
}

impl BasicAuth {
    pub(super) fn new(policy: Policy, is_optional: bool) -> Self {
        Self { policy: Arc::new(policy), is_optional }
    }

    /// Returns the same layer, with the same cache, that admits requests without a password as anonymous.
    ///
    /// ```
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use portcullis::BasicAuth;
    /// # use tower::ServiceExt;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// # let auth = BasicAuth::builder().user("prometheus", "wOJ0dPFpeFQAYvHO").build()?;
    /// let open = Router::new()
    ///     .route("/health", get(|| async {}))
    ///     .layer(auth.to_optional());
    /// let app = Router::new()
    ///     .route("/metrics", get(|| async {}))
    ///     .layer(auth)
    ///     .merge(open);
    ///
    /// for (path, status) in [("/health", 200), ("/metrics", 401)] {
    ///     let request = Request::get(path).body(Body::empty()).unwrap();
    ///     let response = app.clone().oneshot(request).await.unwrap();
    ///     assert_eq!(response.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn to_optional(&self) -> Self {
        Self { is_optional: true, ..self.clone() }
    }

    fn refuse(&self, head: &request::Parts, kind: DenialKind) -> Reply {
        Reply::denial(head, Denial::new(kind, self.policy.realm.clone()))
    }

    /// Checks that a verified user is not revoked.
    #[cfg_attr(
        not(feature = "revocation"),
        expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "no check")
    )]
    fn check(&self, head: &request::Parts, user: &UserContext) -> Result<(), Reply> {
        #[cfg(feature = "revocation")]
        if let Some(revocations) = &self.policy.revocations {
            return revocations.check(user).map_err(|denial| Reply::denial(head, denial));
        }
        let _ = (head, user);
        Ok(())
    }

    /// Admits a request without a password if the gate is optional.
    fn enter_without_credential(&self, head: &mut request::Parts) -> Entry<AuthPass> {
        if !self.is_optional {
            return Entry::Refuse(self.refuse(head, DenialKind::CredentialsMissing));
        }
        Entry::Admit(AuthPass::anonymous(head, &self.policy.realm))
    }

    /// Waits for the app's function.
    async fn verify(
        &self,
        head: request::Parts,
        verifier: PasswordVerifier,
        credentials: BasicCredentials,
        digest: CredentialDigest,
        permit: Permit,
    ) -> Result<(request::Parts, AuthPass), Reply> {
        match verifier.verify(credentials, permit).await {
            Ok(Some(user)) => {
                let user = self.policy.complete(user);
                verifier.cache(digest, user.clone(), self.policy.clock.monotonic());
                self.check(&head, &user)?;
                self.policy.admission.admit(head, user, self.policy.realm.clone()).await
            }
            Ok(None) => Err(self.refuse(&head, DenialKind::InvalidCredential)),
            Err(error) => Err(self.refuse_unverified(&head, &error)),
        }
    }

    /// Rejects a request whose password cannot be checked. The cause has a line of its own.
    fn refuse_unverified(&self, head: &request::Parts, error: &VerifyError) -> Reply {
        let denial = Denial::new(DenialKind::users_unavailable(RETRY_AFTER), self.policy.realm.clone());
        tracing::warn!(
            kind = denial.code(),
            status = denial.status().as_u16(),
            method = method_name(head),
            route = matched_path(head),
            cause = %error,
            "cannot verify the password"
        );
        Reply::denial(head, denial)
    }
}

impl Gate for BasicAuth {
    type Pass = AuthPass;

    fn enter(&self, head: &mut request::Parts) -> Entry<AuthPass> {
        let credentials = match self.policy.sources.read(&mut head.headers) {
            Ok(Some(text)) => BasicCredentials::parse(text),
            Ok(None) => return self.enter_without_credential(head),
            // RFC 7617 has no 400.
            Err(CredentialError::Malformed) => None,
            Err(error) => return Entry::Refuse(self.refuse(head, DenialKind::InvalidRequest(error))),
        };
        let Some(credentials) = credentials else {
            return Entry::Refuse(self.refuse(head, DenialKind::InvalidCredential));
        };
        let digest = self.policy.digest(&credentials);
        if let Some(user) = self.policy.find(&digest) {
            return match self.check(head, &user) {
                Ok(()) => self.policy.admission.enter(head, user, |_| self.policy.realm.clone()),
                Err(reply) => Entry::Refuse(reply),
            };
        }
        let Some(verifier) = self.policy.verifier.clone() else {
            return Entry::Refuse(self.refuse(head, DenialKind::InvalidCredential));
        };
        let Some(permit) = verifier.permit() else {
            return Entry::Refuse(self.refuse(head, DenialKind::users_unavailable(RETRY_AFTER)));
        };
        let gate = self.clone();
        Entry::wait(move |head| async move { gate.verify(head, verifier, credentials, digest, permit).await })
    }

    fn leave<B>(&self, pass: AuthPass, response: &mut Response<B>) {
        pass.write(response.headers_mut());
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::only([CACHE_CONTROL])
    }
}

impl AuthGate for BasicAuth {
    fn credentials(&self) -> CredentialSources {
        self.policy.sources.clone()
    }

    fn realm(&self) -> Realm {
        self.policy.realm.clone()
    }
}

impl<S> Layer<S> for BasicAuth {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

const RETRY_AFTER: Duration = Duration::from_secs(1);
