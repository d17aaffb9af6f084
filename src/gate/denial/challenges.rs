//! The `WWW-Authenticate` challenges of a `Denial`.

use http::{HeaderName, HeaderValue, request};

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
    /// error. A request of a script (`Sec-Fetch-Dest: empty`) gets no challenge for `Basic`, which would open a dialog
    /// over its page.
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
        // No credential helps a client whose address is rejected, a page of another site, or a form that has expired.
        let has_challenge = matches!(self.status().as_u16(), 400 | 401 | 403)
            && !matches!(
                self.kind,
                DenialKind::AddressRefused { .. } | DenialKind::CrossSite { .. } | DenialKind::CsrfTokenInvalid
            );
        let challenges = if has_challenge { self.realm.challenges() } else { &[] };
        let error = self.error().filter(|_| has_challenge).map(|code| (code, self.detail()));
        let opens_dialog = |challenge: &&Challenge| self.is_of_script && challenge.is_of(BASIC);
        let own = challenges.iter().filter(move |challenge| !opens_dialog(challenge));
        let own = own.map(move |challenge| match &error {
            // Written in advance: a 401 for an API key with a wrong checksum costs some 1,000 of 6,500 fewer
            // instructions.
            Some(_) if matches!(self.kind, DenialKind::InvalidCredential) => challenge.with_invalid_credential(),
            Some((code, description)) => challenge.with_error(code, description, self.required_scopes()),
            None => challenge.without_error(),
        });
        let alternatives = self.alternatives.as_ref().map_or(&[][..], Realm::challenges);
        let others = alternatives.iter().filter(move |challenge| !opens_dialog(challenge));
        let others = others.map(Challenge::without_error);
        let others = others.filter(|other| !challenges.iter().any(|own| own.has_scheme_of(other)));
        let has_only_basic = self.is_of_script
            && !challenges.is_empty()
            && challenges.iter().chain(alternatives).all(|challenge| challenge.is_of(BASIC));
        let substitute = has_only_basic.then(|| Challenge::new(NO_DIALOG, self.realm.name(), []).without_error());
        own.chain(others).chain(substitute)
    }

    /// Whether the realm or another gate has a scheme.
    pub(super) fn has_scheme(&self) -> bool {
        [Some(&self.realm), self.alternatives.as_ref()]
            .into_iter()
            .flatten()
            .any(|realm| !realm.challenges().is_empty())
    }

    /// Adds the challenges of other gates. They have no error, because it is about the credential of this gate.
    /// `is_of_script` says whether a script sent the request; it matters only for `Basic`.
    ///
    /// Returns whether the response must be rendered again: its own challenges or its status have changed.
    pub(crate) fn add_alternatives(&mut self, realm: &Realm, is_of_script: bool) -> bool {
        let status = self.status();
        self.is_of_script |= is_of_script;
        self.alternatives = Some(realm.clone());
        self.is_of_script || self.status() != status
    }

    /// Reads whether a script sent the request, if the realm has the scheme `Basic`.
    pub(crate) fn set_request(&mut self, head: &request::Parts) {
        self.is_of_script = self.realm.has_basic() && is_of_script(head);
    }

    fn required_scopes(&self) -> impl Iterator<Item = &str> {
        let required = match &self.kind {
            DenialKind::InsufficientScope { required } => Some(required),
            _ => None,
        };
        required.into_iter().flat_map(Scopes::iter)
    }
}

/// Whether a script sent the request.
///
/// A `fetch` or an `XMLHttpRequest` has the destination `empty` (Fetch Metadata Request Headers §2.1).
pub(crate) fn is_of_script(head: &request::Parts) -> bool {
    head.headers.get(SEC_FETCH_DEST).is_some_and(|value| value == "empty")
}

const BASIC: &str = "Basic";
/// A scheme that no browser knows, for a 401 that would otherwise have no challenge.
const NO_DIALOG: &str = "xBasic";
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
