//! The setters of `IntrospectionAuthBuilder` for the tokens of requests and for challenges.

use std::time::Duration;

use crate::introspection::builder::IntrospectionAuthBuilder;
use crate::revocation::handle::Revocations;

/// # Tokens
impl IntrospectionAuthBuilder {
    /// Sets the audience of tokens for this app: a value of `aud` in the response (required, unless
    /// [`any_audience`](Self::any_audience) is called).
    ///
    /// A token for another audience gets 401.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.audiences([audience])
    }

    /// Sets several audiences. A token is accepted if its `aud` names at least one of them.
    pub fn audiences(mut self, audiences: impl IntoIterator<Item: Into<String>>) -> Self {
        self.audiences = audiences.into_iter().map(Into::into).collect();
        self
    }

    /// Adds an audience. A token is accepted if its `aud` names at least one of them.
    ///
    /// Use it while clients move from an old name of the API to a new one.
    pub fn add_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts tokens for any audience, and without one.
    ///
    /// Many servers report no `aud`. Call it only if the server reports a token as active to its own audience alone
    /// (RFC 7662 §4), or issues tokens for this app only. Otherwise, another API that receives a token of a user could
    /// use it here, and so could a client that sends a refresh token.
    pub fn any_audience(mut self) -> Self {
        self.accepts_any_audience = true;
        self
    }

    /// Sets the name of the authorization server: the issuer of its tokens (default: `iss` in the response, which is
    /// then required).
    ///
    /// A response with another `iss` is rejected, and one without it describes a token of this issuer. Set the exact
    /// name of the issuer in [`JwtAuth`](crate::JwtAuth), if the app accepts its JWTs too: a user is the same one if
    /// the issuer and the id are.
    pub fn issuer(mut self, name: impl Into<String>) -> Self {
        self.issuer = Some(name.into());
        self
    }

    /// Sets the tolerated difference between the server's clock and the app's (default 60 seconds, at most five
    /// minutes).
    ///
    /// It applies to `exp`, `nbf` and `iat`. After `exp`, the server is asked on each request.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Rejects tokens that were [revoked](crate::revocation) (default: they are accepted until the server is asked
    /// again).
    ///
    /// A revoked token gets 401, also if it is cached, before the [user loader](Self::load_user) runs. It is revoked by
    /// `jti`, `sid`, `sub` or `client_id` of the response; one without `jti` and `sid`, by a digest of its text. A
    /// token without `exp` gets 401, and so does one that is valid for longer than
    /// [`max_token_lifetime`](crate::revocation::RevocationsBuilder::max_token_lifetime), because its revocation would
    /// be forgotten before it expires.
    pub fn revocations(mut self, revocations: &Revocations) -> Self {
        self.revocations = Some(revocations.clone());
        self
    }
}

/// # Requests
impl IntrospectionAuthBuilder {
    /// Admits requests without a token as anonymous (default: they are rejected with 401).
    ///
    /// An invalid token is still rejected. To open only some routes, use
    /// [`IntrospectionAuth::to_optional`](crate::IntrospectionAuth::to_optional).
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the realm of challenges in `WWW-Authenticate` (RFC 9110 §11.5, default `api`).
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }
}
