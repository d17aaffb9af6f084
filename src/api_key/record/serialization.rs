//! The form of a record for clients.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::api_key::record::ApiKeyRecord;

/// Serializes what the owner may see; see [Serialized form](ApiKeyRecord#serialized-form).
impl Serialize for ApiKeyRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("scopes", &self.privileges.scopes)?;
        map.serialize_entry("roles", &self.privileges.roles)?;
        map.serialize_entry("permissions", &self.privileges.permissions)?;
        if let Some(tier) = self.tier() {
            map.serialize_entry("tier", tier)?;
        }
        map.serialize_entry("networks", &self.networks().collect::<Vec<_>>())?;
        if let Some(quota) = self.quota {
            map.serialize_entry("quota", &quota.to_string())?;
        }
        map.serialize_entry("created_at", &self.created_at)?;
        let times = [
            ("not_before", self.not_before),
            ("expires_at", self.expires_at),
            ("revoked_at", self.revoked_at),
            ("last_used_at", self.last_used_at),
        ];
        for (name, time) in times {
            if let Some(time) = time {
                map.serialize_entry(name, &time)?;
            }
        }
        map.serialize_entry("usage_count", &self.usage_count)?;
        map.end()
    }
}
