//! The scripts of the store. Each is one round trip and one atomic step.

use std::sync::LazyLock;

use crate::store::script::LoadedScript;

/// A script about the sessions of an owner, with what all of them begin with.
macro_rules! owner_script {
    ($file:literal) => {
        LazyLock::new(|| LoadedScript::new(concat!(include_str!("owner.lua"), include_str!($file)).to_owned()))
    };
}

pub(super) static CREATE: LazyLock<LoadedScript> = owner_script!("create.lua");
pub(super) static RENEW: LazyLock<LoadedScript> = owner_script!("renew.lua");
pub(super) static REMOVE: LazyLock<LoadedScript> = owner_script!("remove.lua");
pub(super) static REMOVE_ALL: LazyLock<LoadedScript> = owner_script!("remove_all.lua");
pub(super) static LIST: LazyLock<LoadedScript> = owner_script!("list.lua");
pub(super) static FIND: LazyLock<LoadedScript> =
    LazyLock::new(|| LoadedScript::new(include_str!("find.lua").to_owned()));
pub(super) static TOUCH: LazyLock<LoadedScript> =
    LazyLock::new(|| LoadedScript::new(include_str!("touch.lua").to_owned()));
