//! `SettingNames`: how the public API names the settings of a store, for the texts of errors and logs.

/// The names of the settings of one store in Redis.
#[derive(Debug)]
pub(crate) struct SettingNames {
    /// The item whose documentation lists the permissions that the store needs, such as `RedisStore`.
    pub(crate) documentation: &'static str,
    /// What takes a URL, such as `RedisStore::connect`.
    pub(crate) url: &'static str,
    /// What takes a client of the crate `redis`, such as `RedisStore::from_client`.
    pub(crate) client: &'static str,
    /// What sets how long a call may take; `None` if that is fixed.
    pub(crate) deadline: Option<&'static str>,
    /// What to do if the server is a node of a cluster, such as `use RedisStore::cluster`.
    pub(crate) cluster_remedy: &'static str,
}
