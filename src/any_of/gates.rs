//! `AuthGates`: the gates of an `AnyOf`, as a tuple.

use std::convert::Infallible;

use http::{Response, request};

use crate::any_of::gates::sealed::Sealed;
use crate::context::Realm;
use crate::gate::{AuthGate, CredentialSources, Entry, Reply, ResponseHeaders};

/// The gates of an [`AnyOf`](crate::AnyOf): a tuple of two to six gates that implement [`AuthGate`].
///
/// This trait is implemented for those tuples, and cannot be implemented for other types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tuple of two to six gates that authenticate",
    note = "each gate implements `portcullis::gate::AuthGate`, as `JwtAuth` does",
    note = "if a part of `{Self}` is a builder or a `Result`, the call of `.build()?` or the `?` is missing"
)]
pub trait AuthGates: Sealed {}

/// What a gate declares.
#[derive(Debug)]
pub struct Declaration {
    /// The name of the gate's type, for errors.
    pub(super) name: &'static str,
    pub(super) sources: CredentialSources,
    pub(super) realm: Realm,
}

/// The challenges that are added to a 401 of the gate that decides.
#[derive(Clone, Copy, Debug)]
pub struct OtherChallenges<'a> {
    /// The challenges of all gates.
    pub(super) realm: &'a Realm,
    /// Whether a script sent the request; read only if one of the challenges is `Basic`.
    pub(super) is_of_script: bool,
}

/// The pass of the gate that has decided, by its position. A position that the tuple does not have is `Infallible`.
#[derive(Debug)]
pub enum OneOf<A, B, C, D, E, F> {
    First(A),
    Second(B),
    Third(C),
    Fourth(D),
    Fifth(E),
    Sixth(F),
}

pub(super) mod sealed {
    use super::{Declaration, Entry, OtherChallenges, Reply, Response, ResponseHeaders, request};

    /// The gates of a tuple, each known by its index.
    pub trait Sealed: Send + Sync + 'static {
        type Pass: Send + 'static;

        fn declarations(&self) -> Vec<Declaration>;

        /// Enters the gate that decides, and wraps its pass.
        ///
        /// If it rejects the request with 401, the challenges of the `others` are added. If no gate of the tuple
        /// decides, this calls `otherwise`. `is_optional` is passed to
        /// [`AuthGate::enter_as`](crate::gate::AuthGate::enter_as).
        fn enter<P: Send + 'static>(
            &self,
            decider: Option<usize>,
            head: &mut request::Parts,
            is_optional: bool,
            others: OtherChallenges<'_>,
            wrap: fn(Self::Pass) -> P,
            otherwise: impl FnOnce(&mut request::Parts) -> Entry<P>,
        ) -> Entry<P>;

        fn leave<T>(&self, pass: Self::Pass, response: &mut Response<T>);

        fn presents_ambient(&self, index: usize, head: &request::Parts) -> bool;

        /// The redirect of the first gate that has one.
        fn login_redirect(&self, head: &request::Parts) -> Option<Reply>;

        fn remove_untrusted(&self, head: &mut request::Parts);

        fn response_headers(&self) -> ResponseHeaders;
    }
}

/// Converts the decision of a gate to that of the tuple.
#[inline]
fn convert<P, Q>(entry: Entry<P>, wrap: impl FnOnce(P) -> Q + Send + 'static, others: OtherChallenges<'_>) -> Entry<Q>
where
    P: Send + 'static,
    Q: Send + 'static,
{
    match entry {
        Entry::Admit(pass) => Entry::Admit(wrap(pass)),
        Entry::Refuse(mut reply) => {
            reply.add_challenges(others.realm, others.is_of_script);
            Entry::Refuse(reply)
        }
        Entry::Wait(decision) => {
            let (realm, is_of_script) = (others.realm.clone(), others.is_of_script);
            Entry::wait(move |head| async move {
                match decision.start(head).await {
                    Ok((head, pass)) => Ok((head, wrap(pass))),
                    Err(mut reply) => {
                        reply.add_challenges(&realm, is_of_script);
                        Err(reply)
                    }
                }
            })
        }
    }
}

/// The name of a type without its path and parameters.
fn short_name<T>() -> &'static str {
    let path = std::any::type_name::<T>();
    let path = path.split('<').next().unwrap_or(path);
    path.rsplit("::").next().unwrap_or(path)
}

/// Implements the traits for a tuple of the gates with these positions. The rest are the types of the other positions.
macro_rules! tuple {
    ($($gate:ident $index:tt $position:ident),+; $($absent:ty),*) => {
        impl<$($gate: AuthGate),+> AuthGates for ($($gate,)+) {}

        impl<$($gate: AuthGate),+> Sealed for ($($gate,)+) {
            type Pass = OneOf<$($gate::Pass,)+ $($absent),*>;

            fn declarations(&self) -> Vec<Declaration> {
                vec![$(Declaration {
                    name: short_name::<$gate>(),
                    sources: self.$index.credentials(),
                    realm: self.$index.realm(),
                }),+]
            }

            fn enter<P: Send + 'static>(
                &self,
                decider: Option<usize>,
                head: &mut request::Parts,
                is_optional: bool,
                others: OtherChallenges<'_>,
                wrap: fn(Self::Pass) -> P,
                otherwise: impl FnOnce(&mut request::Parts) -> Entry<P>,
            ) -> Entry<P> {
                match decider {
                    $(Some($index) => {
                        let entry = self.$index.enter_as(head, is_optional);
                        convert(entry, move |pass| wrap(OneOf::$position(pass)), others)
                    })+
                    _ => otherwise(head),
                }
            }

            fn leave<T>(&self, pass: Self::Pass, response: &mut Response<T>) {
                match pass {
                    $(OneOf::$position(pass) => self.$index.leave(pass, response),)+
                }
            }

            fn presents_ambient(&self, index: usize, head: &request::Parts) -> bool {
                match index {
                    $($index => self.$index.presents_ambient(head),)+
                    _ => false,
                }
            }

            fn login_redirect(&self, head: &request::Parts) -> Option<Reply> {
                None$(.or_else(|| self.$index.login_redirect(head)))+
            }

            fn remove_untrusted(&self, head: &mut request::Parts) {
                $(self.$index.remove_untrusted(head);)+
            }

            fn response_headers(&self) -> ResponseHeaders {
                ResponseHeaders::none()$(.union(self.$index.response_headers()))+
            }
        }
    };
}

type Absent = Infallible;

tuple!(A 0 First, B 1 Second; Absent, Absent, Absent, Absent);
tuple!(A 0 First, B 1 Second, C 2 Third; Absent, Absent, Absent);
tuple!(A 0 First, B 1 Second, C 2 Third, D 3 Fourth; Absent, Absent);
tuple!(A 0 First, B 1 Second, C 2 Third, D 3 Fourth, E 4 Fifth; Absent);
tuple!(A 0 First, B 1 Second, C 2 Third, D 3 Fourth, E 4 Fifth, F 5 Sixth;);
