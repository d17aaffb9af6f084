//! `AppSettings`: what the app defines about its users, whatever their credential.

#[cfg(feature = "revocation")]
use std::any::Any;
#[cfg(feature = "revocation")]
use std::sync::Arc;

use crate::context::identity::Identity;
use crate::context::realm::Realm;
use crate::context::roles::Roles;
use crate::context::tiers::{Tier, Tiers};
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};

/// The app's tiers and roles, and the realm of rejections. They complete an [`Identity`] that was read from a
/// credential.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppSettings {
    pub(crate) tiers: Option<Tiers>,
    /// The tier of users whose credential names none.
    pub(crate) default_tier: Option<Tier>,
    pub(crate) roles: Option<Roles>,
    pub(crate) realm: Realm,
    /// How the layer knows when a credential ends. Only `revocation` knows its type.
    #[cfg(feature = "revocation")]
    pub(crate) lifetime: Option<Arc<dyn Any + Send + Sync>>,
}

impl AppSettings {
    /// Adds an issue if the default tier is none of the app's tiers: it would have no rank.
    pub(crate) fn validate(&self, issues: &mut ConfigIssues) {
        let Some(default) = &self.default_tier else { return };
        let (kind, reason) = match &self.tiers {
            Some(tiers) if tiers.find(default.name()).is_some() => return,
            Some(_) => (IssueKind::Unknown, "is not one of the app's tiers"),
            None => (IssueKind::Prohibited, "no tiers are set"),
        };
        let remedy = "call .tiers(..) with the tiers that this one belongs to";
        issues.add(ConfigIssue::new("default_tier", kind, reason, remedy).with_value(default.name()));
    }

    /// Adds the tier, the role table, the realm and the lifetime. A tier that the app does not know is not replaced by
    /// the default.
    pub(crate) fn complete(&self, identity: &mut Identity) {
        identity.tier = match &identity.tier_name {
            Some(name) => self.tiers.as_ref().and_then(|tiers| tiers.find(name)),
            None => self.default_tier.clone(),
        };
        identity.role_table.clone_from(&self.roles);
        identity.realm = self.realm.clone();
        #[cfg(feature = "revocation")]
        identity.lifetime.clone_from(&self.lifetime);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_tier_is_not_replaced_by_the_default_tier() {
        let tiers = Tiers::ascending(["free", "pro"]).unwrap();
        let default_tier = tiers.get("free").ok();
        let tier = |settings: &AppSettings, name: Option<&str>| {
            let mut identity = Identity { tier_name: name.map(Into::into), ..Identity::default() };
            settings.complete(&mut identity);
            identity.tier.map(|tier| tier.name().to_owned())
        };
        let settings = AppSettings { tiers: Some(tiers), default_tier, ..AppSettings::default() };
        for (name, expected) in [(Some("pro"), Some("pro")), (Some("gold"), None), (None, Some("free"))] {
            assert_eq!(tier(&settings, name).as_deref(), expected, "{name:?}");
        }
        assert_eq!(tier(&AppSettings::default(), Some("pro")), None, "the app has no tiers");
    }
}
