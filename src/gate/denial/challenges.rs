//! The `WWW-Authenticate` challenges of a `Denial`.

use http::HeaderValue;

use crate::context::{Realm, Scopes};
use crate::field::challenge::Challenge;
use crate::gate::denial::{Denial, DenialKind};

impl Denial {
    /// Returns the `WWW-Authenticate` challenges of a 400, 401 or 403 (RFC 9110 §11.6.1, RFC 6750 §3), one for each
    /// scheme of the realm; otherwise, and for a rejected address, none.
    ///
    /// The challenges of the schemes `Bearer` and `DPoP`, and of those with
    /// [error parameters](crate::context::AuthScheme::with_error_parameters), have the error code and the required
    /// scopes. For a 401 of a gate in [`AnyOf`](crate::AnyOf), the challenges of the other gates follow, without an
    /// error.
    ///
    /// ```
    /// use portcullis::{Scopes, context::Realm};
    /// use portcullis::gate::{Denial, DenialKind};
    ///
    /// let scopes = Scopes::new(["read:reports"])?;
    /// let kind = DenialKind::insufficient_scope(scopes);
    /// let denial = Denial::new(kind, Realm::default());
    /// let challenges: Vec<_> = denial.challenges().collect();
    /// assert_eq!(
    ///     challenges,
    ///     ["Bearer realm=\"api\", error=\"insufficient_scope\", \
    ///       error_description=\"required scope: read:reports\", \
    ///       scope=\"read:reports\""]
    /// );
    /// # Ok::<(), portcullis::ConfigError>(())
    /// ```
    pub fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        // No credential helps a client whose address is rejected.
        let has_challenge = matches!(self.status().as_u16(), 400 | 401 | 403)
            && !matches!(self.kind, DenialKind::AddressRefused { .. });
        let challenges = if has_challenge { self.realm.challenges() } else { &[] };
        let error = self.error().filter(|_| has_challenge).map(|code| (code, self.detail()));
        let own = challenges.iter().map(move |challenge| match &error {
            Some((code, description)) => challenge.with_error(code, description, self.required_scopes()),
            None => challenge.without_error(),
        });
        let alternatives = self.alternatives.as_ref().map_or(&[][..], Realm::challenges).iter();
        let others = alternatives.map(Challenge::without_error);
        own.chain(others.filter(|other| !challenges.iter().any(|own| own.has_scheme_of(other))))
    }

    /// Adds the challenges of other gates. They have no error, because it is about the credential of this gate.
    pub(crate) fn add_alternatives(&mut self, realm: &Realm) {
        self.alternatives = Some(realm.clone());
    }

    fn required_scopes(&self) -> impl Iterator<Item = &str> {
        let required = match &self.kind {
            DenialKind::InsufficientScope { required } => Some(required),
            _ => None,
        };
        required.into_iter().flat_map(Scopes::iter)
    }
}
