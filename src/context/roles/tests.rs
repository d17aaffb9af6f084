//! Tests of roles: grants, inheritance, cycles, and the errors of a table.

use super::*;

fn table() -> Roles {
    Roles::builder()
        .inherits("admin", ["editor", "auditor"])
        .inherits("editor", ["reader"])
        .role("reader", ["read:page"])
        .role("editor", ["write:page"])
        .role("auditor", ["read:*"])
        .role("admin", ["*:user"])
        .build()
        .unwrap()
}

fn grants(role: &str, permission: &str) -> bool {
    table().get(role).unwrap().grants(&Permission::new(permission).unwrap())
}

#[test]
fn a_role_grants_its_own_and_inherited_permissions() {
    assert!(grants("admin", "delete:user"));
    assert!(grants("admin", "write:page"));
    assert!(grants("admin", "read:page"));
    assert!(grants("admin", "read:log"));
    assert!(grants("editor", "read:page"));
}

#[test]
fn a_role_does_not_grant_what_its_descendants_grant() {
    assert!(!grants("reader", "write:page"));
    assert!(!grants("editor", "read:log"));
    assert!(!grants("auditor", "write:page"));
}

#[test]
fn a_role_implies_the_roles_it_inherits_and_not_the_reverse() {
    let reader = table().get("reader").unwrap();
    for holder in ["reader", "editor", "admin"] {
        assert!(reader.is_implied_by(holder), "{holder}");
    }
    for other in ["auditor", "guest", ""] {
        assert!(!reader.is_implied_by(other), "{other}");
    }
    assert!(!table().get("admin").unwrap().is_implied_by("editor"));
    assert_eq!((reader.name(), reader.to_string()), ("reader", "reader".to_owned()));
}

#[test]
fn every_role_in_an_inheritance_cycle_is_reported() {
    let error = Roles::builder()
        .role("a", ["x:y"])
        .role("b", ["x:y"])
        .role("c", ["x:y"])
        .inherits("a", ["b"])
        .inherits("b", ["a"])
        .inherits("c", ["a"])
        .build()
        .unwrap_err();
    let reported: Vec<_> = error.issues().iter().filter_map(ConfigIssue::value).collect();
    assert_eq!(reported, ["a", "b"]);
}

#[test]
fn all_issues_of_a_table_are_reported_at_once() {
    let error = Roles::builder()
        .role("a", ["nonsense"])
        .role("a", ["x:y"])
        .role("", ["x:y"])
        .inherits("a", ["ghost"])
        .build()
        .unwrap_err();
    let kinds: Vec<_> = error.issues().iter().map(ConfigIssue::kind).collect();
    assert_eq!(kinds, [IssueKind::Invalid, IssueKind::Duplicate, IssueKind::Invalid, IssueKind::Unknown]);
    assert!(Roles::builder().build().is_err());
}

#[test]
fn an_issue_names_the_method_that_was_called() {
    let setting = |error: ConfigError| error.issues()[0].setting();
    assert_eq!(setting(Roles::from_names(["a", "a"]).unwrap_err()), "Roles::from_names");
    assert_eq!(setting(table().permission("nonsense").unwrap_err()), "Roles::permission");
    assert_eq!(setting(Permission::new("nonsense").unwrap_err()), "Permission::new");
    assert_eq!(setting(Roles::builder().role("a", ["nonsense"]).build().unwrap_err()), "role");
}

#[test]
fn an_unknown_role_or_permission_is_an_error() {
    let text = table().get("admn").unwrap_err().to_string();
    assert_eq!(text, "Roles::get \"admn\": no such role; use one of: admin, auditor, editor, reader");
    assert!(table().permission("write:pages").is_err());
    assert_eq!(table().permission("write:page").unwrap().as_str(), "write:page");
}

#[test]
fn roles_from_names_grant_nothing() {
    let roles = Roles::from_names(["a", "b"]).unwrap();
    assert!(!roles.get("a").unwrap().grants(&Permission::new("x:y").unwrap()));
    assert!(Roles::from_names(["a", "a"]).is_err());
}
