//! The methods that create a `DenialKind` or an `AccountRefusal` whose variant has named fields.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::HeaderValue;

use crate::context::client_addr::Client;
use crate::context::{Credential, Realm, Scopes, Tier, Visitor};
use crate::gate::denial::{AccountRefusal, Denial, DenialKind, PasswordProblem};
use crate::gate::required_names::RequiredNames;

impl Denial {
    /// Creates the denial of a request whose client has no address.
    pub(crate) fn of_unknown_address(client: &Client) -> Self {
        // A peer that is a proxy although it has no address is trusted for its Unix socket, or because hops are counted.
        let kind = if client.is_proxied { DenialKind::AddressNotForwarded } else { DenialKind::AddressUnknown };
        Self::new(kind, Realm::default())
    }

    /// Creates the denial of an anonymous caller, where a layer or an extractor requires a user. On an open route every
    /// caller is anonymous, so it is a mistake of the app.
    pub(crate) fn of_anonymous(visitor: &Visitor, required_by: &'static str) -> Self {
        let is_open = visitor.is_on_open_route();
        let kind = if is_open { DenialKind::open_route(required_by) } else { DenialKind::CredentialsMissing };
        Self::new(kind, visitor.realm().clone())
    }
}

/// Methods that create a reason, each with the name of its variant.
impl DenialKind {
    /// Creates an [`AddressRefused`](Self::AddressRefused). The response does not have the address, and the security
    /// event does.
    #[must_use]
    pub fn address_refused(address: Option<IpAddr>) -> Self {
        Self::AddressRefused { address }
    }

    /// Creates an [`ApiKeyStoreUnavailable`](Self::ApiKeyStoreUnavailable).
    #[must_use]
    pub fn api_key_store_unavailable(retry_after: Duration) -> Self {
        Self::ApiKeyStoreUnavailable { retry_after }
    }

    /// Creates an [`AuthLayerMissing`](Self::AuthLayerMissing). The log line names `required_by`, a layer or an
    /// extractor.
    #[must_use]
    pub fn auth_layer_missing(required_by: &'static str) -> Self {
        Self::AuthLayerMissing { required_by }
    }

    /// Creates a [`BreachCheckUnavailable`](Self::BreachCheckUnavailable).
    #[must_use]
    pub fn breach_check_unavailable(retry_after: Duration) -> Self {
        Self::BreachCheckUnavailable { retry_after }
    }

    /// Creates a [`CredentialNotAccepted`](Self::CredentialNotAccepted).
    ///
    /// `credential` is the kind in the request. `accepted` is empty if all kinds but some are accepted.
    ///
    /// ```
    /// use portcullis::context::{Credential, Realm};
    /// use portcullis::gate::{Denial, DenialKind};
    ///
    /// let detail = |kind| Denial::new(kind, Realm::default()).detail();
    /// let used = Credential::ApiKey;
    /// let kind = DenialKind::credential_not_accepted(used, [Credential::Session]);
    /// assert_eq!(detail(kind), "required credential: session");
    /// let kind = DenialKind::credential_not_accepted(used, []);
    /// assert_eq!(detail(kind), "credential not accepted: api_key");
    /// ```
    #[must_use]
    pub fn credential_not_accepted(credential: Credential, accepted: impl IntoIterator<Item = Credential>) -> Self {
        let accepted = RequiredNames::new(accepted.into_iter().map(Credential::as_str));
        Self::CredentialNotAccepted { accepted, credential }
    }

    /// Creates a [`CrossSite`](Self::CrossSite) with the value of `Origin`.
    #[must_use]
    pub fn cross_site(origin: Option<HeaderValue>) -> Self {
        Self::CrossSite { origin }
    }

    /// Creates an [`InsufficientAuthentication`](Self::InsufficientAuthentication).
    #[must_use]
    pub fn insufficient_authentication() -> Self {
        Self::InsufficientAuthentication {}
    }

    /// Creates an [`InsufficientAuthorizationDetails`](Self::InsufficientAuthorizationDetails) for this `type`.
    #[must_use]
    pub fn insufficient_authorization_details(required: &'static str) -> Self {
        Self::InsufficientAuthorizationDetails { required }
    }

    /// Creates an [`InsufficientPermission`](Self::InsufficientPermission), of permissions of the form
    /// `action:resource`.
    #[must_use]
    pub fn insufficient_permission(required: impl IntoIterator<Item: AsRef<str>>) -> Self {
        Self::InsufficientPermission { required: RequiredNames::new(required) }
    }

    /// Creates an [`InsufficientRole`](Self::InsufficientRole).
    ///
    /// ```
    /// use portcullis::context::Realm;
    /// use portcullis::gate::{Denial, DenialKind};
    ///
    /// let kind = DenialKind::insufficient_role(["editor"]);
    /// let denial = Denial::new(kind, Realm::default());
    /// assert_eq!(denial.status(), 403);
    /// assert_eq!(denial.detail(), "required role: editor");
    /// ```
    #[must_use]
    pub fn insufficient_role(required: impl IntoIterator<Item: AsRef<str>>) -> Self {
        Self::InsufficientRole { required: RequiredNames::new(required) }
    }

    /// Creates an [`InsufficientScope`](Self::InsufficientScope), whose challenge lists the scopes.
    #[must_use]
    pub fn insufficient_scope(required: Scopes) -> Self {
        Self::InsufficientScope { required }
    }

    /// Creates an [`InsufficientTier`](Self::InsufficientTier). `required` is the lowest tier that is admitted.
    #[must_use]
    pub fn insufficient_tier(required: Tier) -> Self {
        Self::InsufficientTier { required }
    }

    /// Creates an [`IntrospectionUnavailable`](Self::IntrospectionUnavailable).
    #[must_use]
    pub fn introspection_unavailable(retry_after: Duration) -> Self {
        Self::IntrospectionUnavailable { retry_after }
    }

    /// Creates a [`KeysUnavailable`](Self::KeysUnavailable).
    #[must_use]
    pub fn keys_unavailable(retry_after: Duration) -> Self {
        Self::KeysUnavailable { retry_after }
    }

    /// Creates a [`OneTimeTokenMisuse`](Self::OneTimeTokenMisuse). The log line has the mistake.
    #[must_use]
    pub fn one_time_token_misuse(mistake: &'static str) -> Self {
        Self::OneTimeTokenMisuse { mistake }
    }

    /// Creates an [`OpenRoute`](Self::OpenRoute). The log line names `required_by`, a layer or an extractor.
    #[must_use]
    pub fn open_route(required_by: &'static str) -> Self {
        Self::OpenRoute { required_by }
    }

    /// Creates an [`Overloaded`](Self::Overloaded).
    #[must_use]
    pub fn overloaded(retry_after: Duration) -> Self {
        Self::Overloaded { retry_after }
    }

    /// Creates a [`PasswordHistoryTooLong`](Self::PasswordHistoryTooLong).
    #[must_use]
    pub fn password_history_too_long(max: usize) -> Self {
        Self::PasswordHistoryTooLong { max }
    }

    /// Creates a [`PasswordRejected`](Self::PasswordRejected). There is at least one problem.
    ///
    /// ```
    /// use portcullis::context::Realm;
    /// use portcullis::gate::{Denial, DenialKind, PasswordProblem};
    ///
    /// let kind = DenialKind::password_rejected([PasswordProblem::Common]);
    /// let denial = Denial::new(kind, Realm::default());
    /// assert_eq!(denial.status(), 422);
    /// ```
    #[must_use]
    pub fn password_rejected(problems: impl IntoIterator<Item = PasswordProblem>) -> Self {
        Self::PasswordRejected { problems: problems.into_iter().collect() }
    }

    /// Creates a [`RateLimitMissing`](Self::RateLimitMissing). The log line names `required_by`, an extractor.
    #[must_use]
    pub fn rate_limit_missing(required_by: &'static str) -> Self {
        Self::RateLimitMissing { required_by }
    }

    /// Creates a [`ReplayCacheUnavailable`](Self::ReplayCacheUnavailable).
    #[must_use]
    pub fn replay_cache_unavailable(retry_after: Duration) -> Self {
        Self::ReplayCacheUnavailable { retry_after }
    }

    /// Creates a [`RevocationsUnavailable`](Self::RevocationsUnavailable).
    #[must_use]
    pub fn revocations_unavailable(retry_after: Duration) -> Self {
        Self::RevocationsUnavailable { retry_after }
    }

    /// Creates a [`SessionStoreUnavailable`](Self::SessionStoreUnavailable).
    #[must_use]
    pub fn session_store_unavailable(retry_after: Duration) -> Self {
        Self::SessionStoreUnavailable { retry_after }
    }

    /// Creates a [`TrustedProxiesMissing`](Self::TrustedProxiesMissing). The log line names `required_by`, a layer or
    /// an extractor.
    #[must_use]
    pub fn trusted_proxies_missing(required_by: &'static str) -> Self {
        Self::TrustedProxiesMissing { required_by }
    }

    /// Creates a [`UsersUnavailable`](Self::UsersUnavailable).
    #[must_use]
    pub fn users_unavailable(retry_after: Duration) -> Self {
        Self::UsersUnavailable { retry_after }
    }
}

impl AccountRefusal {
    /// Creates a refusal for a reason that the app defines.
    ///
    /// The caller receives this text. Write it in lower case, without a full stop.
    ///
    /// ```
    /// use portcullis::context::Realm;
    /// use portcullis::gate::{AccountRefusal, Denial, DenialKind};
    ///
    /// let refusal = AccountRefusal::other("the terms were not accepted");
    /// let kind = DenialKind::AccountRefused(refusal);
    /// let denial = Denial::new(kind, Realm::default());
    /// assert_eq!(denial.detail(), "the terms were not accepted");
    /// ```
    #[must_use]
    pub fn other(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Other { reason: reason.into() }
    }
}
