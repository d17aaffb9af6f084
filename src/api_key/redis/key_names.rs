//! The names of keys in Redis.

use crate::api_key::key::id::ApiKeyId;
use crate::store::owner_digest::owner_digest;

/// Returns the name of the key with a record.
pub(super) fn record_key(prefix: &str, id: &ApiKeyId) -> String {
    format!("{prefix}:{id}")
}

/// Returns the name of the key with the ids of an owner's records.
pub(super) fn owner_key(prefix: &str, issuer: Option<&str>, owner: &str) -> String {
    format!("{prefix}:owner:{}", owner_digest(issuer, owner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_records_and_of_owners_have_the_prefix() {
        // Changing it would lose existing keys.
        assert_eq!(owner_key("shop", None, "ann"), "shop:owner:177fb1ee1a430da84214e7a40153003b");
        let id: ApiKeyId = "Zx81kQ0aB2cD".parse().unwrap();
        assert_eq!(record_key("shop", &id), "shop:Zx81kQ0aB2cD");
    }
}
