//! The constructor and the `with_..` methods of `UserContext`.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::context::credential::Credential;
use crate::context::identity::Identity;
use crate::context::permission::Permission;
use crate::context::principal::Principal;
#[cfg(any(feature = "api_key", feature = "rate_limit"))]
use crate::context::quota::Quota;
use crate::context::realm::Realm;
use crate::context::roles::Roles;
use crate::context::scopes::Scopes;
use crate::context::shared_str::SharedStr;
use crate::context::tiers::Tier;
use crate::context::user::UserContext;

/// Methods that create or change a user, for a custom gate, a user loader or a test.
///
/// Each `with_..` method replaces the value.
impl UserContext {
    /// Creates a user with this id, and without privileges.
    ///
    /// A custom gate puts it into the request's extensions, as
    /// [`Visitor::authenticated`](crate::context::Visitor::authenticated).
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self::from_identity(Identity { id: Some(id.into().into()), ..Identity::default() })
    }

    pub(crate) fn from_identity(identity: Identity) -> Self {
        Self(Arc::new(identity))
    }

    #[cfg(feature = "session")]
    pub(crate) fn identity(&self) -> &Identity {
        &self.0
    }

    /// Sets the issuer of the user's credential.
    ///
    /// Set it if the app has users of several issuers, whose ids may be equal. Without an issuer, only API
    /// keys and sessions can be [revoked](crate::revocation).
    #[must_use]
    pub fn with_issuer(self, issuer: impl Into<String>) -> Self {
        self.with_credential_value(|identity| identity.issuer = Some(issuer.into().into()))
    }

    /// Sets the tenant of the user, such as the id of an organization.
    ///
    /// ```
    /// use portcullis::UserContext;
    ///
    /// let ann = UserContext::new("ann").with_tenant("acme");
    /// assert_eq!(ann.tenant(), Some("acme"));
    /// ```
    #[must_use]
    pub fn with_tenant(self, tenant: impl Into<String>) -> Self {
        self.with(|identity| identity.tenant = Some(tenant.into().into()))
    }

    /// Sets the id of the client that the user's credential was issued to.
    #[must_use]
    pub fn with_client_id(self, client_id: impl Into<String>) -> Self {
        self.with(|identity| identity.client_id = Some(client_id.into().into()))
    }

    /// Sets the kind of the credential (default: [`Credential::Other`]).
    ///
    /// A custom gate for API keys sets [`Credential::ApiKey`], for example. A test sets the kind that the route under
    /// test requires.
    #[must_use]
    pub fn with_credential(self, credential: Credential) -> Self {
        self.with_credential_value(|identity| identity.credential = credential)
    }

    /// Sets the email address.
    ///
    /// If it differs from the present one, it counts as not verified until
    /// [`with_email_verified`](Self::with_email_verified) is called.
    #[must_use]
    pub fn with_email(self, email: impl Into<String>) -> Self {
        let email = email.into();
        self.with(|identity| {
            identity.is_email_verified &= identity.email.as_deref() == Some(&*email);
            identity.email = Some(email.into());
        })
    }

    /// Sets whether the email address is verified (default: `false`).
    ///
    /// A user loader sets it if the app verifies addresses itself. Set the address first:
    ///
    /// ```
    /// use portcullis::UserContext;
    ///
    /// let ann = UserContext::new("ann")
    ///     .with_email("ann@example.com")
    ///     .with_email_verified(true);
    /// assert!(ann.email_verified());
    ///
    /// // Another address is not verified yet.
    /// let ann = ann.with_email("ann@example.org");
    /// assert!(!ann.email_verified());
    /// ```
    #[must_use]
    pub fn with_email_verified(self, is_verified: bool) -> Self {
        self.with(|identity| identity.is_email_verified = is_verified)
    }

    /// Sets the name to display.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        self.with(|identity| identity.name = Some(name.into().into()))
    }

    /// Sets the scopes.
    #[must_use]
    pub fn with_scopes(self, scopes: Scopes) -> Self {
        self.with(|identity| identity.scopes = scopes)
    }

    /// Sets the roles, without those that they inherit.
    #[must_use]
    pub fn with_roles<I>(self, roles: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.with(|identity| identity.roles = shared_strs(roles))
    }

    /// Sets the table that defines which permissions the roles grant and which roles they inherit.
    ///
    /// ```
    /// use portcullis::{Roles, UserContext};
    ///
    /// let roles = Roles::builder().role("editor", ["write:page"]).build()?;
    /// let user = UserContext::new("ann")
    ///     .with_roles(["editor"])
    ///     .with_role_table(roles);
    /// assert!(user.has_permission("write:page"));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_role_table(self, table: Roles) -> Self {
        self.with(|identity| identity.role_table = Some(table))
    }

    /// Sets the user's direct permissions, in addition to those that the roles grant.
    ///
    /// ```
    /// use portcullis::{Permission, UserContext};
    ///
    /// let export = Permission::new("export:report")?;
    /// let user = UserContext::new("ann").with_permissions([export]);
    /// assert!(user.has_permission("export:report"));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_permissions<I>(self, permissions: I) -> Self
    where
        I: IntoIterator<Item = Permission>,
    {
        let permissions = permissions.into_iter().map(|permission| permission.as_str().to_owned());
        self.with(|identity| identity.permissions = shared_strs(permissions))
    }

    /// Sets the tier.
    #[must_use]
    pub fn with_tier(self, tier: Tier) -> Self {
        self.with(|identity| identity.tier = Some(tier))
    }

    /// Sets the id of the login session that the credential belongs to.
    ///
    /// A custom gate for sessions sets it to a public id of the session, never to the secret in the cookie. An empty
    /// one is the id of no session, so nothing is revoked by it.
    ///
    /// ```
    /// use portcullis::{UserContext, context::Credential};
    ///
    /// let ann = UserContext::new("ann")
    ///     .with_credential(Credential::Session)
    ///     .with_session_id("s-7");
    /// assert_eq!(ann.session_id(), Some("s-7"));
    /// ```
    #[must_use]
    pub fn with_session_id(self, session_id: impl Into<String>) -> Self {
        self.with_credential_value(|identity| identity.session_id = Some(session_id.into().into()))
    }

    /// Sets the id of the token, or the public id of another credential, such as an API key.
    #[must_use]
    pub fn with_token_id(self, token_id: impl Into<String>) -> Self {
        self.with_credential_value(|identity| identity.token_id = Some(token_id.into().into()))
    }

    /// Sets when the credential was issued. A time before 1970 is set to 1970.
    ///
    /// A custom gate for sessions sets it to the time of the login.
    ///
    /// ```
    /// use std::time::{Duration, UNIX_EPOCH};
    /// use portcullis::UserContext;
    ///
    /// let login = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    /// let ann = UserContext::new("ann").with_issued_at(login);
    /// assert_eq!(ann.issued_at(), Some(login));
    /// ```
    #[must_use]
    pub fn with_issued_at(self, time: SystemTime) -> Self {
        self.with(|identity| identity.issued_at = Some(since_epoch(time)))
    }

    /// Sets when the credential expires. A time before 1970 is set to 1970.
    ///
    /// A custom gate compares the time itself: no layer rejects the user when the time has passed.
    /// [`ended`](Self::ended) resolves then. In a user loader or a function that maps users, this has no effect.
    #[must_use]
    pub fn with_expires_at(self, time: SystemTime) -> Self {
        self.with(|identity| identity.expires_at = Some(since_epoch(time)))
    }

    /// Sets the quota of the credential, for limits [by credential](crate::rate_limit::Limit::by_credential).
    ///
    /// A gate sets it to the quota in the record of an API key, and a user loader to that of an account. Such a limit
    /// counts by the [id of the credential](Self::with_token_id), so set that too. It counts a token or a session by its
    /// user.
    ///
    /// ```
    /// use portcullis::{Quota, UserContext, context::Credential};
    ///
    /// let user = UserContext::new("ann")
    ///     .with_credential(Credential::ApiKey)
    ///     .with_token_id("key-7")
    ///     .with_quota(Quota::per_hour(1000)?);
    /// assert_eq!(user.quota(), Some(Quota::per_hour(1000)?));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    #[cfg(any(feature = "api_key", feature = "rate_limit"))]
    #[must_use]
    pub fn with_quota(self, quota: Quota) -> Self {
        self.with(|identity| identity.quota = Some(quota))
    }

    /// Sets when and how the user logged in: `auth_time`, `acr` and `amr`.
    ///
    /// A time before 1970 is set to 1970.
    #[must_use]
    pub fn with_authentication<I>(self, time: SystemTime, acr: impl Into<String>, amr: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.with(|identity| {
            identity.auth_time = Some(since_epoch(time));
            identity.acr = Some(acr.into().into());
            identity.amr = shared_strs(amr);
        })
    }

    /// Sets whether the request is made by a user, or by a client on its own behalf.
    ///
    /// The default is [`Principal::User`]. A gate that authenticates API keys of services sets [`Principal::Client`].
    #[must_use]
    pub fn with_principal(self, principal: Principal) -> Self {
        self.with(|identity| identity.is_client = principal == Principal::Client)
    }

    /// Sets the claims, a JSON object (default `{}`).
    #[must_use]
    pub fn with_raw_claims(self, claims: impl Into<String>) -> Self {
        self.with(|identity| identity.claims = Some(claims.into().into()))
    }

    /// Attaches your own record, which [`record`](Self::record) returns.
    ///
    /// A user loader attaches a row of a users table, for example.
    ///
    /// ```
    /// use portcullis::UserContext;
    ///
    /// struct Account {
    ///     credits: u32,
    /// }
    ///
    /// let user = UserContext::new("ann").with_record(Account { credits: 7 });
    /// assert_eq!(user.record::<Account>().map(|account| account.credits), Some(7));
    /// ```
    #[must_use]
    pub fn with_record<T: Send + Sync + 'static>(self, record: T) -> Self {
        self.with(|identity| identity.record = Some(Arc::new(record)))
    }

    /// Sets the realm of the challenges in rejections of this user (default: [`Realm::default`], whose scheme is
    /// `Bearer`).
    #[must_use]
    pub fn with_realm(self, realm: Realm) -> Self {
        self.with(|identity| identity.realm = realm)
    }

    /// Changes a value that identifies the credential.
    ///
    /// A session that an app creates for the user of a token is revoked by its own values, not by those of the token.
    fn with_credential_value(self, change: impl FnOnce(&mut Identity)) -> Self {
        self.with(|identity| {
            change(identity);
            #[cfg(feature = "revocation")]
            {
                identity.revocation_ids = None;
            }
        })
    }

    /// Changes a field. Clones of the user keep their value.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Identity)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn shared_strs<I>(items: I) -> Box<[SharedStr]>
where
    I: IntoIterator<Item: Into<String>>,
{
    items.into_iter().map(|item| SharedStr::from(item.into())).collect()
}
