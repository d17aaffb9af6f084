//! The checks of the `Require*` layers as methods of `UserContext`, for handlers.

use crate::context::principal::Principal;
use crate::context::{AuthorizationDetail, Credential, Scopes, Tier, UserContext};
use crate::gate::{Denial, DenialKind};

/// The checks of the [`Require*` layers](crate::require), for handlers. Each [`Denial`] is a 403, and implements
/// `IntoResponse`, so that a handler can return it as its error.
impl UserContext {
    /// Checks that the token, or other credential, has this scope.
    ///
    /// ```
    /// use portcullis::{Scopes, UserContext};
    ///
    /// let ann = UserContext::new("ann").with_scopes(Scopes::new(["read"])?);
    /// assert!(ann.require_scope("read").is_ok());
    ///
    /// let denial = ann.require_scope("write").unwrap_err();
    /// assert_eq!(denial.status(), 403);
    /// assert_eq!(denial.error(), Some("insufficient_scope"));
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if it does not. Its challenge names the scope.
    pub fn require_scope(&self, scope: &str) -> Result<(), Denial> {
        self.require(self.has_scope(scope), || DenialKind::insufficient_scope(Scopes::new([scope]).unwrap_or_default()))
    }

    /// Checks that the user has this role, directly or by inheritance.
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if the user does not.
    pub fn require_role(&self, role: &str) -> Result<(), Denial> {
        self.require(self.has_role(role), || DenialKind::insufficient_role([role]))
    }

    /// Checks that the user has this permission (`action:resource`), directly or through a role.
    ///
    /// Roles grant only permissions of this form. A permission in a token may have any form and is compared as a whole.
    ///
    /// ```
    /// use portcullis::{Permission, UserContext};
    ///
    /// let write = Permission::new("write:page")?;
    /// let ann = UserContext::new("ann").with_permissions([write]);
    /// assert!(ann.require_permission("write:page").is_ok());
    /// assert!(ann.require_permission("delete:page").is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if the user does not.
    pub fn require_permission(&self, permission: &str) -> Result<(), Denial> {
        self.require(self.has_permission(permission), || DenialKind::insufficient_permission([permission]))
    }

    /// Checks that the user has the tier of this name or a higher one.
    ///
    /// ```
    /// use portcullis::{Tiers, UserContext};
    ///
    /// let tiers = Tiers::ascending(["free", "pro"])?;
    /// let ann = UserContext::new("ann").with_tier(tiers.get("free")?);
    /// assert!(ann.require_tier("free").is_ok());
    /// assert!(ann.require_tier("pro").is_err());
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if the user [does not](Self::has_tier).
    pub fn require_tier(&self, name: &str) -> Result<(), Denial> {
        let required = || self.tier().and_then(|own| own.tiers().find(name)).unwrap_or_else(|| Tier::unranked(name));
        self.require(self.has_tier(name), || DenialKind::insufficient_tier(required()))
    }

    /// Checks that a user makes the request, and not a client on its own behalf.
    ///
    /// ```
    /// use portcullis::{Principal, UserContext};
    ///
    /// let user = UserContext::new("ann");
    /// assert!(user.require_person().is_ok());
    /// let client = user.with_principal(Principal::Client);
    /// let denial = client.require_person().unwrap_err();
    /// assert_eq!(denial.code(), "client_not_allowed");
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if a client acts on its own behalf.
    pub fn require_person(&self) -> Result<(), Denial> {
        self.require(self.principal() == Principal::User, || DenialKind::ClientNotAllowed)
    }

    /// Checks that the user's [email address is verified](Self::email_verified).
    ///
    /// ```
    /// use portcullis::UserContext;
    ///
    /// let ann = UserContext::new("ann").with_email("ann@example.com");
    /// let denial = ann.require_verified_email().unwrap_err();
    /// assert_eq!(denial.code(), "email_not_verified");
    ///
    /// let ann = ann.with_email_verified(true);
    /// assert!(ann.require_verified_email().is_ok());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if it is not.
    pub fn require_verified_email(&self) -> Result<(), Denial> {
        self.require(self.email_verified(), || DenialKind::EmailNotVerified)
    }

    /// Checks that the request was authenticated by this kind of credential.
    ///
    /// ```
    /// use portcullis::{UserContext, context::Credential};
    ///
    /// let ann = UserContext::new("ann").with_credential(Credential::ApiKey);
    /// assert!(ann.require_credential(Credential::ApiKey).is_ok());
    /// let denial = ann.require_credential(Credential::Session).unwrap_err();
    /// assert_eq!(denial.detail(), "required credential: session");
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if it was not.
    pub fn require_credential(&self, credential: Credential) -> Result<(), Denial> {
        let used = self.credential();
        self.require(used == credential, || DenialKind::credential_not_accepted(used, [credential]))
    }

    /// Checks that the user owns a resource: that `owner`, the id that the app stores with it, is the user's
    /// [id](Self::id).
    ///
    /// Ids are unique within one issuer. If the app accepts several, store and compare the [issuer](Self::issuer) too.
    ///
    /// ```
    /// use portcullis::UserContext;
    ///
    /// let ann = UserContext::new("ann");
    /// assert!(ann.require_owner("ann").is_ok());
    /// let denial = ann.require_owner("bob").unwrap_err();
    /// assert_eq!(denial.status(), 403);
    /// assert_eq!(denial.code(), "not_owner");
    /// ```
    ///
    /// If other users may use the resource too, add a check for them. To respond with 404, replace the error:
    ///
    /// ```
    /// # use axum::http::StatusCode;
    /// # use portcullis::{UserContext, gate::Denial};
    /// # fn check(user: UserContext, owner: &str) -> Result<(), Denial> {
    /// user.require_owner(owner)
    ///     .or_else(|_| user.require_role("moderator"))?;
    /// # Ok(())
    /// # }
    /// # fn hide(user: UserContext, owner: &str) -> Result<(), StatusCode> {
    /// user.require_owner(owner).map_err(|_| StatusCode::NOT_FOUND)?;
    /// # Ok(())
    /// # }
    /// # let ann = UserContext::new("ann").with_roles(["moderator"]);
    /// # assert!(check(ann.clone(), "bob").is_ok());
    /// # assert_eq!(check(UserContext::new("eve"), "bob").unwrap_err().code(), "insufficient_role");
    /// # assert_eq!(hide(ann, "bob"), Err(StatusCode::NOT_FOUND));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if the ids differ, or if `owner` is empty.
    pub fn require_owner(&self, owner: &str) -> Result<(), Denial> {
        // A resource without an owner, and a user that a custom gate created without an id, must not match.
        self.require(!owner.is_empty() && owner == self.id(), || DenialKind::NotOwner)
    }

    /// Checks that the token has an authorization detail that the function accepts (RFC 9396).
    ///
    /// Returns the first one of the type `T`. A detail that does not deserialize to `T` is ignored.
    ///
    /// ```
    /// # use portcullis::{UserContext, context::AuthorizationDetail};
    /// # #[derive(Debug, serde::Deserialize)]
    /// # struct Payment {
    /// #     amount: u64,
    /// # }
    /// # impl AuthorizationDetail for Payment {
    /// #     const TYPE: &'static str = "payment_initiation";
    /// # }
    /// # let claims = r#"{"authorization_details":
    /// #     [{"type":"payment_initiation","amount":7}]}"#;
    /// # let user = UserContext::new("ann").with_raw_claims(claims);
    /// let approves = |amount: u64| {
    ///     user.require_authorization_detail(|payment: &Payment| {
    ///         payment.amount == amount
    ///     })
    /// };
    /// assert!(approves(7).is_ok());
    /// let denial = approves(700).unwrap_err();
    /// assert_eq!(denial.status(), 403);
    /// assert_eq!(denial.error(), Some("insufficient_scope"));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`Denial`] if the token has none. Its error code is `insufficient_scope` (RFC 6750 §3.1), because RFC
    /// 9396 registers none for API responses.
    pub fn require_authorization_detail<T: AuthorizationDetail>(
        &self,
        accepts: impl Fn(&T) -> bool,
    ) -> Result<T, Denial> {
        let entries = self.entries_of_type(T::TYPE).unwrap_or_default();
        let mut details = entries.into_iter().filter_map(|entry| serde_json::from_str(entry).ok());
        let kind = || DenialKind::insufficient_authorization_details(T::TYPE);
        details.find(accepts).ok_or_else(|| Denial::new(kind(), self.realm().clone()))
    }

    fn require(&self, is_met: bool, kind: impl FnOnce() -> DenialKind) -> Result<(), Denial> {
        if is_met { Ok(()) } else { Err(Denial::new(kind(), self.realm().clone())) }
    }
}
