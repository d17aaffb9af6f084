//! `Service`: what the calls on `Passwords` share: the hasher, the pool, and the checks of new passwords.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use argon2::Block;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::context::Realm;
use crate::gate::{Denial, DenialKind};
use crate::password::hasher::{Hasher, Match, Stored, Typed, Usable};
use crate::password::new_password_rules::NewPasswordRules;
use crate::password::pool::{Overload, Pool, Priority};
use crate::runtime;

/// The settings and the pool of `Passwords`. Jobs keep it alive.
pub(super) struct Service {
    pub(super) hasher: Hasher,
    pub(super) pool: Pool,
    pub(super) clock: Clock,
    realm: Realm,
    min_rejection_time: Duration,
    pub(super) rules: NewPasswordRules,
    has_logged_unparsable: AtomicBool,
    has_logged_missing_key: AtomicBool,
}

impl Service {
    pub(super) fn new(
        hasher: Hasher,
        pool: Pool,
        clock: Clock,
        realm: Realm,
        min_rejection_time: Duration,
        rules: NewPasswordRules,
    ) -> Self {
        Self {
            hasher,
            pool,
            clock,
            realm,
            min_rejection_time,
            rules,
            has_logged_unparsable: AtomicBool::new(false),
            has_logged_missing_key: AtomicBool::new(false),
        }
    }

    /// Compares a password with a hash in the pool. Returns the password too.
    pub(super) async fn compare(
        self: &Arc<Self>,
        priority: Priority,
        stored: Stored,
        typed: Typed,
    ) -> Result<(Match, Typed), Overload> {
        let service = self.clone();
        let size = Hasher::size(&stored);
        let job = move |memory: &mut [Block]| (service.hasher.verify(&stored, &typed, memory), typed);
        self.pool.run(priority, size, job).await
    }

    /// Computes the hash of a new password in the pool.
    pub(super) async fn create(
        self: &Arc<Self>,
        priority: Priority,
        password: Zeroizing<String>,
    ) -> Result<String, Overload> {
        let service = self.clone();
        let job = move |memory: &mut [Block]| service.hasher.create(&password, memory);
        let hash = self.pool.run(priority, self.hasher.size_of_new(), job).await?;
        hash.ok_or(Overload { retry_after: NO_RANDOM_RETRY })
    }

    /// Computes the new hash of a login whose stored one is outdated; `None` if others wait for the pool.
    pub(super) async fn rehash(self: &Arc<Self>, password: Zeroizing<String>) -> Option<String> {
        if !self.pool.is_queue_empty() {
            return None;
        }
        self.create(Priority::Rehash, password).await.ok()
    }

    /// Parses a stored hash; `None` if it is not usable, which is logged once.
    pub(super) fn parse(&self, text: &str) -> Option<Stored> {
        match self.hasher.parse(text) {
            Usable::Yes(hash) => return Some(hash),
            Usable::NoPassword => {}
            Usable::Unparsable => {
                if !self.has_logged_unparsable.swap(true, Ordering::Relaxed) {
                    tracing::warn!("a stored password hash has an unknown format, or costs more than is accepted");
                }
            }
            Usable::KeyMissing => {
                if !self.has_logged_missing_key.swap(true, Ordering::Relaxed) {
                    tracing::warn!("a stored password hash has a pepper: no key for keyid in the key ring");
                }
            }
        }
        None
    }

    pub(super) fn denial(&self, kind: DenialKind) -> Denial {
        Denial::new(kind, self.realm.clone())
    }

    pub(super) fn overloaded(&self, overload: Overload) -> Denial {
        self.denial(DenialKind::overloaded(overload.retry_after))
    }

    /// Returns the denial of a login, not before the minimum time.
    pub(super) async fn reject(&self, start: Instant) -> Denial {
        let elapsed = self.clock.monotonic().saturating_duration_since(start);
        let rest = self.min_rejection_time.saturating_sub(elapsed);
        if !rest.is_zero() {
            match runtime::current() {
                Ok(_) => tokio::time::sleep(rest).await,
                Err(fault) => tracing::error!("the minimum time of a rejection is not kept: {fault}"),
            }
        }
        self.denial(DenialKind::InvalidCredentials)
    }
}

/// Without random numbers there is no salt; the system may have some later.
const NO_RANDOM_RETRY: Duration = Duration::from_secs(1);
