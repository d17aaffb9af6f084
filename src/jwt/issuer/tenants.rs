//! `Tenants`: the tenants of Microsoft Entra ID whose tokens are accepted.

use std::collections::HashSet;

/// The tenants of Microsoft Entra ID whose tokens are accepted, for
/// [`Issuer::entra_v2_tenants`](crate::Issuer::entra_v2_tenants).
///
/// ```
/// use portcullis::{Issuer, JwtAuth, Tenants};
///
/// let tenants = Tenants::only(["72f988bf-86f1-41af-91ab-2d7cd011db47"]);
/// let issuer = Issuer::entra_v2_tenants(tenants)
///     .audience("11111111-2222-3333-4444-555555555555");
/// assert!(JwtAuth::builder().issuer(issuer).build().is_ok());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Tenants {
    /// `None` for any tenant.
    ids: Option<HashSet<String>>,
    has_personal_accounts: bool,
}

impl Tenants {
    /// Accepts these tenants, by their ids (GUIDs).
    pub fn only(ids: impl IntoIterator<Item: Into<String>>) -> Self {
        let ids = ids.into_iter().map(|id| id.into().to_ascii_lowercase()).collect();
        Self { ids: Some(ids), has_personal_accounts: false }
    }

    /// Accepts the tenant of any organization, even one that an attacker has created.
    ///
    /// The app must then check the tenant or the user itself:
    /// [`build`](crate::jwt::JwtAuthBuilder::build) requires a
    /// [loader](crate::jwt::JwtAuthBuilder::load_user) or a
    /// [required claim](crate::Issuer::require_claim).
    pub fn any() -> Self {
        Self { ids: None, has_personal_accounts: false }
    }

    /// Accepts personal Microsoft accounts too (default: rejected).
    ///
    /// All of them are in the tenant `9188040d-6c67-4c5b-b112-36a304b66dad`.
    ///
    /// Source: [Access token claims reference](https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).
    ///
    /// ```
    /// use portcullis::{Issuer, JwtAuth, Tenants};
    ///
    /// let issuer = Issuer::entra_v2_tenants(Tenants::any().personal_accounts())
    ///     .audience("11111111-2222-3333-4444-555555555555");
    /// let auth = JwtAuth::builder().issuer(issuer);
    /// let auth = auth.load_user(async |user| Ok(user)).build();
    /// assert!(auth.is_ok());
    /// ```
    pub fn personal_accounts(mut self) -> Self {
        self.has_personal_accounts = true;
        self
    }

    /// Whether tokens of this tenant, a lower-case GUID, are accepted.
    pub(crate) fn contains(&self, tenant: &str) -> bool {
        let is_listed = self.ids.as_ref().is_some_and(|ids| ids.contains(tenant));
        let is_personal = tenant == PERSONAL_ACCOUNTS;
        is_listed || self.has_personal_accounts && is_personal || self.ids.is_none() && !is_personal
    }

    /// Whether the keys of personal accounts are needed.
    pub(crate) fn has_personal_accounts(&self) -> bool {
        self.contains(PERSONAL_ACCOUNTS)
    }

    /// Whether the app does not list the tenants.
    pub(crate) fn is_any(&self) -> bool {
        self.ids.is_none()
    }

    /// Returns a value that is not a tenant's id, or an empty text if no tenant is listed.
    pub(crate) fn invalid_id(&self) -> Option<&str> {
        let ids = self.ids.as_ref()?;
        if ids.is_empty() && !self.has_personal_accounts {
            return Some("");
        }
        ids.iter().map(String::as_str).find(|id| !is_guid(id))
    }
}

/// Whether the text is a GUID. `common`, `organizations` or a domain name would not match the `iss` of any token.
pub(crate) fn is_guid(id: &str) -> bool {
    let mut groups = id.split('-');
    let has_group = |len: usize| {
        groups.next().is_some_and(|group| group.len() == len && group.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    [8, 4, 4, 4, 12].into_iter().all(has_group) && groups.next().is_none()
}

/// Whether the text is a GUID as Entra ID writes it in tokens, in lower case.
pub(crate) fn is_lower_case_guid(id: &str) -> bool {
    is_guid(id) && !id.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// The tenant of personal Microsoft accounts.
const PERSONAL_ACCOUNTS: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    #[test]
    fn personal_accounts_must_be_named() {
        for (tenants, has_tenant, has_personal_accounts) in [
            (Tenants::any(), true, false),
            (Tenants::any().personal_accounts(), true, true),
            (Tenants::only([TENANT]), true, false),
            (Tenants::only([TENANT.to_uppercase()]).personal_accounts(), true, true),
            (Tenants::only([PERSONAL_ACCOUNTS]), false, true),
        ] {
            assert_eq!(
                (tenants.contains(TENANT), tenants.contains(PERSONAL_ACCOUNTS)),
                (has_tenant, has_personal_accounts)
            );
            assert_eq!((tenants.has_personal_accounts(), tenants.invalid_id()), (has_personal_accounts, None));
        }
    }

    #[test]
    fn an_id_is_a_guid() {
        for id in ["common", "organizations", "contoso.com", "", "72f988bf86f141af91ab2d7cd011db47"] {
            assert_eq!(Tenants::only([TENANT, id]).invalid_id(), Some(id));
        }
        // A group with a character more or less, one that is not hexadecimal, and one group more.
        for id in [
            "72f988bf-86f1-41af-91ab-2d7cd011db4",
            "72f988bf-86f1-41af-91ab-2d7cd011db477",
            "72f988bf-86f1-41af-91ab-2d7cd011db4g",
            "72f988bf-86f1-41af-91ab-2d7cd011db47-",
        ] {
            assert!(!is_guid(id), "{id}");
        }
        assert_eq!(Tenants::only([""; 0]).invalid_id(), Some(""));
        assert!(is_guid(&TENANT.to_uppercase()) && !is_lower_case_guid(&TENANT.to_uppercase()));
    }
}
