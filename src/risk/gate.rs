//! `RiskCheck` as a layer, on routes inside the layer that authenticates.

use http::request;
use tower_layer::Layer;

use crate::context::{Realm, Visitor};
use crate::gate::{Denial, DenialKind, Entry, Gate, Gated, Reply, ResponseHeaders};
use crate::risk::check::RiskCheck;
use crate::risk::decision::RiskDecision;
use crate::risk::input::RiskInput;

impl Gate for RiskCheck {
    type Pass = ();

    fn enter(&self, head: &mut request::Parts) -> Entry<()> {
        let realm = match head.extensions.get::<Visitor>() {
            Some(visitor) if visitor.user().is_some() => visitor.realm().clone(),
            Some(visitor) => return reject(head, Denial::of_anonymous(visitor, NAME)),
            None => return reject(head, Denial::new(DenialKind::auth_layer_missing(NAME), Realm::default())),
        };
        let input = RiskInput::of_request(head);
        let check = self.clone();
        Entry::wait(move |head| async move {
            let kind = match check.assess(input).await {
                RiskDecision::Allow => return Ok((head, ())),
                RiskDecision::StepUp(_) => DenialKind::insufficient_authentication(),
                RiskDecision::Reject(_) => DenialKind::InvalidCredential,
            };
            // The assessment has emitted the event, with the factor that the response must not have.
            Err(Reply::logged_denial(&head, Denial::new(kind, realm)))
        })
    }

    fn response_headers(&self) -> ResponseHeaders {
        ResponseHeaders::none()
    }
}

impl<S> Layer<S> for RiskCheck {
    type Service = Gated<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated::new(self.clone(), inner)
    }
}

fn reject(head: &request::Parts, denial: Denial) -> Entry<()> {
    Entry::Refuse(Reply::denial(head, denial))
}

const NAME: &str = "RiskCheck";
