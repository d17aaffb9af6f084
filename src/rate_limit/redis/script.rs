//! The Lua script that decides on the server, with the constants that it shares with Rust.

// A script runs on the server as one unit: no other command runs in between, so "read, decide, write" needs no lock and
// no retry. Redis identifies it by a hash of its text. A new version of the crate may have another text, and so another
// hash. Both versions can run side by side, as long as the format of the records is the same.
//
// Comments in the Lua files are part of the text. They cost nothing for each call, because the server keeps the
// compiled script.

use crate::rate_limit::algorithm::penalty::MAX_DOUBLINGS;
use crate::rate_limit::algorithm::{MAX_LOG_UNITS, ROUND_DOWN, SUB_WINDOWS};
use crate::rate_limit::redis::protocol::{
    ADMITTED, ALGORITHMS, BLOCKED, EXCEEDED, MAX_LIFETIME, NEVER, NO_DETAILS, OPERATIONS, RULE_FIELDS,
};

/// Returns the text of the script: constants first, then its three parts.
pub(super) fn code() -> String {
    let mut code = String::new();
    // As a double, which is the only number type of Redis' Lua 5.1.
    let mut constant = |name: &str, value: f64| code.push_str(&format!("local {name} = {value:?}\n"));
    for (operation, name) in OPERATIONS {
        constant(name, f64::from(operation as u32));
    }
    for (algorithm, name) in ALGORITHMS {
        constant(name, f64::from(algorithm));
    }
    // The first field is the tag, at the rule's index itself.
    for (offset, name) in RULE_FIELDS.iter().enumerate().skip(1) {
        constant(name, offset as f64);
    }
    constant("ADMITTED", ADMITTED);
    constant("EXCEEDED", EXCEEDED);
    constant("BLOCKED", BLOCKED);
    constant("NO_DETAILS", NO_DETAILS);
    constant("NEVER", NEVER);
    constant("SUB_WINDOWS", SUB_WINDOWS as f64);
    constant("KEPT", (SUB_WINDOWS + 1) as f64);
    constant("MAX_DOUBLINGS", f64::from(MAX_DOUBLINGS));
    constant("MAX_LOG_UNITS", f64::from(MAX_LOG_UNITS));
    constant("MAX_LIFETIME", MAX_LIFETIME as f64);
    // The shortest text that reads back as the same number.
    constant("ROUND_DOWN", ROUND_DOWN);
    // One scope: each part uses the local names of those before it.
    code.push_str(include_str!("script/state.lua"));
    code.push_str(include_str!("script/slow_path.lua"));
    code.push_str(include_str!("script/decide.lua"));
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_come_first_and_read_back_exactly() {
        let code = code();
        for line in [
            "local DECIDE = 0.0\n",
            "local UNBLOCK = 5.0\n",
            "local SLIDING_LOG = 1.0\n",
            "local BLOCK_TAG = 1.0\n",
            "local SHADOW = 9.0\n",
            "local NO_DETAILS = -1.0\n",
            "local KEPT = 13.0\n",
            "local MAX_LIFETIME = 2251799813685248.0\n",
        ] {
            assert!(code.contains(line), "{line}");
        }
        let round_down = code.split("local ROUND_DOWN = ").nth(1).and_then(|rest| rest.lines().next());
        assert_eq!(round_down.and_then(|text| text.parse().ok()), Some(ROUND_DOWN));
        assert!(code.starts_with("local "));
    }
}
