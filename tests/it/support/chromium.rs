//! `Chromium`: a headless browser with its own profile, controlled through a pipe (Chrome DevTools Protocol).

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::{Value, json};

/// How long to wait for one result of the browser. Generous: the machine may be busy.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A browser. Dropping it ends the process and deletes the profile.
pub(crate) struct Chromium(Mutex<Connection>);

impl Chromium {
    pub(crate) fn start() -> Self {
        let folder = Folder::new();
        let program = std::env::var_os("PORTCULLIS_CHROMIUM").unwrap_or_else(|| "chromium".into());
        let log = File::create(folder.0.join("log")).unwrap();
        // Chromium reads commands from file descriptor 3 and writes to 4.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >&2"]).arg(program).args(SWITCHES);
        command.arg(format!("--user-data-dir={}", folder.0.display()));
        command.env("HOME", &folder.0).env("TMPDIR", &folder.0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().expect("a shell starts");
        let input = process.stdin.take();
        let messages = read_messages(process.stdout.take().unwrap());
        let mut connection = Connection { input, messages, events: Vec::new(), last_id: 0, process, folder };
        connection.call(None, "Browser.getVersion", &json!({}));
        Self(Mutex::new(connection))
    }

    /// Opens this URL in a new tab and waits until the page is loaded.
    pub(crate) fn open(&self, url: &str) -> Tab<'_> {
        self.open_tab(&json!({ "url": "about:blank" }), url)
    }

    /// Opens this URL as on another device: the tab shares no cookies and no cache with other tabs.
    pub(crate) fn open_on_another_device(&self, url: &str) -> Tab<'_> {
        let context = self.connection().call(None, "Target.createBrowserContext", &json!({}));
        self.open_tab(&json!({ "url": "about:blank", "browserContextId": context["browserContextId"] }), url)
    }

    fn open_tab(&self, parameters: &Value, url: &str) -> Tab<'_> {
        let mut connection = self.connection();
        let target = connection.call(None, "Target.createTarget", parameters)["targetId"].take();
        let attach = json!({ "targetId": target, "flatten": true });
        let session = connection.call(None, "Target.attachToTarget", &attach)["sessionId"].take();
        drop(connection);
        let tab = Tab { browser: self, session };
        tab.call("Page.enable", &json!({}));
        tab.call("Page.setLifecycleEventsEnabled", &json!({ "enabled": true }));
        tab.go(url);
        tab
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap()
    }
}

/// A tab of the browser.
pub(crate) struct Tab<'a> {
    browser: &'a Chromium,
    session: Value,
}

impl Tab<'_> {
    /// Goes to this URL and waits until the page is loaded.
    pub(crate) fn go(&self, url: &str) {
        let mut connection = self.browser.connection();
        let result = connection.call(Some(&self.session), "Page.navigate", &json!({ "url": url }));
        assert_eq!(result.get("errorText"), None, "{url}");
        connection.wait_for_load(&result["loaderId"]);
    }

    /// Evaluates an expression in the page. Awaits a promise.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        let parameters = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut result = self.call("Runtime.evaluate", &parameters);
        assert_eq!(result.get("exceptionDetails"), None, "{script}");
        result["result"]["value"].take()
    }

    /// Runs a script that leaves the page, such as a click on a link, and waits until the next page is loaded.
    #[track_caller]
    pub(crate) fn leave(&self, script: &str) {
        self.leave_by(|| {
            self.run(script);
        });
    }

    /// Types a text into the first input of the page and presses Enter, and waits until the next page is loaded.
    pub(crate) fn type_and_enter(&self, text: &str) {
        // As if the window of this tab had the focus.
        self.call("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }));
        self.run("document.querySelector('input').focus()");
        self.call("Input.insertText", &json!({ "text": text }));
        self.leave_by(|| {
            let key = json!({ "type": "keyDown", "key": "Enter", "windowsVirtualKeyCode": 13, "text": "\r" });
            self.call("Input.dispatchKeyEvent", &key);
        });
    }

    /// Returns the cookies that the browser sends to this URL, with their attributes.
    pub(crate) fn cookies(&self, url: &str) -> Vec<Value> {
        let mut result = self.call("Network.getCookies", &json!({ "urls": [url] }));
        serde_json::from_value(result["cookies"].take()).unwrap()
    }

    /// Sets a cookie with the attributes that its prefix requires, which no page can read.
    pub(crate) fn set_cookie(&self, url: &str, name: &str, value: &str) {
        let cookie = json!({ "url": url, "name": name, "value": value, "path": "/", "secure": true, "httpOnly": true });
        assert_eq!(self.call("Network.setCookie", &cookie)["success"], true);
    }

    fn leave_by(&self, action: impl FnOnce()) {
        self.browser.connection().events.clear();
        action();
        self.browser.connection().wait_for_next_page(&self.session);
    }

    fn call(&self, method: &str, parameters: &Value) -> Value {
        self.browser.connection().call(Some(&self.session), method, parameters)
    }
}

/// The pipe and the process at its other end.
struct Connection {
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// The messages that are not results of a call.
    events: Vec<Value>,
    last_id: u64,
    process: Child,
    folder: Folder,
}

impl Connection {
    fn call(&mut self, session: Option<&Value>, method: &str, parameters: &Value) -> Value {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = session.clone();
        }
        // If this fails, the browser has ended: `next` then panics with its log.
        let _ = self.input.as_mut().expect("the browser is running").write_all(format!("{message}\0").as_bytes());
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let mut message = self.next(deadline, method);
            if message["id"] == self.last_id {
                assert_eq!(message.get("error"), None, "{method} {parameters}");
                return message["result"].take();
            }
            self.events.push(message);
        }
    }

    fn wait_for_load(&mut self, loader: &Value) {
        self.wait_for("load", |event| {
            let parameters = &event["params"];
            event["method"] == "Page.lifecycleEvent"
                && parameters["loaderId"] == *loader
                && parameters["name"] == "load"
        });
        self.events.clear();
    }

    /// Waits until this tab shows another page. One that the browser has kept is not loaded again.
    fn wait_for_next_page(&mut self, session: &Value) {
        let event = self.wait_for("next page", |event| {
            let is_main_frame = event["params"]["frame"].get("parentId").is_none();
            event["method"] == "Page.frameNavigated" && event["sessionId"] == *session && is_main_frame
        });
        if event["params"]["type"] != "BackForwardCacheRestore" {
            self.wait_for_load(&event["params"]["frame"]["loaderId"]);
        }
    }

    fn wait_for(&mut self, awaited: &str, is_awaited: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(event) = self.events.iter().find(|event| is_awaited(event)) {
                return event.clone();
            }
            let message = self.next(deadline, awaited);
            self.events.push(message);
        }
    }

    fn next(&self, deadline: Instant, awaited: &str) -> Value {
        self.messages.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap_or_else(|error| {
            let log = fs::read_to_string(self.folder.0.join("log")).unwrap_or_default();
            panic!("{awaited}: {error}; chromium's log: {log}");
        })
    }

    /// Waits until the browser has ended. Returns `false` after the timeout.
    fn wait_for_end(&mut self) -> bool {
        let deadline = Instant::now() + TIMEOUT;
        while Instant::now() < deadline {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Connection {
    /// Closes the pipe. The browser then ends itself and its child processes.
    fn drop(&mut self) {
        self.input = None;
        if !self.wait_for_end() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// Reads messages, each of which ends with a zero byte, until the browser closes the pipe.
fn read_messages(output: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for message in BufReader::new(output).split(0) {
            let Ok(message) = message else { return };
            let message = serde_json::from_slice(&message).expect("a message in JSON");
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The folder for the browser's profile and log. Deleted when this value is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let now = UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let folder = std::env::temp_dir().join(format!("portcullis-browser-{}-{now}", std::process::id()));
        fs::create_dir_all(folder.join("Default")).unwrap();
        // Allows third-party cookies, which some vendors block by default (Debian does).
        let preferences = json!({ "profile": { "cookie_controls_mode": 0 } });
        fs::write(folder.join("Default/Preferences"), preferences.to_string()).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Child processes of the browser may outlive it briefly and still write files.
        for _ in 0..500 {
            if fs::remove_dir_all(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// None of the switches changes what a page may do. `--no-sandbox` is needed for root; the others prevent network
/// access and dialogs.
const SWITCHES: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--remote-debugging-pipe",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-proxy-server",
];
