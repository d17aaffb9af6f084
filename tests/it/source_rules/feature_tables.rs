//! The tables of features in the guide and the README: all features, and the number of crates that each set brings.

use std::collections::BTreeSet;
use std::process::Command;

use super::dependencies::{keys, manifest};
use super::{assert_none, files_below};

const GUIDE: &str = "src/_guide/features.md";

/// The arguments of `cargo tree`, as the guide shows them, before the features.
const ARGUMENTS: &str = "--locked --target x86_64-unknown-linux-gnu -e normal --prefix none --no-default-features";

/// A row of a table: features, separated by commas, and numbers of crates.
struct Row {
    features: String,
    crates: Vec<usize>,
}

impl Row {
    /// Reads a row whose first cell has only features of the manifest (or `none`), and whose last cells are numbers.
    fn parse(line: &str, known: &[&str]) -> Option<Self> {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let names = cells.first()?.replace('`', "");
        let names: Vec<_> = names.split(", ").filter(|name| *name != "none").collect();
        if names.iter().any(|name| !known.contains(name)) {
            return None;
        }
        let mut crates: Vec<_> = cells.iter().rev().map_while(|cell| cell.parse().ok()).collect();
        crates.reverse();
        (!crates.is_empty()).then(|| Self { features: names.join(","), crates })
    }

    /// The features of each number: those of the row alone or, with three numbers, also with `axum` and `default`.
    fn sets(&self) -> Vec<String> {
        let all = [self.features.clone(), format!("axum,{}", self.features), format!("default,{}", self.features)];
        all.into_iter().take(self.crates.len()).collect()
    }
}

fn rows(text: &str) -> Vec<Row> {
    let manifest = manifest();
    let known = keys(&manifest, "features");
    text.lines().filter_map(|line| Row::parse(line, &known)).collect()
}

/// Counts the crates of these features as the guide describes it.
fn count_crates(features: &str) -> usize {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("tree").args(ARGUMENTS.split(' '));
    let output = command.args(["--features", features]).output().unwrap();
    assert!(output.status.success(), "{features}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let name_and_version = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    text.lines().map(name_and_version).collect::<BTreeSet<_>>().len()
}

#[test]
#[ignore = "may download dependencies: run tests/run"]
fn the_documented_numbers_of_crates_are_those_of_cargo_tree() {
    let files = files_below(&["README.md", GUIDE]);
    assert!(files[GUIDE].replace("\\\n    ", "").contains(&format!("cargo tree {ARGUMENTS} ")), "the command");
    let mut offenders = Vec::new();
    for (file, text) in &files {
        let rows = rows(text);
        assert!(rows.len() > 5, "{file} has a table of features");
        for row in rows {
            let counted: Vec<_> = row.sets().iter().map(|features| count_crates(features)).collect();
            if counted != row.crates {
                offenders
                    .push(format!("{file}: `{}` is {:?}, but cargo tree counts {counted:?}", row.features, row.crates));
            }
        }
    }
    assert_none("a documented number of crates is that of cargo tree", offenders);
}

#[test]
fn the_guide_describes_every_feature() {
    let text = files_below(&[GUIDE]).remove(GUIDE).unwrap();
    let described: BTreeSet<_> = rows(&text).into_iter().map(|row| row.features).collect();
    let manifest = manifest();
    let offenders = keys(&manifest, "features").into_iter().filter(|feature| !described.contains(*feature));
    assert_none("a feature has a row in src/_guide/features.md", offenders);
}

#[test]
fn a_row_is_read_with_its_features_and_numbers() {
    let parse = |line: &str| {
        let row = Row::parse(line, &["axum", "jwt"])?;
        Some((row.sets(), row.crates))
    };
    let sets = |features: &[&str]| features.iter().map(|&set| set.to_owned()).collect::<Vec<_>>();
    assert_eq!(parse("| `axum`, `jwt` | keys | 77 |"), Some((sets(&["axum,jwt"]), vec![77])));
    let none = parse("| none | layers | none | 27 | 45 | 96 |");
    assert_eq!(none, Some((sets(&["", "axum,", "default,"]), vec![27, 45, 96])));
    for line in ["| `JwtAuth` | verifies | 401 |", "| features | adds | crates |", "| `jwt` | keys |", "`jwt`", ""] {
        assert_eq!(parse(line), None, "{line}");
    }
}
