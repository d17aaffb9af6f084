//! `Lifetime`: how a layer that authenticates knows when the credentials that it verifies end.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::clock::Clock;
use crate::context::{RevocationIds, UserContext};
use crate::revocation::expiries::Expiries;
use crate::revocation::handle::Revocations;
use crate::revocation::watch::Watch;
use crate::revocation::watchers::Watchers;

/// What a layer that authenticates gives to its users, so that they know when their credential ends.
#[derive(Debug)]
pub(crate) struct Lifetime {
    revocations: Option<Revocations>,
    expiries: Arc<Expiries>,
    leeway: Duration,
    /// Instead of ids, if nothing can be revoked.
    no_ids: Arc<RevocationIds>,
}

impl Lifetime {
    /// Returns the lifetime of credentials that are accepted for the leeway after their expiry, by this clock.
    pub(crate) fn new(revocations: Option<&Revocations>, clock: Clock, leeway: Duration) -> Arc<Self> {
        let watchers = revocations.map_or_else(|| Arc::new(Watchers::new()), |all| Arc::clone(all.0.watchers()));
        let expiries = Arc::new(Expiries::new(clock, watchers));
        let no_ids = Arc::new(UserContext::new("").new_revocation_ids());
        Arc::new(Self { revocations: revocations.cloned(), expiries, leeway, no_ids })
    }

    fn watch(&self, user: &UserContext) -> Watch {
        let ids = match &self.revocations {
            Some(_) => user.revocation_ids().cloned().unwrap_or_else(|| Arc::new(user.new_revocation_ids())),
            None => Arc::clone(&self.no_ids),
        };
        let expires_at = user.expires_at_since_epoch().map(|time| time.saturating_add(self.leeway));
        Watch::new(self.revocations.clone(), Arc::clone(&self.expiries), ids, expires_at)
    }
}

/// The end of the credential.
impl UserContext {
    /// Returns a future that resolves when the user's credential expires or is revoked.
    ///
    /// Layers check a credential only when a request arrives, and a WebSocket outlives the request. So close it when
    /// this future resolves. Event streams and other bodies of responses do not need it: add the layer
    /// [`EndStreams`](crate::EndStreams), which ends them.
    ///
    /// ```
    /// use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
    /// use axum::response::Response;
    /// use portcullis::UserContext;
    ///
    /// async fn open_socket(
    ///     user: UserContext,
    ///     upgrade: WebSocketUpgrade,
    /// ) -> Response {
    ///     let ended = user.ended();
    ///     upgrade.on_upgrade(async |mut socket| {
    ///         tokio::select! {
    ///             _ = ended => {
    ///                 // 3000: Unauthorized (IANA)
    ///                 let reason = "the credential has ended".into();
    ///                 let frame = CloseFrame { code: 3000, reason };
    ///                 let _ = socket.send(Message::Close(Some(frame))).await;
    ///             }
    ///             () = serve(&mut socket) => {}
    ///         }
    ///     })
    /// }
    ///
    /// /// Returns each message to its sender.
    /// async fn serve(socket: &mut WebSocket) {
    ///     while let Some(Ok(message)) = socket.recv().await {
    ///         if socket.send(message).await.is_err() {
    ///             break;
    ///         }
    ///     }
    /// }
    /// # let _: axum::Router = axum::Router::new().route("/socket", axum::routing::any(open_socket));
    /// ```
    ///
    /// Let the future race with everything that the socket does, as here, and not only with the next message: a client
    /// that does not read makes a send wait, which must not delay the end.
    ///
    /// The future resolves at [`expires_at`](Self::expires_at) plus the leeway of the layer that authenticated the user,
    /// by the clock of that layer, and within 1 s of a revocation that its [`Revocations`] know of. What only the app
    /// knows, such as a user loader that would reject the user now, does not resolve it. If the layer has no
    /// `Revocations` and the credential does not expire, the future never resolves. To be polled at the expiry, it needs
    /// a Tokio runtime with timers.
    ///
    /// A user that the app created, for example in a custom gate or with [`as_user`](crate::testing::as_user), has no
    /// such layer: the future resolves at `expires_at` by the system's clock, and knows of no revocation. Use
    /// [`Revocations::watch`] for such users. An anonymous caller has no user, and no credential that could end.
    pub fn ended(&self) -> Watch {
        self.own_lifetime().unwrap_or_else(|| &OF_OTHERS).watch(self)
    }

    /// Returns the future of [`ended`](Self::ended), which also knows these revocations, unless the layer that
    /// authenticated the user has its own.
    #[cfg(feature = "end_streams")]
    pub(crate) fn ended_by(&self, revocations: &Revocations) -> Watch {
        match self.own_lifetime() {
            Some(lifetime) if lifetime.revocations.is_some() => lifetime.watch(self),
            Some(lifetime) => revocations.watch_with_leeway(self, lifetime.leeway),
            None => revocations.watch(self),
        }
    }

    /// Whether the credential may end: it expires, or the layer that verified it knows what is revoked.
    #[cfg(feature = "end_streams")]
    #[inline]
    pub(crate) fn may_end(&self) -> bool {
        let has_revocations = || self.own_lifetime().is_some_and(|lifetime| lifetime.revocations.is_some());
        self.expires_at_since_epoch().is_some() || has_revocations()
    }

    fn own_lifetime(&self) -> Option<&Lifetime> {
        self.lifetime()?.downcast_ref::<Lifetime>()
    }
}

impl Revocations {
    /// Warns once if the layer that has authenticated a user has no revocations or other ones. Then it still accepts the
    /// credential.
    pub(super) fn log_other_layer(&self, user: &UserContext) {
        let Some(lifetime) = user.own_lifetime() else { return };
        let is_same = lifetime.revocations.as_ref().is_some_and(|own| Arc::ptr_eq(&own.0, &self.0));
        if !is_same {
            self.0.log_other_layer(user.credential());
        }
    }
}

/// The lifetime of a user that no layer of this crate has authenticated.
static OF_OTHERS: LazyLock<Arc<Lifetime>> = LazyLock::new(|| Lifetime::new(None, Clock::system(), Duration::ZERO));
