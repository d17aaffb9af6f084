//! The pages. `maud` escapes every text, and the style has the nonce of the response.

use std::time::{Duration, SystemTime};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use portcullis::session::SessionInfo;
use portcullis::{CspNonce, UserContext};

use super::words::{ago, device, period};

const LINKS: [(&str, &str); 3] =
    [("/", "Home"), ("/devices", "Devices"), ("/password", "Password")];

const STYLE: PreEscaped<&str> = PreEscaped(include_str!("style.css"));

pub(crate) fn login(nonce: &CspNonce, name: &str, error: Option<&str>) -> Markup {
    let content = html! {
        h1 { "Log in" }
        form method="post" {
            (alert(error))
            label for="name" { "User name" }
            input #name name="name" value=(name) autocomplete="username" autocapitalize="none"
                spellcheck="false" required autofocus[name.is_empty()];
            label for="password" { "Password" }
            input #password name="password" type="password" autocomplete="current-password"
                required autofocus[!name.is_empty()];
            label .box {
                input name="remember" type="checkbox" value="yes";
                span { "Stay logged in when I close the browser" }
            }
            button .primary { "Log in" }
        }
    };
    page(nonce, "Log in", None, &content)
}

pub(crate) fn start(nonce: &CspNonce, user: &UserContext) -> Markup {
    let content = html! {
        h1 { "Hello, " (user.id()) }
        p { "You are logged in. This page is for you only." }
        ul .links {
            li { a href="/devices" { "Devices" } p { "Where you are logged in" } }
            li { a href="/password" { "Password" } p { "Change it and log out other devices" } }
        }
    };
    page(nonce, "Home", Some(user), &content)
}

pub(crate) fn devices(
    nonce: &CspNonce,
    user: &UserContext,
    sessions: &[SessionInfo],
    now: SystemTime,
    notice: Option<&str>,
) -> Markup {
    let content = html! {
        h1 { "Devices" }
        @if let Some(notice) = notice { p .notice role="status" { (notice) } }
        p { "You are logged in on these devices. If you do not recognize one, log it out and "
            a href="/password" { "change your password" } "." }
        ul .devices { @for session in sessions { (device_item(session, now)) } }
        @if sessions.len() > 1 {
            form method="post" action="/devices/log-out-others" {
                button .primary { "Log out all other devices" }
            }
        }
    };
    page(nonce, "Devices", Some(user), &content)
}

fn device_item(session: &SessionInfo, now: SystemTime) -> Markup {
    let name = device(session.user_agent().unwrap_or_default());
    let address = session.address().map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
    html! {
        li {
            div {
                h2 { (name) @if session.is_current() { " " span .badge { "this device" } } }
                dl {
                    div { dt { "Address" } dd { (address) } }
                    div { dt { "Logged in" } dd { (ago(session.created_at(), now)) } }
                    div { dt { "Last used" } dd { (ago(session.last_used_at(), now)) } }
                }
            }
            form method="post" action=(format!("/devices/{}/log-out", session.id())) {
                button aria-label=(format!("Log out {name}")) { "Log out" }
            }
        }
    }
}

pub(crate) fn confirm(nonce: &CspNonce, user: &UserContext, error: Option<&str>) -> Markup {
    let content = html! {
        h1 { "Confirm that it is you" }
        p { "Enter your current password to continue." }
        form method="post" {
            (alert(error))
            (account(user))
            label for="password" { "Current password" }
            input #password name="password" type="password" autocomplete="current-password"
                required autofocus;
            button .primary { "Continue" }
        }
    };
    page(nonce, "Confirm", Some(user), &content)
}

pub(crate) fn password(
    nonce: &CspNonce,
    user: &UserContext,
    min: usize,
    error: Option<&str>,
) -> Markup {
    let content = html! {
        h1 { "Change your password" }
        p { "This logs out all your other devices." }
        form method="post" {
            (alert(error))
            (account(user))
            label for="password" { "New password" }
            input #password name="password" type="password" autocomplete="new-password"
                minlength=(min) aria-describedby="hint" required autofocus;
            p #hint .hint { "At least " (min) " characters, for example four random words." }
            button .primary { "Change password" }
        }
    };
    page(nonce, "Password", Some(user), &content)
}

pub(crate) fn error(
    nonce: &CspNonce,
    heading: &str,
    text: &str,
    retry_after: Option<u64>,
) -> Markup {
    let content = html! {
        h1 { (heading) }
        p {
            (text)
            @if let Some(seconds) = retry_after {
                " Try again in " (period(Duration::from_secs(seconds))) "."
            }
        }
        p { a href="/" { "Go to the start page" } }
    };
    page(nonce, heading, None, &content)
}

fn alert(error: Option<&str>) -> Markup {
    html! { @if let Some(error) = error { p .error role="alert" { (error) } } }
}

/// Names the account to password managers.
fn account(user: &UserContext) -> Markup {
    html! { input name="name" value=(user.id()) autocomplete="username" readonly hidden; }
}

/// The layout of all pages. The policy blocks inline handlers and style attributes.
fn page(nonce: &CspNonce, title: &str, user: Option<&UserContext>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Example" }
                style nonce=(nonce) { (STYLE) }
            }
            body {
                @if user.is_some() {
                    header {
                        nav aria-label="Main" {
                            @for (path, name) in LINKS {
                                @let current = (name == title).then_some("page");
                                a href=(path) aria-current=[current] { (name) }
                            }
                        }
                        form method="post" action="/log-out" { button { "Log out" } }
                    }
                }
                main { (content) }
            }
        }
    }
}
