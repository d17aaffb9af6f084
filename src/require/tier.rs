//! `RequireTier`: requires a minimum tier of the user.

use std::sync::Arc;

use crate::context::tiers::Tiers;
use crate::error::ConfigError;
use crate::require::requirement::Requirement;

/// Requires a minimum tier; see the [module](crate::require).
#[derive(Clone, Debug)]
#[must_use]
pub struct RequireTier(pub(super) Arc<Requirement>);

impl RequireTier {
    /// Requires this tier or a higher one.
    ///
    /// A user without a tier, or with one that is not in the table, is rejected.
    ///
    /// ```
    /// use portcullis::{RequireTier, Tiers, UserContext, testing::as_user};
    /// # use axum::{Router, body::Body, http::Request, routing::get};
    /// # use tower::ServiceExt;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), portcullis::ConfigError> {
    /// let tiers = Tiers::ascending(["free", "pro", "enterprise"])?;
    /// let layer = RequireTier::at_least(&tiers, "pro")?;
    /// # let app = Router::<()>::new().route("/", get(|| async {}).layer(layer));
    /// # let send_as = async |user: UserContext| {
    /// #     let request = Request::get("/").body(Body::empty()).unwrap();
    /// #     app.clone().layer(as_user(user)).oneshot(request).await.unwrap().status()
    /// # };
    /// let user = UserContext::new("ann");
    /// let enterprise = user.clone().with_tier(tiers.get("enterprise")?);
    /// assert_eq!(send_as(enterprise).await, 200);
    /// assert_eq!(send_as(user.with_tier(tiers.get("free")?)).await, 403);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if no tier has this name.
    pub fn at_least(tiers: &Tiers, name: impl AsRef<str>) -> Result<Self, ConfigError> {
        let tier = tiers.get(name.as_ref()).map_err(|error| error.with_setting("RequireTier::at_least"))?;
        Ok(Self(Arc::new(Requirement::Tier(tier))))
    }
}
