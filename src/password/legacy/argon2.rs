//! Argon2 (RFC 9106) behind a prefix of Django or Spring.

use argon2::{Algorithm, Block, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use crate::password::legacy::text::{base64, parameter};

/// An Argon2 hash.
#[derive(Debug)]
pub(super) struct Argon2 {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Argon2 {
    /// Parses the PHC form: `$argon2id$v=19$m=102400,t=2,p=8$salt$tag`. `None` if it costs more than is accepted.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('$')?.split('$');
        let algorithm = Algorithm::new(parts.next()?).ok()?;
        let version = Version::try_from(parameter(parts.next()?, "v")?).ok()?;
        let mut costs = parts.next()?.split(',');
        let m = parameter(costs.next()?, "m").filter(|m| *m <= MAX_M)?;
        let t = parameter(costs.next()?, "t").filter(|t| *t <= MAX_T)?;
        let p = parameter(costs.next()?, "p").filter(|p| *p <= MAX_P)?;
        let salt = base64(parts.next()?).filter(|salt| salt.len() >= MIN_SALT)?;
        let tag = base64(parts.next()?).filter(|tag| (MIN_TAG..=MAX_TAG).contains(&tag.len()))?;
        let is_complete = costs.next().is_none() && parts.next().is_none();
        let params = Params::new(m, t, p, Some(tag.len())).ok()?;
        is_complete.then_some(Self { algorithm, version, params, salt, tag })
    }

    pub(super) fn memory_kib(&self) -> u32 {
        self.params.m_cost()
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut tag = Zeroizing::new([0; MAX_TAG]);
        let Some(tag) = tag.get_mut(..self.tag.len()) else { return false };
        let mut memory = vec![Block::new(); self.params.block_count()];
        let argon2 = argon2::Argon2::new(self.algorithm, self.version, self.params.clone());
        let is_computed = argon2.hash_password_into_with_memory(password, &self.salt, tag, &mut memory).is_ok();
        is_computed && verify_slices_are_equal(tag, &self.tag).is_ok()
    }
}

/// 256 MiB in KiB.
const MAX_M: u32 = 256 * 1024;
const MAX_T: u32 = 16;
const MAX_P: u32 = 16;

/// RFC 9106 §3.1: at least 8 bytes of salt.
const MIN_SALT: usize = 8;
/// 128 bits: a shorter tag could be found by chance.
const MIN_TAG: usize = 16;
const MAX_TAG: usize = 64;
