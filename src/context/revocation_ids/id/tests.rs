//! Tests of ids: distinct, stable, and without those of companions.

use super::*;

#[test]
fn names_of_different_kinds_and_lengths_have_different_ids() {
    let ids = [
        RevocationKind::Client { issuer: "a", id: "bc" },
        RevocationKind::Client { issuer: "ab", id: "c" },
        RevocationKind::Session { issuer: "a", id: "bc" },
        RevocationKind::Signed { issuer: "a", text: "bc" },
        RevocationKind::Subject { issuer: "a", id: "bc" },
        RevocationKind::Token { issuer: "a", id: "bc" },
        RevocationKind::Issuer { issuer: "a" },
        RevocationKind::Issuer { issuer: "" },
        RevocationKind::ApiKey { id: "a" },
        RevocationKind::ApiKey { id: "" },
    ];
    let ids = ids.map(RevocationId::of);
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(id), "{index}");
        assert!(!id.is_companion());
        assert_eq!(id.is_of_many(), [0, 1, 6, 7].contains(&index), "{index}");
        assert!(id.companion().is_companion());
        assert_eq!(RevocationId::from_bytes(id.to_bytes()), *id);
        assert_eq!(RevocationId::from_bytes(id.companion().to_bytes()), *id, "a stream has no companions");
    }
}

#[test]
fn an_id_is_the_same_in_every_process_and_release() {
    let id = RevocationId::of(RevocationKind::Token { issuer: "https://auth.example.com", id: "token-1" });
    // printf '\7\0\0\0\0\0\0\0\30https://auth.example.comtoken-1' | sha256sum
    let expected = 0x2f932198e7a754d150026210c40fa098_u128;
    assert_eq!(id.to_bytes(), expected.to_be_bytes());
}
