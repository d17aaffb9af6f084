//! `IntrospectedToken`: what is known of an active token, in the form in which requests check it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::UserContext;
use crate::gate::TokenError;
use crate::lookup::CachedCredential;

/// A token that the authorization server reported as active, with its user.
///
/// A request checks it whatever the age of the response: the time that it is valid for may begin or end in between.
#[derive(Debug)]
pub(super) struct IntrospectedToken {
    /// The user before the app's `map_user`, which runs on every request.
    pub(super) user: UserContext,
    /// Whether the token is for this resource server. The cache belongs to one layer, whose audiences do not change.
    pub(super) has_audience: bool,
    pub(super) validity: Validity,
    pub(super) received_at: Instant,
    /// When the server was asked, by the wall clock: since 1970.
    #[cfg(feature = "shared_signals")]
    pub(super) asked_at: Duration,
    /// Until when the response is used.
    pub(super) fresh_until: Instant,
}

/// When a token is valid, by the wall clock: since 1970.
///
/// The clocks of the app and the server may differ by the leeway in either direction, as for a JWT. It is added once,
/// and not on each request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Validity {
    expires_at: Option<Duration>,
    /// With the leeway, as the next two.
    rejected_from: Option<Duration>,
    not_before: Duration,
    issued_at: Duration,
}

impl Validity {
    pub(super) fn new(
        expires_at: Option<Duration>,
        not_before: Option<Duration>,
        issued_at: Option<Duration>,
        leeway: Duration,
    ) -> Self {
        let earliest = |time: Option<Duration>| time.unwrap_or_default().saturating_sub(leeway);
        Self {
            expires_at,
            rejected_from: expires_at.map(|time| time.saturating_add(leeway)),
            not_before: earliest(not_before),
            issued_at: earliest(issued_at),
        }
    }
}

impl IntrospectedToken {
    /// Checks the audience and the times of the token. `now` is since 1970.
    ///
    /// # Errors
    ///
    /// Returns why the token is rejected.
    pub(super) fn check(&self, now: Duration) -> Result<(), TokenError> {
        if !self.has_audience {
            return Err(TokenError::Audience);
        }
        if self.validity.rejected_from.is_some_and(|time| now >= time) {
            return Err(TokenError::Expired);
        }
        if now < self.validity.not_before {
            return Err(TokenError::NotYetValid);
        }
        if now < self.validity.issued_at {
            return Err(TokenError::IssuedInFuture);
        }
        Ok(())
    }

    /// Whether the token has expired, so that the server must be asked again. `now` is since 1970.
    pub(super) fn has_expired(&self, now: Duration) -> bool {
        self.validity.expires_at.is_some_and(|time| now >= time)
    }
}

impl CachedCredential for Arc<IntrospectedToken> {
    /// Of the monotonic clock: setting the wall clock back does not extend the use of a response.
    type Time = Instant;

    fn user(&self) -> &UserContext {
        &self.user
    }

    fn verified_at(&self) -> Instant {
        self.received_at
    }

    fn expires_at(&self) -> Instant {
        self.fresh_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn token(validity: Validity) -> IntrospectedToken {
        let now = Instant::now();
        let user = UserContext::new("ann");
        IntrospectedToken {
            user,
            has_audience: true,
            validity,
            received_at: now,
            #[cfg(feature = "shared_signals")]
            asked_at: Duration::ZERO,
            fresh_until: now,
        }
    }

    fn from_100_to_200() -> IntrospectedToken {
        token(Validity::new(Some(at(200)), Some(at(100)), Some(at(90)), at(60)))
    }

    #[test]
    fn a_token_is_valid_between_its_times_with_the_leeway() {
        for (now, result) in
            [(39, Err(TokenError::NotYetValid)), (40, Ok(())), (259, Ok(())), (260, Err(TokenError::Expired))]
        {
            assert_eq!(from_100_to_200().check(at(now)), result, "{now}");
        }
        let without_times = token(Validity::new(None, None, None, at(0)));
        assert_eq!(without_times.check(Duration::MAX), Ok(()));
        let from_the_future = token(Validity::new(Some(at(200)), None, Some(at(161)), at(60)));
        assert_eq!(from_the_future.check(at(100)), Err(TokenError::IssuedInFuture));
        assert_eq!(from_the_future.check(at(101)), Ok(()));
    }

    #[test]
    fn another_audience_is_the_first_reason() {
        let token = IntrospectedToken { has_audience: false, ..from_100_to_200() };
        assert_eq!(token.check(at(1_000)), Err(TokenError::Audience));
    }

    #[test]
    fn the_server_is_asked_again_from_the_second_of_the_expiry() {
        assert!(!from_100_to_200().has_expired(at(199)) && from_100_to_200().has_expired(at(200)));
        assert!(!token(Validity::new(None, None, None, at(0))).has_expired(Duration::MAX));
    }
}
