//! The serialized forms of users, privileges and addresses, and settings deserialized from configuration.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::context::client_addr::ClientAddr;
use crate::context::credential::Credential;
#[cfg(feature = "cors")]
use crate::context::origin_set::OriginSet;
use crate::context::permission::Permission;
use crate::context::principal::Principal;
use crate::context::roles::Role;
use crate::context::scopes::Scopes;
use crate::context::tiers::{Tier, Tiers};
use crate::context::trusted_proxies::TrustedProxies;
use crate::context::user::UserContext;
use crate::deserialize;

/// Serializes the user as a map; see [Serialized form](UserContext#serialized-form).
impl Serialize for UserContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let texts = [
            ("issuer", self.issuer()),
            ("tenant", self.tenant()),
            ("client_id", self.client_id()),
            ("email", self.email()),
            ("name", self.name()),
            ("tier", self.tier_name()),
            ("acr", self.acr()),
        ];
        let times = [("auth_time", self.auth_time()), ("expires_at", self.expires_at())];
        let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text?)));
        let times = times.into_iter().filter_map(|(name, time)| Some((name, seconds_since_epoch(time?))));
        let amr = Some(self.amr().collect::<Vec<_>>()).filter(|amr| !amr.is_empty());
        let has_email = self.email().is_some();

        let count = REQUIRED_FIELDS
            + texts.clone().count()
            + times.clone().count()
            + usize::from(amr.is_some())
            + usize::from(has_email);
        let mut fields = serializer.serialize_struct("UserContext", count)?;
        fields.serialize_field("id", self.id())?;
        fields.serialize_field("principal", &self.principal())?;
        fields.serialize_field("credential", &self.credential())?;
        fields.serialize_field("scopes", self.scopes())?;
        fields.serialize_field("roles", &self.roles().collect::<Vec<_>>())?;
        fields.serialize_field("permissions", &self.permissions().collect::<Vec<_>>())?;
        for (name, text) in texts {
            fields.serialize_field(name, text)?;
        }
        if has_email {
            fields.serialize_field("email_verified", &self.email_verified())?;
        }
        if let Some(amr) = amr {
            fields.serialize_field("amr", &amr)?;
        }
        for (name, seconds) in times {
            fields.serialize_field(name, &seconds)?;
        }
        fields.end()
    }
}

/// The fields that every user has: `id`, `principal`, `credential`, `scopes`, `roles` and `permissions`.
const REQUIRED_FIELDS: usize = 6;

fn seconds_since_epoch(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Serializes the [name](Credential::as_str).
impl Serialize for Credential {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Serializes `client` or `user`.
impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Client => "client",
            Self::User => "user",
        })
    }
}

/// Serializes a list of the scope tokens.
///
/// It is a list and not the space-separated text because scripts would search that text for parts of scopes:
/// `"read:all".includes("read")` is true in JavaScript.
impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Deserializes a list of scope tokens, or a string of scope tokens that are separated by spaces.
impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize::text_or_list(deserializer, "a list of scopes, or a string of scopes with spaces", Self::new)
    }
}

/// Serializes `action:resource`.
impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Deserializes `action:resource`.
impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize::text(deserializer, "a permission such as create:valuation")
    }
}

/// Serializes the role's name.
impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Serializes the tier's name.
impl Serialize for Tier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Serializes a list of the names, the lowest tier first.
impl Serialize for Tiers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

/// Deserializes a list of names, the lowest tier first, or a string such as `basic < professional`.
impl<'de> Deserialize<'de> for Tiers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expecting = "a list of tiers, lowest first, or a string such as basic < professional";
        deserialize::text_or_list(deserializer, expecting, Self::ascending)
    }
}

/// Serializes the IP address as a string.
impl Serialize for ClientAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Deserializes a list of origins and patterns, as [`OriginSet::new`] takes them.
#[cfg(feature = "cors")]
impl<'de> Deserialize<'de> for OriginSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize::list(deserializer, "a list of origins such as https://app.example.com", Self::new)
    }
}

/// Deserializes a list of networks, as [`TrustedProxies::new`] takes them, or a number of hops, as
/// [`TrustedProxies::hops`] takes it. The empty list trusts no proxy.
impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expecting = "a list of networks such as 10.0.0.0/8, or a number of proxies";
        deserialize::list_or_number(deserializer, expecting, Self::new, Self::hops)
    }
}
