//! A browser, in which tests use the console's pages as a person does: by what buttons and fields are called.
//!
//! `cargo xtask test` installs Chromium, and axe-core, whose place it tells in `APPMIXER_TEST_AXE`. One test at a time
//! has a browser, since each is some hundred MiB and a core.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use appmixer_testbed::Chromium;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fantoccini::elements::{Element, ElementRef};
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{PATIENCE, TestServer};

static TURN: Mutex<()> = Mutex::new(());

/// What finds elements by their names, in front of each script: within the dialog that is open, if one is.
const PRELUDE: &str = include_str!("browser.js");

pub(crate) struct Browser {
    client: Client,
    runtime: Runtime,
    origin: String,
    axe: Option<String>,
    _chromium: Chromium,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// One that looks at this server; `None`, and a line that says so, where there is no Chromium.
    pub(crate) fn at(server: &TestServer) -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(chromium) = Chromium::start() else {
            assert!(std::env::var_os("CI").is_none(), "Chromium is not here, and CI must have it");
            eprintln!("skipped: `cargo xtask test` installs Chromium (Debian: chromium, chromium-driver)");
            return None;
        };
        let axe = std::env::var_os("APPMIXER_TEST_AXE").map(|path| fs::read_to_string(path).unwrap());
        if axe.is_none() {
            eprintln!("axe-core is not here (`cargo xtask test` installs it): nothing is checked with it");
        }
        let capabilities = json!({
            // The tests' own authority is unknown to it.
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": {
                "binary": chromium.browser(),
                "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                    "--disable-background-networking", "--lang=en-GB", "--window-size=1280,900"],
            },
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder
                .capabilities(serde_json::from_value(capabilities).unwrap())
                .connect(&chromium.driver())
                .await
                .unwrap()
        });
        let origin = format!("http://{}", server.address);
        Some(Self { client, runtime, origin, axe, _chromium: chromium, _turn: turn })
    }

    /// Goes to an address within the console, as `#/users`.
    pub(crate) fn open(&self, address: &str) {
        self.goto(&format!("{}/console{address}", self.origin));
    }

    /// Goes to any URL.
    pub(crate) fn goto(&self, url: &str) {
        self.runtime.block_on(self.client.goto(url)).unwrap();
    }

    /// Signs in on the page that asks for it.
    pub(crate) fn sign_in(&self, name: &str, password: &str) {
        self.open("");
        self.fill("Username or email", name);
        self.fill("Password", password);
        self.press("Sign in");
        self.heading("Overview");
    }

    /// What a script returns; it has the functions of `browser.js`.
    pub(crate) fn js(&self, script: &str, arguments: &[Value]) -> Value {
        let script = format!("{PRELUDE}\n{script}");
        self.runtime.block_on(self.client.execute(&script, arguments.to_vec())).unwrap()
    }

    /// Waits until a script returns something that is true.
    #[track_caller]
    pub(crate) fn wait(&self, script: &str, arguments: &[Value]) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.js(script, arguments);
            if !matches!(&value, Value::Null | Value::Bool(false)) {
                return value;
            }
            if Instant::now() > deadline {
                let page = self.js("return document.body.innerText", &[]);
                panic!("it did not happen: {script} {arguments:?}\n{}", page.as_str().unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the page of this name, with all that it shows.
    #[track_caller]
    pub(crate) fn heading(&self, text: &str) {
        self.wait("return isSettled() && heading() === arguments[0]", &[text.into()]);
    }

    /// Waits until a text can be read.
    #[track_caller]
    pub(crate) fn sees(&self, text: &str) {
        self.wait("return isSettled() && document.body.innerText.includes(arguments[0])", &[text.into()]);
    }

    /// Waits until it cannot be read any more.
    #[track_caller]
    pub(crate) fn misses(&self, text: &str) {
        self.wait("return isSettled() && !document.body.innerText.includes(arguments[0])", &[text.into()]);
    }

    /// Finds an element, and does something with it; again, if the page was drawn anew in between.
    #[track_caller]
    fn with(&self, script: &str, name: &str, act: impl AsyncFn(Element) -> Result<(), CmdError>) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.wait(script, &[name.into()]);
            let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
            let element = Element::from_element_id(self.client.clone(), ElementRef::from(id));
            match self.runtime.block_on(act(element)) {
                Err(error) if error.is_stale_element_reference() && Instant::now() < deadline => {}
                outcome => return outcome.unwrap_or_else(|error| panic!("{name}: {error}")),
            }
        }
    }

    /// Clicks what has this name: a button, a link, a box to be ticked.
    #[track_caller]
    pub(crate) fn press(&self, name: &str) {
        self.with("return named(arguments[0])", name, async |element| element.click().await);
    }

    /// Types into the field with this label, in the place of what is there.
    #[track_caller]
    pub(crate) fn fill(&self, label: &str, text: &str) {
        // All of it is selected and taken away, as a person does; WebDriver's own way would leave the field in between.
        let keys = format!("\u{E009}a\u{E000}\u{E003}{text}");
        self.with("return field(arguments[0])", label, async |element| element.send_keys(&keys).await);
    }

    /// Types behind what is there; `\n` is Enter.
    #[track_caller]
    pub(crate) fn type_into(&self, label: &str, text: &str) {
        let keys = text.replace('\n', "\u{E007}");
        self.with("return field(arguments[0])", label, async |element| element.send_keys(&keys).await);
    }

    /// Chooses from the list with this label.
    #[track_caller]
    pub(crate) fn choose(&self, label: &str, option: &str) {
        self.with("return field(arguments[0])", label, async |element| element.select_by_label(option).await);
    }

    /// What the field with this label holds.
    #[track_caller]
    pub(crate) fn value(&self, label: &str) -> String {
        let value = self.wait("return String(field(arguments[0])?.value)", &[label.into()]);
        value.as_str().unwrap().to_owned()
    }

    /// Keys for whatever has the focus.
    pub(crate) fn keys(&self, keys: &str) {
        self.runtime.block_on(async {
            self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
        });
    }

    pub(crate) fn back(&self) {
        self.runtime.block_on(self.client.back()).unwrap();
    }

    pub(crate) fn reload(&self) {
        self.runtime.block_on(self.client.refresh()).unwrap();
    }

    /// Takes the session's cookie away, as time does.
    pub(crate) fn forget_session(&self) {
        self.devtools("Network.clearBrowserCookies", &json!({}));
    }

    /// A command of Chromium's own protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.send("goog/cdp/execute", json!({ "cmd": command, "params": parameters }))
    }

    fn send(&self, path: &'static str, body: Value) -> Value {
        self.runtime.block_on(self.client.issue_cmd(Command { path, body })).unwrap()
    }

    /// How wide the window is, and whether its system is a dark one.
    pub(crate) fn look(&self, width: u32, dark: bool) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.devtools("Emulation.setEmulatedMedia", &media);
    }

    /// What is on the screen: seen in light, dark and narrow, each looked at by axe-core and kept as a picture in
    /// `target/screenshots`.
    #[track_caller]
    pub(crate) fn inspect(&self, name: &str) {
        for (look, width, dark) in
            [("light", 1280, false), ("dark", 1280, true), ("narrow", 360, false), ("narrowest", 320, false)]
        {
            self.look(width, dark);
            // Two frames: what depends on the width has then been drawn.
            self.settle();
            self.keep_picture(&format!("{name}-{look}"));
            // `innerWidth` grows with the content of a mobile screen.
            let wide = self
                .js("const { scrollWidth, clientWidth } = document.documentElement; return scrollWidth - clientWidth", &[]);
            assert!(wide.as_i64().unwrap() <= 0, "{name} is {wide} pixels wider than a window of {width}");
            self.assert_accessible(&format!("{name}, {look}"));
        }
        self.look(1280, false);
        self.settle();
    }

    fn settle(&self) {
        let script =
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))";
        self.runtime.block_on(self.client.execute_async(script, Vec::new())).unwrap();
    }

    fn keep_picture(&self, name: &str) {
        let folder = screenshots();
        fs::create_dir_all(&folder).unwrap();
        // All of a page from its top, and of a dialog what is on the screen.
        let whole =
            self.js("if (scope() === document.body) scrollTo(0, 0); return scope() === document.body", &[]);
        let how = json!({ "format": "png", "captureBeyondViewport": whole });
        let picture = self.devtools("Page.captureScreenshot", &how);
        let bytes = BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }

    /// No serious or critical violation, as axe-core has it.
    #[track_caller]
    fn assert_accessible(&self, what: &str) {
        let Some(axe) = &self.axe else { return };
        if self.js("return window.axe === undefined", &[]) == true {
            self.runtime.block_on(self.client.execute(axe, Vec::new())).unwrap();
        }
        let script = "const done = arguments[0];
            axe.run(document, { resultTypes: ['violations'] }).then(({ violations, passes }) => done({
                passes: passes.length,
                grave: violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
                    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`),
            }), (error) => done({ passes: 0, grave: [String(error)] }))";
        let found = self.runtime.block_on(self.client.execute_async(script, Vec::new())).unwrap();
        assert_eq!(found["grave"], json!([]), "{what}");
        assert!(found["passes"].as_u64().unwrap() > 5, "{what}: axe-core has looked at nothing: {found}");
    }

    /// That scripts have not failed, and nothing was refused by the Content-Security-Policy. Answers that refuse
    /// something are told by the browser as well, and are no failures of the page.
    #[track_caller]
    pub(crate) fn assert_quiet(&self) {
        let log = self.send("se/log", json!({ "type": "browser" }));
        let bad: Vec<_> = log.as_array().unwrap().iter().filter(|entry| is_bad(entry)).collect();
        assert!(bad.is_empty(), "{bad:#?}");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A browser that is told to end removes its files.
        let _ = self.runtime.block_on(self.client.clone().close());
    }
}

fn is_bad(entry: &Value) -> bool {
    let message = entry["message"].as_str().unwrap_or_default();
    let refused = message.contains("the server responded with a status of 4");
    (entry["level"] == "SEVERE" && !refused) || message.contains("Content Security Policy")
}

fn screenshots() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots")
}

/// A command that the protocol has not, but chromedriver.
#[derive(Debug)]
struct Command {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
