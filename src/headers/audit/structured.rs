//! The one thing that is read of RFC 9651: an Item that is a Token, whatever its parameters.

#[cfg(test)]
mod tests;

use std::iter::Peekable;
use std::str::Chars;

/// The token that `text` is; `None` where it is another Item or none at all.
pub(super) fn token(text: &str) -> Option<&str> {
    let text = text.trim_matches(' ');
    let end = text.find(|c| !is_of_token(c)).unwrap_or(text.len());
    let (token, parameters) = text.split_at(end);
    token.starts_with(begins_token).then_some(())?;
    let mut rest = parameters.chars().peekable();
    while rest.next_if_eq(&';').is_some() {
        while rest.next_if_eq(&' ').is_some() {}
        parameter(&mut rest)?;
    }
    rest.next().is_none().then_some(token)
}

/// Section 4.2.3.2.
fn parameter(rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    rest.next_if(|&c| c.is_ascii_lowercase() || c == '*')?;
    let is_of_key = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(*c);
    while rest.next_if(is_of_key).is_some() {}
    match rest.next_if_eq(&'=') {
        Some(_) => bare_item(rest),
        None => Some(()),
    }
}

/// Section 4.2.3.1.
fn bare_item(rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    match *rest.peek()? {
        '-' | '0'..='9' => number(rest),
        '"' => string(rest),
        ':' => bytes(rest),
        '?' => {
            rest.next();
            rest.next_if(|c| matches!(c, '0' | '1')).map(drop)
        }
        '@' => {
            rest.next();
            rest.next_if_eq(&'-');
            let seconds = digits(rest);
            // The Observatory's parser takes a Date for the end of the field.
            ((1..=15).contains(&seconds) && rest.peek().is_none()).then_some(())
        }
        '%' => display_string(rest),
        c if begins_token(c) => {
            while rest.next_if(|&c| is_of_token(c)).is_some() {}
            Some(())
        }
        _ => None,
    }
}

fn number(rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    rest.next_if_eq(&'-');
    let whole = digits(rest);
    let is_number = match rest.next_if_eq(&'.') {
        Some(_) => (1..=12).contains(&whole) && (1..=3).contains(&digits(rest)),
        None => (1..=15).contains(&whole),
    };
    is_number.then_some(())
}

fn digits(rest: &mut Peekable<Chars<'_>>) -> usize {
    std::iter::from_fn(|| rest.next_if(char::is_ascii_digit)).count()
}

fn string(rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    rest.next_if_eq(&'"')?;
    loop {
        match rest.next()? {
            '"' => return Some(()),
            '\\' => drop(rest.next_if(|c| matches!(c, '"' | '\\'))?),
            ' '..='~' => {}
            _ => return None,
        }
    }
}

fn bytes(rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    rest.next_if_eq(&':')?;
    let (mut letters, mut pads) = (0, 0);
    loop {
        match rest.next()? {
            ':' => break,
            '=' => pads += 1,
            c if pads == 0 && (c.is_ascii_alphanumeric() || "+/".contains(c)) => letters += 1,
            _ => return None,
        }
    }
    let is_padded = pads == 0 || pads <= 2 && (letters + pads) % 4 == 0;
    (is_padded && letters % 4 != 1).then_some(())
}

fn display_string(rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    rest.next_if_eq(&'%')?;
    rest.next_if_eq(&'"')?;
    let mut decoded = Vec::new();
    loop {
        match rest.next()? {
            '"' => return std::str::from_utf8(&decoded).ok().map(drop),
            '%' => decoded.push(hex(rest)? << 4 | hex(rest)?),
            c @ ' '..='~' => decoded.extend(u8::try_from(c)),
            _ => return None,
        }
    }
}

fn hex(rest: &mut Peekable<Chars<'_>>) -> Option<u8> {
    let digit = rest.next_if(|c| !c.is_ascii_uppercase())?.to_digit(16)?;
    u8::try_from(digit).ok()
}

fn begins_token(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '*'
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || ":/!#$%&'*+-.^_`|~".contains(c)
}
