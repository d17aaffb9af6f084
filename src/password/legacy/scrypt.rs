//! scrypt (RFC 7914).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use scrypt::Params;
use zeroize::Zeroizing;

/// A scrypt hash.
#[derive(Debug)]
pub(super) struct Scrypt {
    params: Params,
    memory_kib: u32,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Scrypt {
    /// `None` if a parameter is invalid or costs more than is accepted.
    pub(super) fn new(log_n: u32, r: u32, p: u32, salt: Vec<u8>, tag: Vec<u8>) -> Option<Self> {
        let is_accepted = (1..=MAX_LOG_N).contains(&log_n)
            && (1..=MAX_R).contains(&r)
            && (1..=MAX_P).contains(&p)
            && (MIN_TAG..=MAX_TAG).contains(&tag.len());
        if !is_accepted {
            return None;
        }
        // At most 2^20 * 32 * 128 bytes = 4 GiB, which is no overflow.
        let table = (1_u64 << log_n) * u64::from(r) * 128;
        let blocks = u64::from(p + 1) * u64::from(r) * 128;
        let params = Params::new(u8::try_from(log_n).ok()?, r, p).ok()?;
        let memory_kib = u32::try_from((table + blocks).div_ceil(1024)).ok()?;
        (table <= MAX_TABLE).then_some(Self { params, memory_kib, salt, tag })
    }

    pub(super) fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut tag = Zeroizing::new([0; MAX_TAG]);
        let Some(tag) = tag.get_mut(..self.tag.len()) else { return false };
        let is_computed = scrypt::scrypt(password, &self.salt, &self.params, tag).is_ok();
        is_computed && verify_slices_are_equal(tag, &self.tag).is_ok()
    }
}

/// The exponent of N, a power of two.
pub(super) fn log_n(n: u32) -> Option<u32> {
    n.is_power_of_two().then(|| n.trailing_zeros())
}

const MAX_LOG_N: u32 = 20;
const MAX_R: u32 = 32;
const MAX_P: u32 = 16;
/// 256 MiB, as for Argon2.
const MAX_TABLE: u64 = 256 * 1024 * 1024;

/// 128 bits: a shorter tag could be found by chance.
const MIN_TAG: usize = 16;
const MAX_TAG: usize = 64;
