//! A real browser, driven as the W3C's WebDriver describes it, by chromedriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::client::read_head;

/// The key under which WebDriver names an element (section "Elements").
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long a browser that has much to do may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with a window, until it is dropped.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
}

impl Browser {
    /// None if there is no chromedriver or no Chromium on this machine.
    pub fn start(with_scripts: bool) -> Option<Self> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(driver.stdout.take()?).lines();
        let started = lines.find_map(|line| {
            let line = line.ok()?;
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        // It goes on writing there.
        std::thread::spawn(move || lines.for_each(drop));
        let address = SocketAddr::from(([127, 0, 0, 1], started?));
        let mut browser = Self {
            driver,
            address,
            session: String::new(),
        };
        let scripts = if with_scripts { 1 } else { 2 };
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": {
                "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         "--window-size=1200,900"],
                "prefs": { "profile.managed_default_content_settings.javascript": scripts },
            },
        } } });
        let (status, answer) = browser.ask("POST", "/session", Some(&wanted));
        if status != 200 {
            return None;
        }
        browser.session = answer["sessionId"].as_str()?.to_owned();
        Some(browser)
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(self.address).expect("chromedriver listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .expect("it reads");
        let mut reader = BufReader::new(&stream);
        let (status, headers) = read_head(&mut reader);
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(0, |(_, length)| length.parse().expect("a length"));
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).expect("the whole answer");
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        (status, answer["value"].clone())
    }

    #[track_caller]
    fn command(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let path = format!("/session/{}{path}", self.session);
        let (status, value) = self.ask(method, &path, body);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    pub fn open(&self, url: &str) {
        self.command("POST", "/url", Some(&json!({ "url": url })));
    }

    pub fn url(&self) -> String {
        let url = self.command("GET", "/url", None);
        url.as_str().expect("a URL").to_owned()
    }

    pub fn title(&self) -> String {
        let title = self.command("GET", "/title", None);
        title.as_str().expect("a title").to_owned()
    }

    /// The only or first element that a CSS selector finds.
    #[track_caller]
    pub fn find(&self, selector: &str) -> String {
        let by = json!({ "using": "css selector", "value": selector });
        let found = self.command("POST", "/element", Some(&by));
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// What stands in an element, as somebody sees it.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        let element = self.find(selector);
        let text = self.command("GET", &format!("/element/{element}/text"), None);
        text.as_str().expect("a text").to_owned()
    }

    /// Clicks on what leads to another page, and waits until it is there.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.go_through(&json!({ "using": "css selector", "value": selector }));
    }

    /// Clicks on the link with these words, and waits until its page is there.
    #[track_caller]
    pub fn follow(&self, words: &str) {
        self.go_through(&json!({ "using": "link text", "value": words }));
    }

    /// A click returns before a form is sent where the browser has much to do.
    #[track_caller]
    fn go_through(&self, by: &Value) {
        let here = self.url();
        let found = self.command("POST", "/element", Some(by));
        let element = found[ELEMENT].as_str().expect("an element");
        let path = format!("/element/{element}/click");
        self.command("POST", &path, Some(&json!({})));
        let asked = Instant::now();
        while self.url() == here {
            assert!(asked.elapsed() < PATIENCE, "{by} leads nowhere");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        let text = json!({ "text": text });
        self.command("POST", &format!("/element/{element}/value"), Some(&text));
    }

    /// The value of an expression in the page, as the developer tools have it.
    #[track_caller]
    pub fn evaluate(&self, expression: &str) -> Value {
        let answer = self.devtools(
            "Runtime.evaluate",
            &json!({ "expression": expression, "returnByValue": true }),
        );
        answer["result"]["value"].clone()
    }

    /// A command of Chromium's own protocol.
    #[track_caller]
    pub fn devtools(&self, command: &str, params: &Value) -> Value {
        let body = json!({ "cmd": command, "params": params });
        self.command("POST", "/goog/cdp/execute", Some(&body))
    }

    /// What the window shows, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let shot = self.command("GET", "/screenshot", None);
        STANDARD
            .decode(shot.as_str().expect("base64"))
            .expect("base64")
    }

    /// What the console has said since the last time.
    pub fn console(&self) -> Vec<String> {
        let log = self.command("POST", "/se/log", Some(&json!({ "type": "browser" })));
        let entries = log.as_array().cloned().unwrap_or_default().into_iter();
        entries.map(|entry| entry["message"].to_string()).collect()
    }

    /// The URLs that pages have asked for since the last time.
    pub fn requested(&self) -> Vec<String> {
        let log = self.command("POST", "/se/log", Some(&json!({ "type": "performance" })));
        let entries = log.as_array().cloned().unwrap_or_default();
        let mut urls = Vec::new();
        for entry in entries {
            let message = entry["message"].as_str().unwrap_or_default();
            let message: Value = serde_json::from_str(message).unwrap_or_default();
            let message = &message["message"];
            if message["method"] == "Network.requestWillBeSent" {
                let url = &message["params"]["request"]["url"];
                urls.push(url.as_str().unwrap_or_default().to_owned());
            }
        }
        urls
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let path = format!("/session/{}", self.session);
            let _ = self.ask("DELETE", &path, None);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
