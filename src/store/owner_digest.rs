//! `owner_digest`: the part of a key's name that identifies the owner of records.

use sha2::{Digest, Sha256};

/// Returns the digest of an owner: half of a SHA-256, in hexadecimal.
///
/// So the name of a key has a bounded length and shows no user names. Callers compare the owner of each record too: two
/// owners with the same digest would share a list.
pub(crate) fn owner_digest(issuer: Option<&str>, owner: &str) -> String {
    let mut hash = Sha256::new();
    // The boundary between issuer and id matters, and no issuer is not the same as an empty one.
    hash.update(issuer.map_or(u64::MAX, |issuer| issuer.len() as u64).to_be_bytes());
    hash.update(issuer.unwrap_or_default());
    hash.update(owner);
    let digest: [u8; 32] = hash.finalize().into();
    let (half, _) = digest.split_at(16);
    hex::encode(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_have_different_digests_which_show_no_names() {
        let owners =
            [(None, "ann"), (Some(""), "ann"), (Some("a"), "nn"), (Some("an"), "n"), (None, ""), (None, "bob")];
        let digests = owners.map(|(issuer, owner)| owner_digest(issuer, owner));
        for (index, digest) in digests.iter().enumerate() {
            assert_eq!(digest.len(), 32, "{digest}");
            assert!(digests.iter().skip(index + 1).all(|other| other != digest), "{digest}");
        }
        // A change would lose the lists of existing records.
        assert_eq!(owner_digest(None, "ann"), "177fb1ee1a430da84214e7a40153003b");
    }
}
