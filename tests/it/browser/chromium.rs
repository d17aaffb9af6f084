//! Chromium without a window, in a profile of its own: it is told by its pipe (Chrome DevTools Protocol) what to open.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::{Value, json};

/// How long the browser may take for one thing that it is asked.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser, which ends with this value, and its profile with it.
pub(super) struct Chromium(Mutex<Wire>);

impl Chromium {
    pub(super) fn start() -> Self {
        let folder = Folder::new();
        let program = std::env::var_os("PORTCULLIS_CHROMIUM").unwrap_or_else(|| "chromium".into());
        let log = File::create(folder.0.join("log")).unwrap();
        // Chromium reads its third file and writes to its fourth.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >&2"]).arg(program).args(SWITCHES);
        command.arg(format!("--user-data-dir={}", folder.0.display()));
        command.env("HOME", &folder.0).env("TMPDIR", &folder.0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().expect("a shell starts");
        let (to, from) = (process.stdin.take(), process.stdout.take().unwrap());
        let mut wire = Wire { to, said: messages(from), events: Vec::new(), last_id: 0, process, folder };
        wire.ask(None, "Browser.getVersion", &json!({}));
        Self(Mutex::new(wire))
    }

    /// Opens this URL in a tab of its own and waits until the page is loaded.
    pub(super) fn open(&self, url: &str) -> Tab<'_> {
        let mut wire = self.wire();
        let target = wire.ask(None, "Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].take();
        let attach = json!({ "targetId": target, "flatten": true });
        let session = wire.ask(None, "Target.attachToTarget", &attach)["sessionId"].take();
        drop(wire);
        let tab = Tab { browser: self, session };
        tab.ask("Page.enable", &json!({}));
        tab.ask("Page.setLifecycleEventsEnabled", &json!({ "enabled": true }));
        tab.go(url);
        tab
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap()
    }
}

/// A tab of the browser.
pub(super) struct Tab<'a> {
    browser: &'a Chromium,
    session: Value,
}

impl Tab<'_> {
    /// Goes to this URL and waits until the page is loaded.
    pub(super) fn go(&self, url: &str) {
        let mut wire = self.browser.wire();
        let answer = wire.ask(Some(&self.session), "Page.navigate", &json!({ "url": url }));
        assert_eq!(answer.get("errorText"), None, "{url}");
        wire.wait_for_load(&answer["loaderId"]);
    }

    /// What this expression comes to in the page, a promise once it is kept.
    #[track_caller]
    pub(super) fn run(&self, script: &str) -> Value {
        let asked = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.ask("Runtime.evaluate", &asked);
        assert_eq!(answer.get("exceptionDetails"), None, "{script}");
        answer["result"]["value"].take()
    }

    fn ask(&self, method: &str, parameters: &Value) -> Value {
        self.browser.wire().ask(Some(&self.session), method, parameters)
    }
}

/// Both ends of the pipe, and the process on its other side.
struct Wire {
    to: Option<ChildStdin>,
    said: Receiver<Value>,
    /// What was said without being asked for.
    events: Vec<Value>,
    last_id: u64,
    process: Child,
    folder: Folder,
}

impl Wire {
    fn ask(&mut self, session: Option<&Value>, method: &str, parameters: &Value) -> Value {
        self.last_id += 1;
        let mut message = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = session.clone();
        }
        // Where this fails the browser has ended, and that is told with its log below.
        let _ = self.to.as_mut().expect("a browser that is not ended").write_all(format!("{message}\0").as_bytes());
        let deadline = Instant::now() + PATIENCE;
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
        let deadline = Instant::now() + PATIENCE;
        let is_loaded = |event: &Value| {
            let told = &event["params"];
            event["method"] == "Page.lifecycleEvent" && told["loaderId"] == *loader && told["name"] == "load"
        };
        while !self.events.iter().any(is_loaded) {
            let message = self.next(deadline, "load");
            self.events.push(message);
        }
        self.events.clear();
    }

    fn next(&self, deadline: Instant, awaited: &str) -> Value {
        self.said.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap_or_else(|error| {
            let log = fs::read_to_string(self.folder.0.join("log")).unwrap_or_default();
            panic!("{awaited}: {error}; chromium's log: {log}");
        })
    }

    /// Whether the browser ended by itself in good time.
    fn has_ended(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Drop for Wire {
    /// A browser whose pipe is closed ends itself and its own processes.
    fn drop(&mut self) {
        self.to = None;
        if !self.has_ended() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// The messages that end with a zero byte each, until the browser closes its end.
fn messages(from: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for message in BufReader::new(from).split(0) {
            let Ok(message) = message else { return };
            let message = serde_json::from_slice(&message).expect("a message of the protocol");
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The browser's profile and whatever else it writes; it is removed with this value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let now = UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let folder = std::env::temp_dir().join(format!("portcullis-browser-{}-{now}", std::process::id()));
        fs::create_dir_all(folder.join("Default")).unwrap();
        // Vendors differ in whether they let other sites have cookies unless told: Debian does not.
        let preferences = json!({ "profile": { "cookie_controls_mode": 0 } });
        fs::write(folder.join("Default/Preferences"), preferences.to_string()).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The browser's own processes may end a moment after it and still write.
        for _ in 0..100 {
            if fs::remove_dir_all(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// None of them changes what a page may do. The root user has no sandbox; the rest keeps it quiet and on this machine.
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
