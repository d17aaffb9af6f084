//! `IssuerCompiler`: creates an issuer that verifies tokens from its settings.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
#[cfg(feature = "revocation")]
use crate::context::{RevocationId, RevocationKind};
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::http_client::client::SharedHttpClient;
use crate::jwt::builder::{key_source, validate_preset};
use crate::jwt::hints::Hints;
use crate::jwt::issuer::trusted::{IssuerKeys, TrustedIssuer};
use crate::jwt::issuer::{Issuer, KeySource};
use crate::jwt::keys::jwk::KeyFilter;
use crate::jwt::remote::RemoteKeys;

/// The settings of the layer that apply to each issuer, whether it is configured or found while the app runs.
#[derive(Clone, Debug)]
pub(crate) struct IssuerCompiler {
    pub(crate) audiences: Vec<String>,
    /// Whether the app defines what roles grant.
    pub(crate) uses_roles: bool,
    /// Shared by all issuers. `None` if no configured issuer publishes its keys.
    pub(crate) client: Option<SharedHttpClient>,
    pub(crate) clock: Clock,
    pub(crate) max_stale_keys: Duration,
    pub(crate) fetch_timeout: Duration,
}

impl IssuerCompiler {
    /// Validates an issuer and parses its keys. Nothing is fetched here.
    ///
    /// Continues after an issue, so that one failed `build()` reports all of them. With an issue, the result must not
    /// be used.
    pub(crate) fn compile(&self, issuer: Issuer, issues: &mut ConfigIssues) -> Option<TrustedIssuer> {
        // An issuer's own audiences replace those of the layer. The two lists are not merged, so that a token of one
        // issuer cannot use an audience that was meant for another.
        let own_setter = issuer.conventions.audience_setter;
        let uses_own = !issuer.audiences.is_empty() || own_setter.is_some();
        let audiences = if uses_own { issuer.audiences.clone() } else { self.audiences.clone() };
        if audiences.is_empty() {
            let issue = match own_setter {
                Some(setter) => {
                    let reason = "is required, since this issuer's tokens have no other audience";
                    let remedy = format!("call .{setter}(..); see the documentation of {}", issuer.constructor);
                    ConfigIssue::new(setter, IssueKind::Missing, reason, remedy)
                }
                None => {
                    let reason = "no audience is set for this issuer's tokens";
                    let remedy = "call .audience(..) with the `aud` value of the tokens for this app";
                    ConfigIssue::new("audience", IssueKind::Missing, reason, remedy)
                }
            };
            issues.add(issue.for_issuer(&issuer.name));
        }
        validate_preset::audiences(&issuer, &audiences, issues);
        key_source::validate_issuer(&issuer, issues);
        let name: Arc<str> = issuer.name.as_str().into();
        let allowed = key_source::allowed_algorithms(&issuer, issues);
        let filter = key_source::key_filter(&issuer, &allowed);
        let keys = self.compile_keys(&issuer, &name, filter, issues)?;
        let mut conventions = issuer.conventions;
        if self.uses_roles {
            conventions.claims.use_roles();
        }
        let hints = Hints::new(self.clock.clone());
        Some(TrustedIssuer {
            #[cfg(feature = "revocation")]
            revocation_id: RevocationId::of(RevocationKind::Issuer { name: &name }),
            name,
            keys,
            allowed,
            audiences,
            conventions,
            hints,
        })
    }

    /// Parses the configured keys, or prepares the fetches of published ones.
    fn compile_keys(
        &self,
        issuer: &Issuer,
        name: &Arc<str>,
        filter: KeyFilter,
        issues: &mut ConfigIssues,
    ) -> Option<IssuerKeys> {
        match &issuer.source {
            KeySource::Fixed(first) => Some(IssuerKeys::Fixed(key_source::fixed_keys(issuer, first, issues))),
            KeySource::Document(text) => {
                key_source::document_keys(issuer, text, &filter, issues).map(IssuerKeys::Fixed)
            }
            KeySource::Remote(location) => {
                // The URL of a preset follows from its arguments, which are reported already.
                if issuer.invalid_argument.is_none() {
                    key_source::validate_location(issuer, location, issues);
                }
                let client = self.client.clone()?;
                let remote = RemoteKeys::new(
                    Arc::clone(name),
                    location.clone(),
                    filter,
                    client,
                    self.clock.clone(),
                    self.max_stale_keys,
                    self.fetch_timeout,
                );
                Some(IssuerKeys::Remote(Arc::new(remote)))
            }
        }
    }
}
