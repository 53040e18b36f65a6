//! How does a test look at a page? In a real Chromium without a window, driven through chromedriver.

#![allow(dead_code, reason = "each test binary uses another part")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// A browser with one window. Its processes end when it is dropped.
pub struct Browser {
    pub client: Client,
    // Dropped after the session is ended.
    _driver: ChromeDriver,
    // Where the driver listens, and the session's path there.
    port: u16,
    session: String,
}

/// Killed when dropped: also when no window opens.
struct ChromeDriver(Child);

/// A window of a laptop, and of a phone.
pub const DESKTOP: (u32, u32) = (1280, 900);
/// See [`DESKTOP`].
pub const PHONE: (u32, u32) = (390, 844);

impl Browser {
    /// Opens a window of this size; `None`, and a loud line, where there is no chromedriver.
    pub async fn open((width, height): (u32, u32)) -> Option<Browser> {
        let spawned =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = match spawned {
            Ok(driver) => ChromeDriver(driver),
            Err(error) => {
                let why = format!("no chromedriver ({error}); apt install chromium chromium-driver");
                assert!(std::env::var_os("LAB_REQUIRE").is_none(), "{why}");
                // Not through `eprintln!`, which a passing test swallows.
                let _ = writeln!(std::io::stderr(), "SKIPPED: pages in a browser: {why}");
                return None;
            }
        };
        let lines = BufReader::new(driver.0.stdout.take().unwrap()).lines();
        let said = lines.map_while(Result::ok).find(|line| line.contains("started successfully on port"));
        let port: String = said.unwrap().chars().filter(char::is_ascii_digit).collect();
        let port: u16 = port.parse().unwrap();
        let wish = json!({
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                format!("--window-size={width},{height}"),
            ] },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wish.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        let session = format!("/session/{}", client.session_id().await.unwrap().unwrap());
        let browser = Browser { client, _driver: driver, port, session };
        browser.resize((width, height)).await;
        Some(browser)
    }

    /// What the page has complained about: every line of its console that is a warning or worse.
    pub async fn complaints(&self) -> Vec<String> {
        let lines = self.client.issue_cmd(ConsoleLines).await.unwrap();
        let lines = lines.as_array().unwrap().iter();
        lines.filter(|line| line["level"] != "INFO").map(|line| line["message"].to_string()).collect()
    }

    /// Runs a script in the page and returns what it returns.
    pub async fn ask(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits until a script returns something true: it is asked again whenever the page is painted.
    pub async fn until(&self, what: &str, script: &str) {
        let wait = format!(
            "const said = () => {{ {script} }}, done = arguments[0], end = performance.now() + 20000;
             const look = () => said() ? done(true) : performance.now() > end ? done(false) : requestAnimationFrame(look);
             look();"
        );
        let said = self.client.execute_async(&wait, Vec::new()).await.unwrap();
        assert_eq!(said, Value::Bool(true), "not seen on the page: {what}");
    }

    /// Presses a key, wherever the focus is.
    pub async fn press(&self, key: &str) {
        self.client.active_element().await.unwrap().send_keys(key).await.unwrap();
    }

    /// Takes a picture of the whole page for whoever wants to look: `LAB_PICTURES` names a folder for them.
    pub async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("LAB_PICTURES") else { return };
        let params = json!({ "captureBeyondViewport": true });
        let taken = self.client.issue_cmd(DevTools { cmd: "Page.captureScreenshot", params }).await.unwrap();
        let picture = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
    }

    /// What a screen reader is told, from top to bottom: for each thing its role and its name.
    pub async fn heard(&self) -> Vec<String> {
        let tree = DevTools { cmd: "Accessibility.getFullAXTree", params: json!({}) };
        let tree = self.client.issue_cmd(tree).await.unwrap();
        let nodes = tree["nodes"].as_array().unwrap();
        let by_id: HashMap<&Value, &Value> = nodes.iter().map(|node| (&node["nodeId"], node)).collect();
        let root = nodes.iter().find(|node| node["parentId"].is_null()).unwrap();
        let (mut said, mut open) = (Vec::new(), vec![root]);
        while let Some(node) = open.pop() {
            let children = node["childIds"].as_array().into_iter().flatten();
            open.extend(children.filter_map(|id| by_id.get(id)).rev());
            let text = |of: &str| node[of]["value"].as_str().unwrap_or_default().trim().to_owned();
            // The letters of a text that is named already.
            if node["ignored"] == true || text("role") == "InlineTextBox" {
                continue;
            }
            said.push(format!("{} {}", text("role"), text("name")));
        }
        said
    }

    /// What the reader's system is set to: `light` or `dark`.
    pub async fn prefers(&self, scheme: &str) {
        self.shows("screen", scheme).await;
    }

    /// The page as it is printed from a system that is set to `light` or `dark`.
    pub async fn prints(&self, scheme: &str) {
        self.shows("print", scheme).await;
    }

    /// On how many sheets of A4 the page is printed, as Chromium prints by itself. `LAB_PICTURES` gets the print, too.
    pub async fn sheets(&self, name: &str) -> usize {
        let params = json!({ "paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": true });
        let printed = self.client.issue_cmd(DevTools { cmd: "Page.printToPDF", params }).await.unwrap();
        let printed = STANDARD.decode(printed["data"].as_str().unwrap()).unwrap();
        if let Some(folder) = std::env::var_os("LAB_PICTURES") {
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}.pdf")), &printed).unwrap();
        }
        // Each sheet is an object of this type; that of the list of them all ends in an s.
        String::from_utf8_lossy(&printed).lines().filter(|line| line.ends_with("/Type /Page")).count()
    }

    async fn shows(&self, media: &str, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        let params = json!({ "media": media, "features": features });
        self.client.issue_cmd(DevTools { cmd: "Emulation.setEmulatedMedia", params }).await.unwrap();
    }

    /// A window is never narrower than some 500 pixels; a phone is.
    pub async fn resize(&self, (width, height): (u32, u32)) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        let command = DevTools { cmd: "Emulation.setDeviceMetricsOverride", params: size };
        self.client.issue_cmd(command).await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is the driver's child, and outlives a driver that is killed. So the session is ended
        // first; without async, because a test that has failed is unwinding here.
        let _ = TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| {
            let end =
                format!("DELETE {} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n", self.session);
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(end.as_bytes())?;
            // The first bytes come when the browser is gone.
            stream.read(&mut [0; 64])
        });
    }
}

impl Drop for ChromeDriver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// chromedriver's own: the lines of the console since the last question.
#[derive(Debug)]
struct ConsoleLines;

impl WebDriverCompatibleCommand for ConsoleLines {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// chromedriver's own: a command of Chromium's developer tools.
#[derive(Debug)]
struct DevTools {
    cmd: &'static str,
    params: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.cmd, "params": self.params }).to_string()))
    }
}
