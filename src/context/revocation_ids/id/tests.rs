//! Tests of ids: distinct, stable, and without those of companions.

use super::*;

#[test]
fn names_of_different_kinds_and_lengths_have_different_ids() {
    let [a, ab] = ["a", "ab"].map(|name| RevocationId::of(RevocationKind::Issuer { name }));
    let ids = [
        RevocationKind::Client { issuer: a, id: "bc" },
        RevocationKind::Client { issuer: ab, id: "c" },
        RevocationKind::Session { issuer: a, id: "bc" },
        RevocationKind::Signed { issuer: a, text: "bc" },
        RevocationKind::Subject { issuer: a, id: "bc" },
        RevocationKind::Token { issuer: a, id: "bc" },
        RevocationKind::Issuer { name: "a" },
        RevocationKind::Issuer { name: "" },
        RevocationKind::ApiKey { id: "a" },
        RevocationKind::ApiKey { id: "" },
    ];
    let ids = ids.map(RevocationId::of);
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(id), "{index}");
        assert!(!id.is_companion());
        assert!(id.companion().is_companion());
        #[cfg(feature = "shared_signals")]
        {
            let change = id.claims_change();
            assert!(change.is_claims_change() && !change.is_companion() && !id.is_claims_change());
            assert_eq!(RevocationId::from_bytes(change.to_bytes()), change, "a stream has changes of claims");
        }
        assert_eq!(RevocationId::from_bytes(id.to_bytes()), *id);
        assert_eq!(RevocationId::from_bytes(id.companion().to_bytes()), *id, "a stream has no companions");
    }
}

#[test]
fn an_id_is_the_same_in_every_process_and_release() {
    // The first 16 bytes of a SHA-256, without the last two bits, as computed by another implementation. An issuer: of
    // 3, 16 bytes that are 0, and the name. A token: of 7, the id of the issuer, and the name.
    let issuer = RevocationId::of(RevocationKind::Issuer { name: "https://auth.example.com" });
    assert_eq!(issuer.to_bytes(), 0xacee975dd77ee2cc441ecf3a3be27914_u128.to_be_bytes());
    let long = "x".repeat(1_000);
    for (id, expected) in
        [("token-1", 0xd15a21aea951445ff9c65862dd9e932c_u128), (&long, 0x05a9626f5a6e4f6e507ba20a236e5cfc)]
    {
        let id = RevocationId::of(RevocationKind::Token { issuer, id });
        assert_eq!(id.to_bytes(), expected.to_be_bytes());
    }
}
