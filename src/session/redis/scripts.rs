//! The scripts of the store. Each is one round trip and one atomic step.

use std::sync::LazyLock;

use crate::store::script::LoadedScript;

/// Joins files to a script, so that scripts can share code.
macro_rules! script {
    ($($file:literal),+) => {
        LazyLock::new(|| LoadedScript::new(concat!($(include_str!($file)),+).to_owned()))
    };
}

pub(super) static CREATE: LazyLock<LoadedScript> = script!("owner.lua", "save.lua", "create.lua");
pub(super) static RENEW: LazyLock<LoadedScript> = script!("owner.lua", "save.lua", "renew.lua");
pub(super) static REMOVE: LazyLock<LoadedScript> = script!("owner.lua", "remove.lua");
pub(super) static REMOVE_ALL: LazyLock<LoadedScript> = script!("owner.lua", "remove_all.lua");
pub(super) static LIST: LazyLock<LoadedScript> = script!("owner.lua", "list.lua");
pub(super) static FIND: LazyLock<LoadedScript> = script!("find.lua");
pub(super) static TOUCH: LazyLock<LoadedScript> = script!("touch.lua");
