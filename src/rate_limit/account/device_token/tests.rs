//! The value of a device cookie.

use super::*;
use crate::keys::key_use::KeyUse;
use crate::keys::ring::KeyRing;

const DEVICE: Device = Device { id: *b"0123456789abcdef", epoch: 7 };
const EXPIRES: u64 = 1_000;

fn keys(first: u8) -> MacKeys {
    let secret: Vec<u8> = (first..first + 32).collect();
    KeyRing::new(secret).unwrap().mac_keys(KeyUse::DeviceCookie)
}

fn is_valid(value: &str) -> bool {
    read(&keys(0), "ann", value, 0) == Some(DEVICE)
}

#[test]
fn a_value_is_read_until_it_expires() {
    let value = write(&keys(0), "ann", DEVICE, EXPIRES);
    for (now, is_valid) in [(0, true), (999, true), (1_000, false), (u64::MAX, false)] {
        assert_eq!(read(&keys(0), "ann", &value, now).is_some(), is_valid, "{now}");
    }
    assert!(is_valid(&value));
}

#[test]
fn a_value_of_another_account_or_another_secret_is_none() {
    let value = write(&keys(0), "ann", DEVICE, EXPIRES);
    for name in ["bob", "", "ann ", "an"] {
        assert!(read(&keys(0), name, &value, 0).is_none(), "{name}");
    }
    assert!(read(&keys(1), "ann", &value, 0).is_none());
}

#[test]
fn a_value_of_a_previous_secret_is_read() {
    let secret = |first: u8| (first..first + 32).collect::<Vec<u8>>();
    let rotated = KeyRing::new(secret(9)).unwrap().previous(secret(0)).unwrap();
    let value = write(&keys(0), "ann", DEVICE, EXPIRES);
    assert_eq!(read(&rotated.mac_keys(KeyUse::DeviceCookie), "ann", &value, 0), Some(DEVICE));
}

#[test]
fn a_value_with_one_changed_bit_is_none() {
    let value = write(&keys(0), "ann", DEVICE, EXPIRES);
    let token = URL_SAFE_NO_PAD.decode(&value).unwrap();
    for bit in 0..8 * LEN {
        let mut changed = token.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&keys(0), "ann", &URL_SAFE_NO_PAD.encode(changed), 0).is_none(), "{bit}");
    }
}

#[test]
fn a_value_that_is_cut_lengthened_or_padded_is_none() {
    let value = write(&keys(0), "ann", DEVICE, EXPIRES);
    assert_eq!(value.len(), TEXT_LEN);
    for len in 0..TEXT_LEN {
        assert!(!is_valid(&value[..len]), "{len}");
    }
    for other in
        [format!("{value}A"), format!("{value}="), format!("={value}"), value.to_uppercase(), "\u{e9}".repeat(46)]
    {
        assert!(!is_valid(&other), "{other}");
    }
}
