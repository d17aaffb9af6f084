//! bcrypt: its text form, and its limit of 72 bytes.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use zeroize::Zeroizing;

/// A bcrypt hash: `$VERSION$COST$` with 22 digits of salt and 31 of tag.
#[derive(Debug)]
pub(super) struct Bcrypt {
    cost: u32,
    salt: [u8; SALT_LEN],
    tag: [u8; TAG_LEN],
    allow_truncation: bool,
}

impl Bcrypt {
    /// The versions that hash alike. `2x` has a faulty implementation, and `2` no terminating NUL.
    pub(super) const VERSIONS: &[&str] = &["2a", "2b", "2y"];

    pub(super) fn parse(text: &str, versions: &[&str], allow_truncation: bool) -> Option<Self> {
        let (version, rest) = text.strip_prefix('$')?.split_once('$')?;
        let (cost, digits) = rest.split_once('$')?;
        let cost = cost_of(cost)?;
        let (salt_digits, tag_digits) = digits.split_at_checked(SALT_DIGITS)?;
        let (mut salt, mut tag) = ([0; SALT_LEN], [0; TAG_LEN]);
        // Digits with surplus bits are rejected, so a hash has one text.
        let is_exact = BASE64.decode_slice(salt_digits, &mut salt) == Ok(SALT_LEN)
            && BASE64.decode_slice(tag_digits, &mut tag) == Ok(TAG_LEN);
        (is_exact && versions.contains(&version)).then_some(Self { cost, salt, tag, allow_truncation })
    }

    /// Whether a password has this hash. One with more than 72 bytes or a NUL, which would match others, costs as much
    /// and does not match.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let is_truncated = password.len() > MAX_PASSWORD;
        // The bytes of the key are those of the password and a NUL, up to 72.
        let mut key = Zeroizing::new([password, &[0]].concat());
        key.truncate(MAX_PASSWORD);
        let hash = bcrypt::bcrypt(self.cost, self.salt, &key);
        let is_equal = verify_slices_are_equal(hash.get(..TAG_LEN).unwrap_or_default(), &self.tag).is_ok();
        is_equal && (self.allow_truncation || !is_truncated) && !password.contains(&0)
    }
}

/// The cost: two digits, 04 to 16.
fn cost_of(digits: &str) -> Option<u32> {
    let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let cost = digits.parse().ok().filter(|cost| (MIN_COST..=MAX_COST).contains(cost));
    cost.filter(|_| is_number)
}

const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, NO_PAD);

const MIN_COST: u32 = 4;

/// A verification takes 64 times as long as with the usual cost of 10: about four seconds.
const MAX_COST: u32 = 16;

const SALT_DIGITS: usize = 22;
const SALT_LEN: usize = 16;
/// bcrypt leaves out the last of 24 bytes.
const TAG_LEN: usize = 23;

/// bcrypt ignores further bytes.
const MAX_PASSWORD: usize = 72;
