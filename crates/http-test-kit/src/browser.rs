//! A real Chromium without a window, driven over its debugging socket, and what
//! to look for on a live page.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_kit::waiting::wait_until;
use tokio::{net::TcpStream, sync::oneshot, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::DEADLINE;

/// True in a live page that receives events.
pub const IS_LIVE: &str = "document.documentElement.dataset.state === 'live'";
/// True in one that has lost the service.
pub const IS_LOST: &str = "document.documentElement.dataset.state === 'lost'";

/// Where distributions put it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// One that runs as root in a container, and asks nobody but the page's host.
const OPTIONS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
];

/// A browser with one page; both are gone when it is dropped.
pub struct Browser {
    process: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: Option<Value>,
    commands: u64,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser and opens `url`.
    ///
    /// # Panics
    /// Without a browser on this machine, and when it does not do as it is told.
    pub async fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder can be made");
        let mut process = start(&profile);
        let address = debugging_address(&mut process).await;
        let (socket, _) = connect_async(address).await.expect("the browser listens");
        let mut browser = Self {
            process,
            socket,
            session: None,
            commands: 0,
            _profile: profile,
        };
        let page = json!({ "url": "about:blank" });
        let page = browser.command("Target.createTarget", page).await;
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let session = browser.command("Target.attachToTarget", attach).await;
        browser.session = Some(session["sessionId"].clone());
        browser
            .command("Page.navigate", json!({ "url": url }))
            .await;
        browser
    }

    /// Makes the window as wide as this many CSS pixels, as a phone has.
    ///
    /// # Panics
    /// When the browser does not do as it is told.
    pub async fn set_width(&mut self, width: u32) {
        let size = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": true });
        self.command("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// Checks that nothing reaches beyond the right edge of a page so wide.
    ///
    /// `innerWidth` would not tell: a phone that is given a broader page zooms
    /// out, and is as broad itself.
    ///
    /// # Panics
    /// When something does.
    pub async fn check_width(&mut self, width: u32) {
        let shown = self.evaluate("document.documentElement.scrollWidth").await;
        assert_eq!(shown, json!(width), "the page is broader than the window");
    }

    /// Waits until `expression` is true in the page.
    ///
    /// # Panics
    /// When it does not come true in time.
    pub async fn wait_until(&mut self, expression: &str) {
        let script = format!(
            "new Promise(done => {{
                const look = () => {{ document.readyState === 'complete' && ({expression}) ? done(true) : setTimeout(look, 20); }};
                look();
            }})"
        );
        let truth = timeout(DEADLINE, self.evaluate(&script)).await;
        assert_eq!(
            truth.unwrap_or_else(|_| panic!("{expression} never came true")),
            true
        );
    }

    /// Waits until `expression` is true in a page that the present one leads to by itself, over any others.
    ///
    /// # Panics
    /// When it does not come true in time.
    pub async fn arrive_where(&mut self, expression: &str) {
        let script = format!("document.readyState === 'complete' && !!({expression})");
        let parameters = json!({ "expression": script, "returnByValue": true });
        let arrived = wait_until(DEADLINE, expression, async || {
            // Between two pages there is none that could answer.
            let answer = self.ask("Runtime.evaluate", parameters.clone()).await;
            answer.is_ok_and(|answer| answer["result"]["value"] == true)
        });
        arrived.await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// The value of `expression` in the page.
    ///
    /// # Panics
    /// When it throws.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        let mut answer = self.command("Runtime.evaluate", parameters).await;
        assert_eq!(answer["exceptionDetails"], Value::Null, "{expression}");
        answer["result"]["value"].take()
    }

    /// The text that people see of the element with this id.
    pub async fn text(&mut self, id: &str) -> Value {
        let expression = format!("document.getElementById('{id}').innerText");
        self.evaluate(&expression).await
    }

    /// Checks a figure of the flow, which is drawn twice: broad and tall.
    ///
    /// # Panics
    /// When it is another one.
    pub async fn check_flow(&mut self, figure: &str, expected: &str) {
        let places = format!(
            "[...document.querySelectorAll('svg [data-figure={figure}]')].map(it => it.textContent)"
        );
        let shown = self.evaluate(&places).await;
        assert_eq!(shown, json!([expected, expected]), "{figure}");
    }

    /// Checks that everything the page has loaded came from the service at `url`.
    ///
    /// # Panics
    /// When it has asked another host.
    pub async fn check_hosts(&mut self, url: &str) {
        let loaded = "performance.getEntriesByType('resource').map(entry => entry.name)";
        let loaded = self.evaluate(loaded).await;
        let loaded = loaded.as_array().expect("it is a list");
        assert!(!loaded.is_empty(), "the page loads something");
        for address in loaded.iter().filter_map(Value::as_str) {
            let ours = address.starts_with(url) || address.starts_with("data:");
            assert!(ours, "{address} is another host");
        }
    }

    async fn command(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.ask(method, parameters).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The result of a command, or the browser's error.
    async fn ask(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.commands += 1;
        let id = self.commands;
        let mut command = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = session.clone();
        }
        let command = Message::text(command.to_string());
        self.socket.send(command).await.expect("the browser reads");
        loop {
            let message = timeout(DEADLINE, self.socket.next()).await;
            let message = message.unwrap_or_else(|_| panic!("{method} is not answered"));
            let message = message
                .expect("the browser lives")
                .expect("the socket stands");
            let Ok(text) = message.to_text() else {
                continue;
            };
            let Ok(mut answer) = serde_json::from_str::<Value>(text) else {
                continue;
            };
            if answer["id"] == id {
                return match answer["error"].take() {
                    Value::Null => Ok(answer["result"].take()),
                    error => Err(error),
                };
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may be gone already; what remains is to collect it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn start(profile: &TempDir) -> Child {
    let start = |name: &&str| {
        Command::new(name)
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()
    };
    NAMES.iter().find_map(start).unwrap_or_else(|| {
        panic!(
            "this test looks at the page in a real browser and none of {NAMES:?} starts: \
             install one, such as the package `chromium`"
        )
    })
}

/// The browser tells it on standard error, once it listens.
async fn debugging_address(process: &mut Child) -> String {
    let output = process.stderr.take().expect("standard error is a pipe");
    let (found, address) = oneshot::channel();
    // Reads on to the end: a full pipe would stop the browser.
    std::thread::spawn(move || {
        let mut found = Some(found);
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix("DevTools listening on ") {
                found.take().map(|found| found.send(address.to_owned()));
            }
        }
    });
    let address = timeout(DEADLINE, address).await;
    address
        .expect("the browser starts in time")
        .expect("the browser says where it listens")
}
