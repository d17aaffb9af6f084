//! The example `websocket` in a real browser: what its page shows, and what a page of another origin can do.

use serde_json::{Value, json};

use crate::support::chromium::{Chromium, Tab};
use crate::support::running_example::RunningExample;
use crate::support::site::Site;

/// The ids of the connections in the page.
const CONNECTIONS: [&str; 3] = ["protocol", "message", "stream"];

/// Waits until each connection has this state, and returns the last message of each, or why it ended.
fn wait_for(tab: &Tab<'_>, state: &str) -> [String; 3] {
    let script = format!(
        "new Promise((resolve) => {{
            const items = {}.map((id) => document.getElementById(id));
            const check = () => items.every((item) => item.dataset.state === '{state}')
                && resolve(items.map((item) => item.querySelector('.detail').textContent));
            new MutationObserver(check).observe(document, {{ attributes: true, childList: true, subtree: true }});
            check();
        }})",
        json!(CONNECTIONS)
    );
    serde_json::from_value(tab.run(&script)).unwrap()
}

fn click(tab: &Tab<'_>, button: &str) {
    tab.run(&format!("document.getElementById('{button}').click()"));
}

/// Whether the page shows the buttons for a login and for a logout.
fn buttons(tab: &Tab<'_>) -> Value {
    tab.run("['login', 'logout', 'logout-all'].map((id) => document.getElementById(id).checkVisibility())")
}

const LOGGED_OUT: [&str; 3] = ["code 3000: log in again", "code 3000: log in again", "end of the stream"];

#[test]
#[ignore = "needs chromium: run tests/run"]
fn a_logout_closes_the_sockets_with_code_3000_and_ends_the_stream() {
    let mut example = RunningExample::start("websocket");
    let url = example.next_line();
    let chromium = Chromium::start();
    let [here, elsewhere] = [(); 2].map(|()| chromium.open(&url));
    for tab in [&here, &elsewhere] {
        let [first, second, third] = wait_for(tab, "open");
        assert!(first.starts_with("message ") && second.starts_with("message ") && third.starts_with("event "));
        assert_eq!(buttons(tab), json!([false, true, true]));
    }

    click(&here, "logout");
    assert_eq!(wait_for(&here, "ended"), LOGGED_OUT);
    assert_eq!(buttons(&here), json!([true, false, false]));
    // The other login goes on, until it is ended too.
    wait_for(&elsewhere, "open");
    click(&here, "login");
    wait_for(&here, "open");
    click(&here, "logout-all");
    for tab in [&here, &elsewhere] {
        assert_eq!(wait_for(tab, "ended"), LOGGED_OUT);
    }
}

/// Opens a socket. Returns its protocol once it is open, or the code with which it closes.
fn open(tab: &Tab<'_>, url: &str, protocols: &[&str], first_message: Option<&str>) -> Value {
    let script = format!(
        "new Promise((resolve) => {{
            const socket = new WebSocket({}, {});
            socket.onopen = () => {first} === null ? resolve(socket.protocol) : socket.send({first});
            socket.onmessage = ({{ data }}) => resolve(data);
            socket.onclose = ({{ code, reason }}) => resolve([code, reason]);
        }})",
        json!(url),
        json!(protocols),
        first = json!(first_message),
    );
    tab.run(&script)
}

#[test]
#[ignore = "needs chromium: run tests/run"]
fn only_pages_of_the_app_with_a_valid_token_open_a_socket() {
    let mut example = RunningExample::start("websocket");
    let url = example.next_line();
    let socket = format!("{}socket", url.replace("http", "ws"));
    let socket_by_message = format!("{socket}-by-message");
    let chromium = Chromium::start();
    let tab = chromium.open(&url);
    let token = tab.run("fetch('/login', { method: 'POST' }).then((response) => response.text())");
    let token = token.as_str().unwrap();
    let flaw = (1006, "");

    // The response selects `bearer`, and not the token.
    assert_eq!(open(&tab, &socket, &["bearer", token], None), "bearer");
    assert_eq!(open(&tab, &socket_by_message, &[], Some(token)), "0");

    for protocols in [&["bearer", "a.b.c"][..], &["bearer"], &[token], &[]] {
        assert_eq!(open(&tab, &socket, protocols, None), json!(flaw), "{protocols:?}");
    }
    let invalid = json!((3000, "the token is not valid"));
    assert_eq!(open(&tab, &socket_by_message, &[], Some("a.b.c")), invalid);
    assert_eq!(open(&tab, &socket_by_message, &[], Some("")), invalid);

    let other = Site::blank();
    let tab = chromium.open(&other.url("/"));
    assert_eq!(open(&tab, &socket, &["bearer", token], None), json!(flaw));
    assert_eq!(open(&tab, &socket_by_message, &[], Some(token)), json!(flaw));
    let login = tab.run(&format!("fetch('{url}login', {{ method: 'POST' }}).catch((error) => String(error))"));
    assert_eq!(login, "TypeError: Failed to fetch");
}
