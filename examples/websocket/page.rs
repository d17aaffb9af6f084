//! The page. Its style and its script have the nonce of the response.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use portcullis::CspNonce;

const STYLE: PreEscaped<&str> = PreEscaped(include_str!("style.css"));
const SCRIPT: PreEscaped<&str> = PreEscaped(include_str!("script.js"));

/// The id of each connection in the page, its name, and where its token is.
const CONNECTIONS: [(&str, &str, &str); 3] = [
    ("protocol", "WebSocket", "token in the subprotocol"),
    ("message", "WebSocket", "token in the first message"),
    ("stream", "Event stream", "token in the header"),
];

pub(crate) async fn show(nonce: CspNonce) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Open connections" }
                style nonce=(nonce) { (STYLE) }
            }
            body {
                main {
                    h1 { "Open connections" }
                    p { "These end when you log out, here or on another device, and when the token \
                        expires. Open this page in a second tab to see a logout from elsewhere." }
                    ul {
                        @for (id, name, token) in CONNECTIONS {
                            li id=(id) data-state="ended" {
                                div { h2 { (name) } p { (token) } }
                                div .status {
                                    span .state role="status" { "Ended" }
                                    p .detail { "-" }
                                }
                            }
                        }
                    }
                    div .buttons {
                        button #login .primary hidden { "Log in" }
                        button #logout { "Log out" }
                        button #logout-all { "Log out on all devices" }
                    }
                }
                script nonce=(nonce) { (SCRIPT) }
            }
        }
    }
}
