//! `AuthorizationDetail`, and the accessor of `UserContext` for the authorization details of a token (RFC 9396).

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::context::user::{ClaimsError, UserContext};

/// A type of authorization details (RFC 9396 §2), such as a payment that the user has approved.
///
/// The app defines a struct for each type that it uses. See [`UserContext::authorization_details`].
pub trait AuthorizationDetail: DeserializeOwned {
    /// The `type` of these authorization details, which is compared exactly.
    const TYPE: &'static str;
}

impl UserContext {
    /// Returns the authorization details of the type `T` (RFC 9396 §9.1).
    ///
    /// These are the entries of the claim `authorization_details` whose `type` is
    /// [`T::TYPE`](AuthorizationDetail::TYPE); the result is empty if the token has none. They are separate from the
    /// [scopes](Self::scopes): a scope does not imply a detail, nor the reverse. Members that `T` does not have are
    /// ignored. If `T` denies unknown fields, it needs a field for `type`. To require a detail, call
    /// [`require_authorization_detail`](Self::require_authorization_detail).
    ///
    /// ```
    /// use portcullis::{UserContext, context::AuthorizationDetail};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Payment {
    ///     creditor: String,
    ///     amount: u64,
    /// }
    ///
    /// impl AuthorizationDetail for Payment {
    ///     const TYPE: &'static str = "payment_initiation";
    /// }
    ///
    /// // In an app, the claims are those of a token.
    /// let user = UserContext::new("ann").with_raw_claims(
    ///     r#"{"authorization_details": [
    ///         {"type": "payment_initiation", "creditor": "bob", "amount": 7},
    ///         {"type": "account_information"}
    ///     ]}"#,
    /// );
    /// let payments: Vec<Payment> = user.authorization_details()?;
    /// assert_eq!(payments.len(), 1);
    /// assert_eq!((&*payments[0].creditor, payments[0].amount), ("bob", 7));
    /// # Ok::<(), portcullis::context::ClaimsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ClaimsError`] if an entry of this type does not deserialize to `T`. The position in the error is that
    /// in the entry. [`JwtAuth`](crate::JwtAuth) rejects a token whose `authorization_details` are not an array of
    /// objects with a string `type`.
    pub fn authorization_details<T: AuthorizationDetail>(&self) -> Result<Vec<T>, ClaimsError> {
        let entries = self.entries_of_type(T::TYPE).map_err(|error| ClaimsError::new(&error))?;
        entries
            .iter()
            .map(|entry| serde_json::from_str(entry))
            .collect::<Result<_, _>>()
            .map_err(|e| ClaimsError::new(&e))
    }

    /// Returns the JSON texts of the authorization details of a type.
    pub(crate) fn entries_of_type(&self, name: &str) -> Result<Vec<&str>, serde_json::Error> {
        let claims: BTreeMap<String, &RawValue> = serde_json::from_str(self.raw_claims())?;
        let Some(details) = claims.get("authorization_details") else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for entry in serde_json::from_str::<Vec<&RawValue>>(details.get())? {
            let members: BTreeMap<String, &RawValue> = serde_json::from_str(entry.get())?;
            let own_type = members.get("type").and_then(|value| serde_json::from_str::<String>(value.get()).ok());
            if own_type.is_some_and(|own_type| own_type == name) {
                found.push(entry.get());
            }
        }
        Ok(found)
    }
}
