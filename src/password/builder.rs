//! `PasswordsBuilder`: the settings of `Passwords`, and their validation.

#[cfg(feature = "legacy_passwords")]
mod legacy;

use std::thread::available_parallelism;
use std::time::Duration;

use aws_lc_rs::rand;

use crate::clock::Clock;
use crate::context::Realm;
use crate::error::{ConfigError, ConfigIssue, ConfigIssues, IssueKind};
use crate::keys::ring::KeyRing;
use crate::password::breach::have_i_been_pwned::HaveIBeenPwned;
use crate::password::hasher::Hasher;
#[cfg(feature = "legacy_passwords")]
use crate::password::legacy::settings::LegacySettings;
use crate::password::new_password_rules::NewPasswordRules;
use crate::password::passwords::Passwords;
use crate::password::pepper::Pepper;
use crate::password::policy::rules::PasswordPolicy;
use crate::password::pool::{Pool, PoolSettings};
use crate::password::service::Service;
use crate::password::stored::{
    Bytes, Cost, MAX_LANES, MAX_MEMORY_KIB, MAX_PASSES, SALT_LEN, StoredHash, TAG_LEN, Variant,
};

impl Passwords {
    /// Returns a builder with the defaults of each setting.
    pub fn builder() -> PasswordsBuilder {
        PasswordsBuilder {
            cost: DEFAULT_COST,
            permits: None,
            queue: None,
            max_wait: MAX_WAIT,
            pepper: None,
            policy: PasswordPolicy::default(),
            breach_check: None,
            requires_breach_check: false,
            max_history: MAX_HISTORY,
            min_rejection_time: None,
            #[cfg(feature = "legacy_passwords")]
            legacy: LegacySettings::default(),
            realm: Realm::default(),
            clock: Clock::system(),
        }
    }
}

/// The settings of [`Passwords`]. [`Passwords::builder`] creates it.
#[derive(Clone, Debug)]
#[must_use]
pub struct PasswordsBuilder {
    cost: Cost,
    permits: Option<usize>,
    queue: Option<usize>,
    max_wait: Duration,
    pepper: Option<KeyRing>,
    policy: PasswordPolicy,
    breach_check: Option<HaveIBeenPwned>,
    requires_breach_check: bool,
    max_history: usize,
    min_rejection_time: Option<Duration>,
    #[cfg(feature = "legacy_passwords")]
    legacy: LegacySettings,
    realm: Realm,
    clock: Clock,
}

impl PasswordsBuilder {
    /// Sets the cost of new hashes: the memory in KiB, the passes over it, and the lanes (default 19,456 KiB, 2 and 1).
    ///
    /// It must be at least one row of [OWASP's list](https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html):
    /// 47,104 KiB and 1 pass, 19,456 and 2, 12,288 and 3, 9,216 and 4, or 7,168 and 5. At most: 262,144 KiB, 16 passes
    /// and 16 lanes. The lanes of a hash are computed one after the other.
    ///
    /// ```
    /// use portcullis::password::Passwords;
    ///
    /// # fn main() -> Result<(), portcullis::ConfigError> {
    /// let passwords = Passwords::builder().argon2id(47_104, 1, 1).build()?;
    /// let weak = Passwords::builder().argon2id(4_096, 3, 1).build();
    /// assert_eq!(weak.unwrap_err().issues()[0].setting(), "argon2id");
    /// # let _ = passwords;
    /// # Ok(())
    /// # }
    /// ```
    pub fn argon2id(mut self, memory_kib: u32, passes: u32, lanes: u32) -> Self {
        self.cost = Cost { memory: memory_kib, passes, lanes };
        self
    }

    /// Sets how many hashes are computed at once (default and maximum: the number of cores).
    ///
    /// The memory of all hashes is at most this number times that of one. A stored hash that needs more memory takes the
    /// place of several.
    pub fn concurrency(mut self, hashes: usize) -> Self {
        self.permits = Some(hashes);
        self
    }

    /// Sets how many calls wait while that many hashes are computed, and for how long (default 16 for each core, 2
    /// seconds; at most 4,096 and 10 seconds).
    ///
    /// All other calls are rejected at once with 503 and `Retry-After`.
    pub fn queue(mut self, calls: usize, max_wait: Duration) -> Self {
        self.queue = Some(calls);
        self.max_wait = max_wait;
        self
    }

    /// Adds a secret to all hashes (default none): an attacker who copies the user table, but not the secret, cannot guess
    /// passwords.
    ///
    /// A hash names the key of the ring that it needs. After a rotation, logins replace hashes of previous keys; a hash
    /// whose key is removed from the ring matches no password any more.
    pub fn pepper(mut self, keys: &KeyRing) -> Self {
        self.pepper = Some(keys.clone());
        self
    }

    /// Sets the policy for new passwords (default [`PasswordPolicy::default`]: 15 to 128 characters).
    pub fn policy(mut self, policy: PasswordPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Checks whether a new password was breached, by one request for each (default off).
    ///
    /// A password that the policy rejects is not checked. If the service is unavailable, the password is accepted.
    pub fn breach_check(mut self, check: HaveIBeenPwned) -> Self {
        self.breach_check = Some(check);
        self
    }

    /// Rejects new passwords with 503 while the service of the breach check is unavailable (default off: they are
    /// accepted).
    pub fn require_breach_check(mut self) -> Self {
        self.requires_breach_check = true;
        self
    }

    /// Sets how many previous hashes [`history`](crate::password::NewPassword::history) accepts (default and maximum
    /// 24).
    ///
    /// Each comparison costs as much as a login. NIST SP 800-63B-4 asks for no history.
    pub fn max_history(mut self, hashes: usize) -> Self {
        self.max_history = hashes;
        self
    }

    /// Sets the time before which no rejection of a login is returned (default zero, with legacy hashes one second; at
    /// most 10 seconds).
    ///
    /// Set it if the user table has hashes of other costs or schemes than the configured one: the time of a rejection
    /// would show which accounts those are. Success is not delayed. A runtime with timers is needed for it.
    pub fn min_rejection_time(mut self, time: Duration) -> Self {
        self.min_rejection_time = Some(time);
        self
    }

    /// Sets the realm of the challenge of a rejected login (default `api`).
    pub fn realm(mut self, name: &str) -> Self {
        self.realm = Realm::new(name);
        self
    }

    /// Sets the clock of [`min_rejection_time`](Self::min_rejection_time), for tests (default the system's clock).
    ///
    /// The wait for a place in the queue follows tokio's clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Creates `Passwords`. It needs no runtime, and starts no thread before the first hash.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] with each setting that is outside its range.
    pub fn build(self) -> Result<Passwords, ConfigError> {
        let cores = available_parallelism().map_or(1, usize::from);
        let permits = self.permits.unwrap_or(cores);
        let queue = self.queue.unwrap_or((QUEUE_PER_CORE * cores).min(MAX_QUEUE));
        let mut issues = ConfigIssues::default();
        check_cost(self.cost, &mut issues);
        check(
            &mut issues,
            "concurrency",
            (1..=cores).contains(&permits),
            &permits,
            &format!("1 to {cores}, the cores"),
        );
        check(&mut issues, "queue", queue <= MAX_QUEUE, &queue, &format!("at most {MAX_QUEUE} calls"));
        let wait = format!("{:?}", self.max_wait);
        check(&mut issues, "queue", self.max_wait <= MAX_TIME, &wait, "a wait of at most 10 seconds");
        check(&mut issues, "max_history", self.max_history <= MAX_HISTORY, &self.max_history, "at most 24");
        let min_rejection_time = self.effective_min_rejection_time();
        let time = format!("{min_rejection_time:?}");
        let is_accepted = min_rejection_time <= MAX_TIME;
        check(&mut issues, "min_rejection_time", is_accepted, &time, "at most 10 seconds");
        if self.requires_breach_check && self.breach_check.is_none() {
            let issue = ConfigIssue::new(
                "require_breach_check",
                IssueKind::Missing,
                "there is no breach check to require",
                "add breach_check, or remove require_breach_check",
            );
            issues.add(issue);
        }
        let breach_check = self.breach_check.and_then(|check| check.build(&mut issues));
        let pool_settings =
            PoolSettings { permits, blocks_of_permit: self.cost.blocks(), queue, max_wait: self.max_wait };
        let pepper = self.pepper.as_ref().map(Pepper::new);
        let dummy = issues.ok_or_add(dummy(self.cost, pepper.as_ref()));
        let Some(dummy) = dummy else { return Err(issues.into_error()) };
        issues.into_result(|| {
            let pool = Pool::new(pool_settings, self.clock.clone());
            let hasher = Hasher::new(
                self.cost,
                pepper,
                dummy,
                #[cfg(feature = "legacy_passwords")]
                self.legacy,
            );
            let rules = NewPasswordRules {
                policy: self.policy,
                breach_check,
                requires_breach_check: self.requires_breach_check,
                max_history: self.max_history,
            };
            Passwords::new(Service::new(hasher, pool, self.clock, self.realm, min_rejection_time, rules))
        })
    }

    fn effective_min_rejection_time(&self) -> Duration {
        #[cfg(feature = "legacy_passwords")]
        let default = if self.legacy.formats.is_empty() { Duration::ZERO } else { LEGACY_REJECTION_TIME };
        #[cfg(not(feature = "legacy_passwords"))]
        let default = Duration::ZERO;
        self.min_rejection_time.unwrap_or(default)
    }
}

/// Creates the hash that a login computes if there is no usable one. No one knows a password for it.
fn dummy(cost: Cost, pepper: Option<&Pepper>) -> Result<StoredHash, ConfigError> {
    let mut random = [0; SALT_LEN + TAG_LEN];
    let salt_and_tag = rand::fill(&mut random).ok().and_then(|()| {
        let (salt, tag) = random.split_at_checked(SALT_LEN)?;
        Bytes::new(salt).zip(Bytes::new(tag))
    });
    let Some((salt, tag)) = salt_and_tag else {
        let reason = "the operating system has no random numbers";
        return Err(ConfigIssue::new("build", IssueKind::Invalid, reason, "check the system's random source").into());
    };
    let key_id = pepper.and_then(Pepper::current).map(|(id, _)| id);
    Ok(StoredHash { variant: Variant::CURRENT, cost, key_id, salt, tag })
}

fn check_cost(cost: Cost, issues: &mut ConfigIssues) {
    let Cost { memory, passes, lanes } = cost;
    let value = format!("{memory} KiB, {passes} passes, {lanes} lanes");
    let add = |issues: &mut ConfigIssues, kind, reason, remedy| {
        issues.add(ConfigIssue::new("argon2id", kind, reason, remedy).with_value(&*value));
    };
    if !OWASP.iter().any(|(min_memory, min_passes)| memory >= *min_memory && passes >= *min_passes) {
        let remedy = "use at least 19,456 KiB and 2 passes, or another row of OWASP's list";
        add(issues, IssueKind::Weak, "is weaker than every row of OWASP's list", remedy);
    }
    if memory > MAX_MEMORY_KIB || passes > MAX_PASSES || !(1..=MAX_LANES).contains(&lanes) {
        let remedy = "use at most 262,144 KiB, 16 passes and 1 to 16 lanes";
        add(issues, IssueKind::Invalid, "is more than what is accepted from stored hashes", remedy);
    }
}

fn check(issues: &mut ConfigIssues, setting: &'static str, is_ok: bool, value: &dyn ToString, range: &str) {
    if !is_ok {
        let issue = ConfigIssue::new(setting, IssueKind::Invalid, "is outside its range", format!("set {range}"));
        issues.add(issue.with_value(value.to_string()));
    }
}

/// Longer than the hashes of most frameworks take.
#[cfg(feature = "legacy_passwords")]
const LEGACY_REJECTION_TIME: Duration = Duration::from_secs(1);

const DEFAULT_COST: Cost = Cost { memory: 19_456, passes: 2, lanes: 1 };

/// The memory in KiB and the passes of OWASP's Password Storage Cheat Sheet.
const OWASP: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

const QUEUE_PER_CORE: usize = 16;
/// More callers than an app serves in the longest wait.
const MAX_QUEUE: usize = 4_096;
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Proxies and users stop waiting after such a time.
const MAX_TIME: Duration = Duration::from_secs(10);
const MAX_HISTORY: usize = 24;

#[cfg(test)]
mod tests;
