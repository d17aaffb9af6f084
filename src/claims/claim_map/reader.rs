//! `Reader`: the claims of one token, read as the properties of a user.
//!
//! What grants something is strict: a value of another type is an error, because skipping it could hide a privilege, or
//! a restriction, on which a rule of the app depends. What grants nothing is read as absent.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::claims::claim_path::ClaimPath;
use crate::claims::log_ignored_claim;
use crate::context::{Scopes, SharedStr};
use crate::gate::TokenError;
use crate::strict_json::{Object, array, is_null, string};

/// The claims of a verified token.
#[derive(Clone, Copy)]
pub(super) struct Reader<'r, 'a> {
    pub(super) claims: &'r Object<'a>,
    /// The text from which the claims were parsed.
    pub(super) text: &'r Arc<str>,
    /// For the log.
    pub(super) issuer: &'r str,
}

impl<'a> Reader<'_, 'a> {
    /// Reads the id, which is required.
    pub(super) fn id(self, claim: &ClaimPath) -> Result<SharedStr, TokenError> {
        let value = claim.find(self.claims)?.ok_or_else(|| claim.missing())?;
        nonempty(value).map(|id| self.share(id)).ok_or_else(|| claim.invalid())
    }

    /// Reads the tenant, which may be absent. Apps keep the data of tenants apart by it, so it is as strict as the id.
    pub(super) fn tenant(self, claim: &ClaimPath) -> Result<Option<SharedStr>, TokenError> {
        let Some(value) = claim.find(self.claims)? else { return Ok(None) };
        let tenant = nonempty(value).filter(|tenant| tenant.len() <= MAX_TENANT_LEN);
        tenant.map(|tenant| Some(self.share(tenant))).ok_or_else(|| claim.invalid())
    }

    /// Reads the first claim that is a string and not empty.
    pub(super) fn optional(self, claims: &[ClaimPath]) -> Option<SharedStr> {
        claims.iter().find_map(|claim| self.lenient(claim, nonempty)).map(|text| self.share(text))
    }

    /// Reads the authentication methods. Supabase sends objects with the method and its time.
    pub(super) fn methods(self, claim: &ClaimPath) -> Box<[SharedStr]> {
        self.lenient(claim, |value| self.texts(value, "method")).unwrap_or_default().into_boxed_slice()
    }

    /// Reads whether a claim is true. Apple sends the text `true` or `false` in place of the boolean.
    pub(super) fn is_true(self, claim: &ClaimPath) -> bool {
        let value = self.lenient(claim, |value| match value {
            "true" | r#""true""# => Some(true),
            "false" | r#""false""# => Some(false),
            _ => None,
        });
        value.unwrap_or_default()
    }

    /// Reads the tier: the first claim that is present and not `null`.
    pub(super) fn tier(self, claims: &[ClaimPath]) -> Result<Option<SharedStr>, TokenError> {
        let Some((claim, value)) = self.first(claims, |value| !is_null(value))? else { return Ok(None) };
        string(value).map(|tier| Some(self.share(tier))).ok_or_else(|| claim.invalid())
    }

    /// Reads the scopes: the first claim that is present.
    pub(super) fn scopes(self, claims: &[ClaimPath]) -> Result<Scopes, TokenError> {
        let Some((claim, value)) = self.first(claims, |_| true)? else { return Ok(Scopes::default()) };
        // A space-delimited string (RFC 8693 §4.2), or an array of strings as some issuers send it.
        let text = string(value).map(|text| self.share(text)).or_else(|| joined_scopes(value).map(Into::into));
        text.and_then(Scopes::from_text).ok_or_else(|| claim.invalid())
    }

    /// Reads the names in all claims that are present.
    pub(super) fn names(self, claims: &[ClaimPath]) -> Result<Box<[SharedStr]>, TokenError> {
        let mut names = Vec::new();
        for claim in claims {
            self.add_names(claim, &mut names)?;
        }
        Ok(names.into_boxed_slice())
    }

    /// Reads the roles in all of these claims, and the roles that are the names in the first object.
    ///
    /// Malformed ones are read as absent if the app does not use roles.
    pub(super) fn roles(
        self,
        claims: &[ClaimPath],
        key_claims: &[ClaimPath],
        are_used: bool,
    ) -> Result<Box<[SharedStr]>, TokenError> {
        let mut roles = Vec::new();
        for claim in claims {
            match self.add_names(claim, &mut roles) {
                Err(_) if !are_used => log_ignored_claim(self.issuer, claim.text()),
                result => result?,
            }
        }
        if let Some((claim, value)) = self.first(key_claims, |value| !is_null(value))? {
            let object = Object::parse(value).ok_or_else(|| claim.invalid())?;
            roles.extend(held_names(&object));
        }
        Ok(roles.into_boxed_slice())
    }

    /// Adds the names in a claim: a string, or an array of strings or complex values (RFC 7643 §2.4). `null` has none.
    fn add_names(self, claim: &ClaimPath, names: &mut Vec<SharedStr>) -> Result<(), TokenError> {
        let Some(value) = claim.find(self.claims)?.filter(|value| !is_null(value)) else { return Ok(()) };
        let texts = self.texts(value, "value").ok_or_else(|| claim.invalid())?;
        // Without an allocation of its own in the usual case, in which only one claim has names.
        if names.is_empty() {
            *names = texts;
        } else {
            names.extend(texts);
        }
        Ok(())
    }

    /// Returns the first claim that is present and has such a value.
    fn first<'m>(
        self,
        claims: &'m [ClaimPath],
        is_value: impl Fn(&str) -> bool,
    ) -> Result<Option<(&'m ClaimPath, &'a str)>, TokenError> {
        for claim in claims {
            if let Some(value) = claim.find(self.claims)?.filter(|value| is_value(value)) {
                return Ok(Some((claim, value)));
            }
        }
        Ok(None)
    }

    /// Reads a claim that grants nothing. One that cannot be read is absent.
    fn lenient<T>(self, claim: &ClaimPath, read: impl FnOnce(&'a str) -> Option<T>) -> Option<T> {
        let value = match claim.find(self.claims) {
            Ok(value) => read(value?),
            Err(_) => None,
        };
        if value.is_none() {
            log_ignored_claim(self.issuer, claim.text());
        }
        value
    }

    /// Returns a string, or the strings of an array, whose elements are strings or objects with this member.
    fn texts(self, value: &'a str, member: &str) -> Option<Vec<SharedStr>> {
        if let Some(text) = string(value) {
            return Some(vec![self.share(text)]);
        }
        let items = array(value)?;
        let mut texts = Vec::with_capacity(items.len());
        for item in items.into_iter().map(RawValue::get) {
            let text = string(item).or_else(|| Object::parse(item)?.get(member).and_then(string))?;
            texts.push(self.share(text));
        }
        Some(texts)
    }

    /// Returns a value that shares the memory of the claims. One with escapes is not a range of their text.
    fn share(self, value: Cow<'a, str>) -> SharedStr {
        match value {
            Cow::Borrowed(value) => SharedStr::part_of(self.text, value),
            Cow::Owned(value) => value.into(),
        }
    }
}

/// Returns the names of the members that are neither `null` nor `false`, as roles.
pub(crate) fn held_names(object: &Object<'_>) -> impl Iterator<Item = SharedStr> {
    object.iter().filter(|(_, value)| !matches!(*value, "null" | "false")).map(|(name, _)| SharedStr::from(name))
}

/// Returns a string that is not empty.
fn nonempty(value: &str) -> Option<Cow<'_, str>> {
    string(value).filter(|text| !text.is_empty())
}

/// Joins the elements of an array as in `scope`. A space in an element would become two scopes, so it is rejected.
fn joined_scopes(value: &str) -> Option<String> {
    let mut text = String::with_capacity(value.len());
    for item in array(value)? {
        let scope = nonempty(item.get()).filter(|scope| !scope.contains(' '))?;
        text.push_str(&scope);
        text.push(' ');
    }
    Some(text)
}

// Longer than every id of an organization, and short enough for a key of a cache or a rate limit.
pub(crate) const MAX_TENANT_LEN: usize = 256;
