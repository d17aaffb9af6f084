//! Tests of comma-separated lists: separators, invalid elements and bounds.

use http::header::{HeaderMap, VARY};
use proptest::prelude::*;

use super::*;

fn of<T: AsRef<[u8]>>(lines: &[T]) -> Vec<Option<Vec<u8>>> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(VARY, HeaderValue::from_bytes(line.as_ref()).unwrap());
    }
    tokens(headers.get_all(VARY)).map(|token| token.map(<[u8]>::to_vec)).collect()
}

fn all(tokens: &[&str]) -> Vec<Option<Vec<u8>>> {
    tokens.iter().map(|token| Some(token.as_bytes().to_vec())).collect()
}

#[test]
fn tokens_of_all_lines_are_returned_in_order() {
    assert_eq!(of(&["a,b", "c"]), all(&["a", "b", "c"]));
    assert_eq!(of(&["X-A ,\tx-a,  b "]), all(&["X-A", "x-a", "b"]));
    assert_eq!(of(&["*"]), all(&["*"]));
}

#[test]
fn empty_elements_are_skipped() {
    for lines in [&[""; 3][..], &[",", " ,\t, "], &[]] {
        assert_eq!(of(lines), [], "{lines:?}");
    }
    assert_eq!(of(&[",a,,b,", "", ",c"]), all(&["a", "b", "c"]));
}

#[test]
fn an_invalid_element_is_none() {
    for element in ["a b", "a;b", "\"a\"", "a=b", "a/b", "(a)", "a\tb"] {
        assert_eq!(of(&[element]), [None], "{element}");
        assert_eq!(of(&[&format!("a,{element}")]), [Some(b"a".to_vec()), None]);
    }
    assert_eq!(of(&[[0xff]]), [None]);
}

#[test]
fn elements_after_the_64th_are_none() {
    let lines = vec!["a"; 65];
    for found in [of(&lines), of(&[lines.join(",")])] {
        assert_eq!(found.iter().position(Option::is_none), Some(64));
        assert_eq!(found.len(), 65);
    }
    let gaps = vec![",,"; 65].join("a");
    assert!(of(&[gaps]).iter().all(Option::is_some), "empty elements are not counted");
}

#[test]
fn a_line_beyond_8_kib_is_not_read() {
    let text = "a".repeat(MAX_BYTES);
    assert_eq!(of(&[&text]), all(&[&text]));
    assert_eq!(of(&[&format!("{text},b")]).first(), Some(&None));
    let found = of(&[&text, "b"]);
    assert_eq!((found[0].is_some(), &found[1]), (true, &None));
    assert!(of(&[",".repeat(MAX_BYTES)]).is_empty());
    assert_eq!(of(&[",".repeat(MAX_BYTES + 1)]).first(), Some(&None));
}

proptest! {
    #[test]
    fn joined_tokens_are_split_again(names in prop::collection::vec("[!#-'*+.^-z|~A-Z0-9-]{1,9}", 0..64)) {
        let expected: Vec<_> = names.iter().map(|name| Some(name.clone().into_bytes())).collect();
        prop_assert_eq!(&of(&[names.join(",")]), &expected);
        prop_assert_eq!(of(&names), expected);
    }

    #[test]
    fn every_token_is_a_part_of_its_line(line in prop::collection::vec(0x20..=0x7e_u8, 0..300)) {
        for token in of(&[&line]).into_iter().flatten() {
            prop_assert!(is_token(&token) && line.windows(token.len()).any(|part| part == token));
        }
    }
}
