//! Validation of an issuer, and the parsing of its configured keys.

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::field::origin::Origin;
use crate::http_client::url::{url_issue, validate_url};
use crate::jwt::algorithm::{Algorithm, KeyFamily, PUBLIC_KEY_ALGORITHMS};
use crate::jwt::builder::validate_preset;
use crate::jwt::issuer::conventions::IssuerConventions;
use crate::jwt::issuer::{FixedKey, Issuer, KeyMaterial, KeySource};
use crate::jwt::keys::jwk::KeyFilter;
use crate::jwt::keys::jwks::{KeySet, MAX_CANDIDATES, SkippedKey};
use crate::jwt::keys::pem;
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::keys::weak::KeyError;
use crate::jwt::remote::discovery::JwksLocation;

/// Validates the settings of an issuer, except its audiences and keys.
pub(crate) fn validate_issuer(issuer: &Issuer, issues: &mut ConfigIssues) {
    if let Some(argument) = &issuer.invalid_argument {
        let reason = format!("is not {}", argument.expected);
        let remedy = format!("see the documentation of {}", issuer.constructor);
        let issue = ConfigIssue::new(issuer.constructor, IssueKind::Invalid, reason, remedy);
        issues.add(issue.with_value(&argument.value));
    }
    if issuer.conventions.claims.has_empty_name() {
        let remedy = "name a claim, or use a JSON Pointer such as /realm_access/roles";
        let issue = ConfigIssue::new("claims", IssueKind::Invalid, "the name of a claim is empty", remedy);
        issues.add(issue.for_issuer(&issuer.name));
    }
    validate_claim_settings(&issuer.conventions, &issuer.name, issues);
    validate_preset::settings(issuer, issues);
    // Settings without effect are errors: the user believes that they protect something.
    let is_fixed = matches!(issuer.source, KeySource::Fixed(_));
    if is_fixed && issuer.algorithms.is_some() {
        let reason = "has no effect, since the issuer's keys already have an algorithm";
        let remedy = "remove .algorithms(..), or use an issuer with published keys";
        let issue = ConfigIssue::new("algorithms", IssueKind::Prohibited, reason, remedy);
        issues.add(issue.for_issuer(&issuer.name));
    }
    if let Some(key_use) = &issuer.key_use {
        let issue = |kind, reason, remedy| ConfigIssue::new("key_use", kind, reason, remedy).for_issuer(&issuer.name);
        if is_fixed {
            let reason = "has no effect, since the issuer does not publish its keys";
            issues.add(issue(IssueKind::Prohibited, reason, "remove .key_use(..)"));
        } else if key_use.is_empty() || key_use == "enc" {
            let remedy = "use the `use` of the keys that sign tokens, such as jwt-svid for SPIFFE";
            issues.add(issue(IssueKind::Invalid, "is not the `use` of keys for signatures", remedy));
        }
    }
    if let (false, Some(added)) = (is_fixed, issuer.added.first()) {
        let reason = "adds a key to an issuer that publishes its keys";
        let remedy = "let the issuer publish the key, or configure all of its keys";
        let issue = ConfigIssue::new(added.setter, IssueKind::Prohibited, reason, remedy);
        issues.add(issue.for_issuer(&issuer.name));
    }
}

/// Validates the claims that an issuer's tokens must have.
fn validate_claim_settings(conventions: &IssuerConventions, issuer: &str, issues: &mut ConfigIssues) {
    let token_use = conventions.token_use.as_ref().map(|token_use| (token_use.setter(), &token_use.claim));
    let pins = conventions.pins.iter().map(|pin| (pin.setter, &pin.claim));
    for (setting, claim) in [("audience_claim", &conventions.audience_claim)].into_iter().chain(token_use).chain(pins) {
        if claim.is_empty() {
            let remedy = "name a claim, or use a JSON Pointer such as /realm_access/roles";
            let issue = ConfigIssue::new(setting, IssueKind::Invalid, "the name of a claim is empty", remedy);
            issues.add(issue.for_issuer(issuer));
        }
    }
    // No token has one of no values.
    for pin in conventions.pins.iter().filter(|pin| pin.values.is_empty()) {
        let remedy = "list the values of the claim that tokens may have";
        let issue = ConfigIssue::new(pin.setter, IssueKind::Missing, "no value is listed", remedy);
        issues.add(issue.with_value(pin.claim.text()).for_issuer(issuer));
    }
}

/// Returns the algorithms that the issuer's tokens may use (RFC 8725 §3.1).
///
/// For configured keys, these are the algorithms of the keys. For published keys, HMAC is never allowed: a public key
/// must not be usable as a shared secret (CVE-2016-10555).
pub(crate) fn allowed_algorithms(issuer: &Issuer, issues: &mut ConfigIssues) -> Vec<Algorithm> {
    if let KeySource::Fixed(first) = &issuer.source {
        return std::iter::once(first).chain(&issuer.added).map(|key| key.algorithm).collect();
    }
    let allowed = issuer.algorithms.clone().unwrap_or_else(|| PUBLIC_KEY_ALGORITHMS.to_vec());
    if allowed.is_empty() {
        let remedy = "allow the algorithms that the issuer signs with";
        let issue = ConfigIssue::new("algorithms", IssueKind::Missing, "no algorithm is allowed", remedy);
        issues.add(issue.for_issuer(&issuer.name));
    }
    for algorithm in allowed.iter().filter(|algorithm| algorithm.family() == KeyFamily::Hmac) {
        let reason = "needs a shared secret, which cannot be published";
        let remedy = "allow only algorithms that verify with a public key";
        let issue = ConfigIssue::new("algorithms", IssueKind::Prohibited, reason, remedy);
        issues.add(issue.with_value(algorithm.name()));
    }
    allowed
}

/// Returns which published keys of the issuer are used.
pub(crate) fn key_filter(issuer: &Issuer, allowed: &[Algorithm]) -> KeyFilter {
    let filter = KeyFilter::new(allowed);
    match &issuer.key_use {
        Some(key_use) => KeyFilter { key_use: key_use.clone(), ..filter },
        None => filter,
    }
}

/// Parses the secrets and PEM texts of an issuer. Each invalid key is one issue.
pub(crate) fn fixed_keys(issuer: &Issuer, first: &FixedKey, issues: &mut ConfigIssues) -> KeySet {
    validate_name(issuer, issues);
    let mut keys = KeySet::default();
    for key in std::iter::once(first).chain(&issuer.added) {
        // A token is checked with no more keys than this, so a further one would never be used.
        if keys.candidates(key.algorithm, None).count() == MAX_CANDIDATES {
            let reason = format!("adds more than {MAX_CANDIDATES} keys for {}", key.algorithm.name());
            let remedy = "remove the keys that no longer sign tokens";
            let issue = ConfigIssue::new(key.setter, IssueKind::Prohibited, reason, remedy);
            issues.add(issue.for_issuer(&issuer.name));
            break;
        }
        let verifier = match &key.material {
            KeyMaterial::Pem(text) => pem::public_key(text).and_then(|public| public.verifier(key.algorithm)),
            KeyMaterial::Secret(secret) => Verifier::hmac(key.algorithm, secret),
        };
        // Configured keys have no `kid`, so a token with any `kid`, or none, is verified with each key of its
        // algorithm.
        match verifier {
            Ok(verifier) => keys.add(key.algorithm, verifier),
            Err(error) => issues.add(key_issue(key, error).for_issuer(&issuer.name)),
        }
    }
    keys
}

/// Parses the JWK Set of an issuer, and logs each key that is skipped.
///
/// Skipping is not an error, as with fetched keys: a set may contain keys for encryption or for newer algorithms.
pub(crate) fn document_keys(
    issuer: &Issuer,
    jwks: &str,
    filter: &KeyFilter,
    issues: &mut ConfigIssues,
) -> Option<KeySet> {
    validate_name(issuer, issues);
    let parsed = KeySet::parse(jwks, filter);
    let skipped = parsed.as_ref().map_or(&[][..], |parsed| &parsed.skipped);
    SkippedKey::log_all(skipped, &issuer.name);
    // The text is the app's own, so the app can shorten it.
    for error in skipped.iter().map(|key| key.error).filter(|error| matches!(error, KeyError::TooMany { .. })) {
        let remedy = "remove the keys that no longer sign tokens";
        let issue = ConfigIssue::new(issuer.constructor, IssueKind::Prohibited, error.to_string(), remedy);
        issues.add(issue.for_issuer(&issuer.name));
    }
    let keys = parsed.map(|parsed| parsed.keys).filter(|keys| !keys.is_empty());
    if keys.is_none() {
        let reason = "the JWK Set has no usable key";
        let remedy =
            "pass a JSON object whose `keys` are public keys for signatures (RFC 7517 §5), or PEM texts by `kid`";
        let issue = ConfigIssue::new(issuer.constructor, IssueKind::Invalid, reason, remedy);
        issues.add(issue.for_issuer(&issuer.name));
    }
    keys
}

/// Describes an unusable key by its setter and algorithm, never by its value.
fn key_issue(key: &FixedKey, error: KeyError) -> ConfigIssue {
    let algorithm = key.algorithm.name();
    let (kind, remedy) = match (error, &key.material) {
        (KeyError::ShortSecret { min_len }, _) => {
            (IssueKind::Weak, format!("use {min_len} or more bytes from a secure random source, not a password"))
        }
        (KeyError::InvalidPoint | KeyError::Roca | KeyError::RsaExponent | KeyError::RsaModulus, _) => {
            (IssueKind::Weak, "let the issuer generate a new key".to_owned())
        }
        (KeyError::Private, _) => {
            (IssueKind::Prohibited, "pass the public key; only the issuer should have the private one".to_owned())
        }
        (_, KeyMaterial::Secret(_)) => (
            IssueKind::Prohibited,
            "pass random bytes for HS256, HS384 or HS512, and pass public keys to pem(..)".to_owned(),
        ),
        (_, KeyMaterial::Pem(_)) => {
            (IssueKind::Invalid, format!("pass a public key for {algorithm} as PEM text, including its line breaks"))
        }
    };
    ConfigIssue::new(key.setter, kind, format!("the {algorithm} key is unusable: {error}"), remedy)
}

/// An issuer with configured keys may have any name; it need not be a URL.
fn validate_name(issuer: &Issuer, issues: &mut ConfigIssues) {
    if issuer.name.is_empty() {
        let remedy = "set the `iss` value of its tokens";
        issues.add(ConfigIssue::new(issuer.constructor, IssueKind::Invalid, "the issuer's name is empty", remedy));
    }
}

/// Validates the URL from which metadata or keys are fetched: https (RFC 8414 §2), or http on loopback.
///
/// Over http, anyone on the network path could replace the keys.
pub(crate) fn validate_location(issuer: &Issuer, location: &JwksLocation, issues: &mut ConfigIssues) {
    let constructor = issuer.constructor;
    match location {
        JwksLocation::Metadata | JwksLocation::OwnMetadata => validate_metadata_url(issuer, issues),
        #[cfg(feature = "shared_signals")]
        JwksLocation::SsfConfiguration => validate_metadata_url(issuer, issues),
        JwksLocation::Url(url) => {
            validate_url(constructor, url, &['#'], issues);
            validate_name(issuer, issues);
        }
    }
}

/// Validates the name of an issuer below which its metadata is found.
fn validate_metadata_url(issuer: &Issuer, issues: &mut ConfigIssues) {
    let (constructor, name) = (issuer.constructor, &issuer.name);
    if Origin::of_url(name).is_ok() && name.contains("/.well-known/") {
        issues.add(url_issue(constructor, name, "is the URL of the metadata, not the issuer's name"));
    } else {
        validate_url(constructor, name, &['?', '#'], issues);
    }
}
