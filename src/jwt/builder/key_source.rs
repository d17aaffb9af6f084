//! Where an issuer's keys come from, judged before a request comes.

use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::field::origin::Origin;
use crate::jwt::algorithm::{Algorithm, KeyFamily, PUBLIC_KEY_ALGORITHMS};
use crate::jwt::issuer::{FixedKey, Issuer, KeyMaterial, KeySource};
use crate::jwt::keys::jwks::{KeySet, MAX_CANDIDATES};
use crate::jwt::keys::pem;
use crate::jwt::keys::verifier::Verifier;
use crate::jwt::keys::weak::KeyError;
use crate::jwt::remote::discovery::{JwksLocation, is_fetchable};

/// The algorithms of an issuer: those of the keys given, or those that published keys may be used for.
pub(crate) fn allowed(issuer: &Issuer, problems: &mut ConfigIssues) -> Vec<Algorithm> {
    if let KeySource::Fixed(first) = &issuer.source {
        return std::iter::once(first).chain(&issuer.added).map(|key| key.algorithm).collect();
    }
    let allowed = issuer.algorithms.clone().unwrap_or_else(|| PUBLIC_KEY_ALGORITHMS.to_vec());
    if allowed.is_empty() {
        problems.add(
            ConfigIssue::new(
                "algorithms",
                IssueKind::Missing,
                "none is allowed",
                "allow those that the issuer signs with",
            )
            .for_issuer(&issuer.name),
        );
    }
    for algorithm in allowed.iter().filter(|algorithm| algorithm.family() == KeyFamily::Hmac) {
        let reason = "a published key cannot be a shared secret";
        problems.add(
            ConfigIssue::new("algorithms", IssueKind::Prohibited, reason, "allow algorithms with a public key alone")
                .with_value(algorithm.name()),
        );
    }
    allowed
}

/// What the issuer's constructor or its claims were told that cannot be.
pub(crate) fn validate_conventions(issuer: &Issuer, problems: &mut ConfigIssues) {
    if let Some((argument, value)) = &issuer.invalid_argument {
        let reason = format!("not the {argument} alone");
        let remedy = "see the preset's documentation for its form";
        problems.add(ConfigIssue::new(argument, IssueKind::Invalid, reason, remedy).with_value(value));
    }
    if issuer.conventions.claims.has_empty_name() {
        let remedy = "name a claim, or write a JSON Pointer as /realm_access/roles";
        problems.add(
            ConfigIssue::new("claims", IssueKind::Invalid, "a claim's name is empty", remedy).for_issuer(&issuer.name),
        );
    }
    if issuer.algorithms.is_some() && matches!(issuer.source, KeySource::Fixed(_)) {
        let reason = "a key that is given has its own algorithm";
        let remedy = "leave .algorithms(..) out, or let the issuer publish its keys";
        problems.add(ConfigIssue::new("algorithms", IssueKind::Prohibited, reason, remedy).for_issuer(&issuer.name));
    }
}

/// The keys that the user gives.
pub(crate) fn fixed(issuer: &Issuer, first: &FixedKey, problems: &mut ConfigIssues) -> KeySet {
    judge_name(&issuer.name, problems);
    let mut keys = KeySet::default();
    for key in std::iter::once(first).chain(&issuer.added) {
        // No more are tried on one token: a key beyond them would silently never serve.
        if keys.candidates(key.algorithm, None).count() == MAX_CANDIDATES {
            let reason = format!("more than {MAX_CANDIDATES} keys for {}", key.algorithm.name());
            problems.add(
                ConfigIssue::new("key", IssueKind::Prohibited, reason, "take out the keys that no longer sign")
                    .for_issuer(&issuer.name),
            );
            break;
        }
        let verifier = match &key.material {
            KeyMaterial::Pem(text) => pem::verifier(key.algorithm, text),
            KeyMaterial::Secret(secret) => Verifier::hmac(key.algorithm, secret),
        };
        match verifier {
            Ok(verifier) => keys.add(None, key.algorithm, verifier),
            Err(fault) => problems.add(key_problem(key, fault, &issuer.name)),
        }
    }
    keys
}

/// The keys of a JWK Set that the user gives, each that is left out with a line in the log.
pub(crate) fn document(
    issuer: &Issuer,
    jwks: &str,
    allowed: &[Algorithm],
    problems: &mut ConfigIssues,
) -> Option<KeySet> {
    judge_name(&issuer.name, problems);
    let parsed = KeySet::parse(jwks, allowed);
    parsed.iter().flat_map(|parsed| &parsed.skipped).for_each(|skipped| skipped.log(&issuer.name));
    let keys = parsed.map(|parsed| parsed.keys).filter(|keys| !keys.is_empty());
    if keys.is_none() {
        let reason = "the JWK Set has no key that can be used";
        let remedy = "give a JSON object whose `keys` are public keys for signatures (RFC 7517 §5)";
        problems.add(ConfigIssue::new("jwks", IssueKind::Invalid, reason, remedy).for_issuer(&issuer.name));
    }
    keys
}

fn key_problem(key: &FixedKey, fault: KeyError, issuer: &str) -> ConfigIssue {
    let algorithm = key.algorithm.name();
    let (kind, remedy) = match (fault, &key.material) {
        (KeyError::ShortSecret { least }, _) => {
            (IssueKind::Weak, format!("use {least} or more bytes from a secure random source, not a password"))
        }
        (KeyError::Exponent | KeyError::Point | KeyError::Roca | KeyError::Size, _) => {
            (IssueKind::Weak, "have the issuer make a new key".to_owned())
        }
        (KeyError::Private, _) => {
            (IssueKind::Prohibited, "give the public key; keep the private one at the issuer".to_owned())
        }
        (_, KeyMaterial::Secret(_)) => (
            IssueKind::Prohibited,
            "give random bytes for HS256, HS384 or HS512, and a key pair's PEM to pem(..)".to_owned(),
        ),
        (_, KeyMaterial::Pem(_)) => (
            IssueKind::Invalid,
            format!("give a public key for {algorithm}, the text of its PEM with the line breaks in it"),
        ),
    };
    ConfigIssue::new("key", kind, format!("the {algorithm} key cannot be used: {fault}"), remedy).for_issuer(issuer)
}

/// The URL without what stands before an `@`, which may be a password.
fn without_userinfo(url: &str) -> String {
    let (scheme, after) = url.split_once("://").unwrap_or(("", url));
    match after.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://...@{host}"),
        None => url.to_owned(),
    }
}

/// An issuer whose keys are given may have any name, a URL or not.
fn judge_name(name: &str, problems: &mut ConfigIssues) {
    if name.is_empty() {
        problems.add(ConfigIssue::new("issuer", IssueKind::Invalid, "is empty", "write it as the `iss` of its tokens"));
    }
}

/// An issuer whose keys are fetched is reached at https, or on loopback (RFC 8414 §2).
pub(crate) fn judge_remote(name: &str, location: &JwksLocation, problems: &mut ConfigIssues) {
    let mut judge = |setting, url: &str, barred: &[char]| {
        let reason = match Origin::of_url(url) {
            Err(fault) => fault.reason(),
            Ok(_) if setting == "issuer" && url.contains("/.well-known/") => "is the URL of its metadata, not its name",
            Ok(_) if url.contains(barred) => "has a query or fragment",
            Ok(_) if !is_fetchable(url, true) => "is not https",
            Ok(_) => return,
        };
        let remedy = "write an absolute https URL, or an http one on loopback for development";
        problems.add(ConfigIssue::new(setting, IssueKind::Invalid, reason, remedy).with_value(without_userinfo(url)));
    };
    match location {
        JwksLocation::Metadata => judge("issuer", name, &['?', '#']),
        JwksLocation::Url(url) => {
            judge("jwks url", url, &['#']);
            judge_name(name, problems);
        }
    }
}
