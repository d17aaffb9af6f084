//! The names of keys in Redis.

use sha2::{Digest, Sha256};

use crate::api_key::key::id::ApiKeyId;

/// Returns the name of the key with a record.
pub(super) fn record_key(prefix: &str, id: &ApiKeyId) -> String {
    format!("{prefix}:{id}")
}

/// Returns the name of the key with the ids of an owner's records.
///
/// It has half of a SHA-256 of the owner, so it has a bounded length and shows no user names. Owners who share a digest
/// would share a set of ids, which is why each record is compared with its owner.
pub(super) fn owner_key(prefix: &str, issuer: Option<&str>, owner: &str) -> String {
    let mut hash = Sha256::new();
    // An issuer and an id that are moved into each other are other owners, and no issuer is not an empty one.
    hash.update(issuer.map_or(u64::MAX, |issuer| issuer.len() as u64).to_be_bytes());
    hash.update(issuer.unwrap_or_default());
    hash.update(owner);
    let digest: [u8; 32] = hash.finalize().into();
    let (half, _) = digest.split_at(16);
    format!("{prefix}:owner:{}", hex::encode(half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_have_different_keys_which_show_no_names() {
        let owners =
            [(None, "ann"), (Some(""), "ann"), (Some("a"), "nn"), (Some("an"), "n"), (None, ""), (None, "bob")];
        let names = owners.map(|(issuer, owner)| owner_key("shop", issuer, owner));
        for (index, name) in names.iter().enumerate() {
            assert!(name.strip_prefix("shop:owner:").is_some_and(|digest| digest.len() == 32), "{name}");
            assert!(names.iter().skip(index + 1).all(|other| other != name), "{name}");
        }
        // Changing it would lose the index of existing keys.
        assert_eq!(owner_key("shop", None, "ann"), "shop:owner:177fb1ee1a430da84214e7a40153003b");
        let id: ApiKeyId = "Zx81kQ0aB2cD".parse().unwrap();
        assert_eq!(record_key("shop", &id), "shop:Zx81kQ0aB2cD");
    }
}
