//! The fuzz target of sealed values. It panics if an invariant is violated.

use std::sync::LazyLock;

use crate::keys::ring::KeyRing;
use crate::keys::sealer::Sealer;

/// Opens a text, which was never sealed, and seals and opens the data.
pub fn sealed_value(data: &[u8]) {
    static SEALER: LazyLock<Sealer> = LazyLock::new(|| {
        let secret: [u8; 32] = std::array::from_fn(|index| index as u8);
        Sealer::new(&KeyRing::new(secret).expect("32 different bytes"), "fuzz target")
    });
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(SEALER.open("ann", text).is_err(), "a value was forged");
        let _ = SEALER.is_outdated(text);
    }
    let sealed = SEALER.seal("ann", data).expect("the system provides random bytes");
    assert_eq!(SEALER.open("ann", &sealed).expect("a sealed value is opened").as_bytes(), data);
    assert!(!SEALER.is_outdated(&sealed) && SEALER.open("bob", &sealed).is_err());
}
