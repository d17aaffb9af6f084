//! `Grant`: the privileges that a caller gives a key, with everything that is wrong with them.

use crate::api_key::error::ApiKeyError;
use crate::api_key::privileges::Privileges;
use crate::api_key::record::ApiKeyRecord;
use crate::context::{Credential, NetworkSet, Permission, Quota, Scopes, UserContext};
use crate::error::{ConfigIssue, ConfigIssues, IssueKind};
use crate::gate::{Denial, DenialKind};

/// What a caller sets of a key. `None` is what it does not set.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    caller: UserContext,
    /// Whether the caller may give privileges that it lacks.
    is_administrator: bool,
    name: Option<String>,
    scopes: Option<Scopes>,
    roles: Option<Vec<String>>,
    permissions: Option<Vec<Permission>>,
    tier: Option<String>,
    networks: Option<NetworkSet>,
    /// `Some(None)` removes the quota.
    quota: Option<Option<Quota>>,
    issues: ConfigIssues,
}

impl Grant {
    pub(super) fn new(caller: &UserContext, is_administrator: bool) -> Self {
        Self {
            caller: caller.clone(),
            is_administrator,
            name: None,
            scopes: None,
            roles: None,
            permissions: None,
            tier: None,
            networks: None,
            quota: None,
            issues: ConfigIssues::default(),
        }
    }

    pub(super) fn caller(&self) -> &UserContext {
        &self.caller
    }

    pub(super) fn is_administrator(&self) -> bool {
        self.is_administrator
    }

    pub(super) fn issue(&mut self, issue: ConfigIssue) {
        self.issues.add(issue);
    }

    pub(super) fn name(&mut self, name: String) {
        if name.len() > MAX_TEXT_LEN || name.contains(char::is_control) {
            let reason = "longer than 200 bytes, or has a control character";
            self.issue(ConfigIssue::new("name", IssueKind::Invalid, reason, "use a short name"));
        }
        self.name = Some(name);
    }

    pub(super) fn scopes(&mut self, scopes: impl IntoIterator<Item: AsRef<str>>) {
        let scopes = Scopes::new(scopes).map_err(|error| error.with_setting("scopes"));
        self.scopes = self.issues.ok_or_add(scopes);
    }

    pub(super) fn roles(&mut self, roles: impl IntoIterator<Item: Into<String>>) {
        let roles: Vec<String> = roles.into_iter().map(Into::into).collect();
        for role in roles.iter().filter(|role| role.is_empty() || role.len() > MAX_TEXT_LEN) {
            let reason = "empty, or longer than 200 bytes";
            let issue = ConfigIssue::new("roles", IssueKind::Invalid, reason, "use the name of a role");
            self.issues.add(issue.with_value(role));
        }
        self.roles = Some(roles);
    }

    pub(super) fn permissions(&mut self, permissions: impl IntoIterator<Item: AsRef<str>>) {
        let permissions = permissions.into_iter().map(|text| {
            let permission = Permission::new(text.as_ref()).map_err(|error| error.with_setting("permissions"));
            self.issues.ok_or_add(permission)
        });
        self.permissions = Some(permissions.flatten().collect());
    }

    pub(super) fn tier(&mut self, tier: String) {
        self.tier = Some(tier);
    }

    pub(super) fn networks(&mut self, networks: impl IntoIterator<Item: AsRef<str>>) {
        const SETTING: &str = "networks";
        let networks = NetworkSet::parse(networks, SETTING, &mut self.issues);
        if networks.iter().len() > MAX_NETWORKS {
            let remedy = "list the networks that contain them";
            self.issue(ConfigIssue::new(SETTING, IssueKind::Invalid, "more than 100 networks", remedy));
        }
        self.networks = Some(networks);
    }

    pub(super) fn quota(&mut self, quota: Option<Quota>) {
        self.quota = Some(quota);
    }

    /// Checks that the caller may give these privileges.
    ///
    /// # Errors
    ///
    /// Returns [`ApiKeyError::Refused`] if the caller uses an API key or lacks a privilege, and
    /// [`ApiKeyError::Invalid`] if a value is invalid.
    pub(super) fn check(&self) -> Result<(), ApiKeyError> {
        reject_api_key(&self.caller)?;
        self.issues.clone().into_result(|| ()).map_err(ApiKeyError::Invalid)?;
        let mut set = Privileges::default();
        self.write_privileges(&mut set);
        if self.is_administrator { Ok(()) } else { set.check_held_by(&self.caller).map_err(ApiKeyError::Refused) }
    }

    /// Writes what is set.
    pub(super) fn write(&self, record: &mut ApiKeyRecord) {
        self.write_privileges(&mut record.privileges);
        if let Some(name) = &self.name {
            record.name.clone_from(name);
        }
        if let Some(networks) = &self.networks {
            record.networks.clone_from(networks);
        }
        if let Some(quota) = self.quota {
            record.quota = quota;
        }
    }

    fn write_privileges(&self, privileges: &mut Privileges) {
        if let Some(scopes) = &self.scopes {
            privileges.scopes = scopes.clone();
        }
        if let Some(roles) = &self.roles {
            privileges.roles = roles.clone();
        }
        if let Some(permissions) = &self.permissions {
            privileges.permissions = permissions.clone();
        }
        if let Some(tier) = &self.tier {
            privileges.tier = Some(tier.clone());
        }
    }
}

/// Checks that the caller does not use an API key: a key manages no keys.
///
/// # Errors
///
/// Returns [`ApiKeyError::Refused`] if it does.
pub(super) fn reject_api_key(caller: &UserContext) -> Result<(), ApiKeyError> {
    if caller.credential() == Credential::ApiKey {
        let kind = DenialKind::credential_not_accepted(Credential::ApiKey, []);
        return Err(ApiKeyError::Refused(Denial::new(kind, caller.realm().clone())));
    }
    Ok(())
}

/// Of the texts that a caller chooses. This limit and the next one keep a record small.
const MAX_TEXT_LEN: usize = 200;

const MAX_NETWORKS: usize = 100;
