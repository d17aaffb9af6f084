//! The commands that the example prints.

pub(crate) fn print(url: &str) {
    for (path, credential, rest) in COMMANDS {
        let json = if rest.contains("-d") { " -H 'Content-Type: application/json'" } else { "" };
        println!("curl -i {url}{path} -H \"Authorization: {credential}\"{json}{rest}");
    }
}

const COMMANDS: [(&str, &str, &str); 12] = [
    ("/reports", KEY, ""),
    ("/reports", KEY, " -X POST"),
    ("/keys", ANN, ""),
    ("/keys", ANN, r#" -d '{"name":"backup","scopes":["read:reports"]}'"#),
    ("/keys", BOB, r#" -d '{"name":"backup","scopes":["write:reports"]}'"#),
    ("/keys", KEY, r#" -d '{"name":"backup","scopes":["read:reports"]}'"#),
    ("/keys/$KEY_ID", ANN, r#" -d '{"scopes":["write:reports"]}' -X PATCH"#),
    ("/reports", KEY, " -X POST"),
    ("/keys/$KEY_ID/rotate", ANN, " -X PATCH"),
    ("/keys/$KEY_ID", BOB, " -X DELETE"),
    ("/keys/$KEY_ID", ANN, " -X DELETE"),
    ("/reports", KEY, ""),
];

const ANN: &str = "Bearer $ANN";
const BOB: &str = "Bearer $BOB";
const KEY: &str = "ApiKey $KEY";
