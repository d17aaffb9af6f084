//! `IntrospectedToken`: what is known of an active token, in the form in which requests check it.

use std::sync::Arc;
use std::time::Duration;

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
    /// Since 1970, as the next two.
    pub(super) expires_at: Option<Duration>,
    pub(super) not_before: Option<Duration>,
    pub(super) issued_at: Option<Duration>,
    /// Since the start of the layer, as the next one.
    pub(super) received_at: Duration,
    /// Until when the response is used.
    pub(super) fresh_until: Duration,
}

impl IntrospectedToken {
    /// Checks the audience and the times of the token. `now` is since 1970.
    ///
    /// # Errors
    ///
    /// Returns why the token is rejected.
    pub(super) fn check(&self, now: Duration, leeway: Duration) -> Result<(), TokenError> {
        if !self.has_audience {
            return Err(TokenError::Audience);
        }
        // The clocks of the app and the server may differ by the leeway in either direction, as for a JWT.
        if self.expires_at.is_some_and(|time| now >= time.saturating_add(leeway)) {
            return Err(TokenError::Expired);
        }
        let latest = now.saturating_add(leeway);
        if self.not_before.is_some_and(|time| time > latest) {
            return Err(TokenError::NotYetValid);
        }
        if self.issued_at.is_some_and(|time| time > latest) {
            return Err(TokenError::IssuedInFuture);
        }
        Ok(())
    }

    /// Whether the token has expired, so that the server must be asked again. `now` is since 1970.
    pub(super) fn has_expired(&self, now: Duration) -> bool {
        self.expires_at.is_some_and(|time| now >= time)
    }
}

impl CachedCredential for Arc<IntrospectedToken> {
    fn user(&self) -> &UserContext {
        &self.user
    }

    fn verified_at(&self) -> Duration {
        self.received_at
    }

    fn expires_at(&self) -> Duration {
        self.fresh_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn token() -> IntrospectedToken {
        IntrospectedToken {
            user: UserContext::new("ann"),
            has_audience: true,
            expires_at: Some(at(200)),
            not_before: Some(at(100)),
            issued_at: Some(at(90)),
            received_at: at(0),
            fresh_until: at(30),
        }
    }

    #[test]
    fn a_token_is_valid_between_its_times_with_the_leeway() {
        for (now, result) in
            [(39, Err(TokenError::NotYetValid)), (40, Ok(())), (259, Ok(())), (260, Err(TokenError::Expired))]
        {
            assert_eq!(token().check(at(now), at(60)), result, "{now}");
        }
        let without_times = IntrospectedToken { expires_at: None, not_before: None, issued_at: None, ..token() };
        assert_eq!(without_times.check(Duration::MAX, at(0)), Ok(()));
        let from_the_future = IntrospectedToken { not_before: None, issued_at: Some(at(161)), ..token() };
        assert_eq!(from_the_future.check(at(100), at(60)), Err(TokenError::IssuedInFuture));
    }

    #[test]
    fn another_audience_is_the_first_reason() {
        let token = IntrospectedToken { has_audience: false, ..token() };
        assert_eq!(token.check(at(1_000), at(0)), Err(TokenError::Audience));
    }

    #[test]
    fn the_server_is_asked_again_from_the_second_of_the_expiry() {
        assert!(!token().has_expired(at(199)) && token().has_expired(at(200)));
        assert!(!IntrospectedToken { expires_at: None, ..token() }.has_expired(Duration::MAX));
    }
}
