//! The form of a record for stores: a JSON object.

use serde::{Deserialize, Serialize};

use crate::api_key::key::digest::{DIGEST_LEN, KeyDigest};
use crate::api_key::key::id::ApiKeyId;
use crate::api_key::privileges::Privileges;
use crate::api_key::record::{ApiKeyRecord, Owner, PreviousDigest};
use crate::context::{NetworkSet, Permission, Scopes};
use crate::error::ConfigIssues;
use crate::record_store::StoreError;

impl ApiKeyRecord {
    /// Returns the record as a JSON object, for a store. The usage is not part of it.
    ///
    /// It has the digest of the secret, so it is not for clients. Times are in whole seconds since 1970.
    #[must_use]
    pub fn to_json(&self) -> String {
        // A struct of texts and numbers always serializes.
        serde_json::to_string(&Stored::of(self)).unwrap_or_default()
    }

    /// Reads what [`to_json`](Self::to_json) has written. Unknown members are ignored.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Unavailable`] if the text is not a record. The error does not contain the text.
    pub fn from_json(text: &str) -> Result<Self, StoreError> {
        let stored = serde_json::from_str::<Stored>(text).ok().and_then(Stored::into_record);
        stored.ok_or_else(|| StoreError::unavailable("the stored text is not the record of an API key"))
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    id: ApiKeyId,
    version: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    owner_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner_issuer: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    owner_is_client: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    scope: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    networks: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quota: Option<String>,
    created_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_at: Option<u64>,
    digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<StoredDigest>,
}

#[derive(Serialize, Deserialize)]
struct StoredDigest {
    digest: String,
    valid_until: u64,
}

impl Stored {
    fn of(record: &ApiKeyRecord) -> Self {
        let privileges = &record.privileges;
        let previous = record.previous.map(|previous| StoredDigest {
            digest: hex::encode(previous.digest.as_bytes()),
            valid_until: previous.valid_until,
        });
        Self {
            id: record.id,
            version: record.version,
            name: record.name.clone(),
            owner_id: record.owner.id.clone(),
            owner_issuer: record.owner.issuer.clone(),
            owner_is_client: record.owner.is_client,
            scope: privileges.scopes.to_string(),
            roles: privileges.roles.clone(),
            permissions: privileges.permissions.iter().map(ToString::to_string).collect(),
            tier: privileges.tier.clone(),
            networks: record.networks().collect(),
            quota: record.quota.map(|quota| quota.to_string()),
            created_at: record.created_at,
            not_before: record.not_before,
            expires_at: record.expires_at,
            revoked_at: record.revoked_at,
            digest: hex::encode(record.digest.as_bytes()),
            previous,
        }
    }

    /// Returns the record; `None` if a member is invalid. Nothing is skipped: without a network that cannot be read,
    /// for example, the key would be valid at any address.
    fn into_record(self) -> Option<ApiKeyRecord> {
        let permissions = self.permissions.iter().map(|text| Permission::new(text));
        let privileges = Privileges {
            scopes: self.scope.parse::<Scopes>().ok()?,
            roles: self.roles,
            permissions: permissions.collect::<Result<_, _>>().ok()?,
            tier: self.tier,
        };
        let mut issues = ConfigIssues::default();
        let networks = NetworkSet::parse(self.networks, "networks", &mut issues);
        let previous = match self.previous {
            Some(previous) => {
                Some(PreviousDigest { digest: digest(&previous.digest)?, valid_until: previous.valid_until })
            }
            None => None,
        };
        Some(ApiKeyRecord {
            id: self.id,
            name: self.name,
            owner: Owner { issuer: self.owner_issuer, id: self.owner_id, is_client: self.owner_is_client },
            privileges,
            networks: issues.into_result(|| networks).ok()?,
            quota: self.quota.map(|text| text.parse()).transpose().ok()?,
            created_at: self.created_at,
            not_before: self.not_before,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
            digest: digest(&self.digest)?,
            previous,
            version: self.version,
            last_used_at: None,
            usage_count: 0,
        })
    }
}

fn digest(text: &str) -> Option<KeyDigest> {
    let mut bytes = [0; DIGEST_LEN];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(KeyDigest::from_bytes(bytes))
}

/// By reference, as serde passes it.
fn is_false(value: &bool) -> bool {
    !*value
}
