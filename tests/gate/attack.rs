//! One attack from its beginning to its end:
//!
//! ```ignore
//! let zip = hello().url("zip");
//! Case::new().attack(flip_bit(&zip, 3000)).refuses("zip", 403, "NOT THE FILE").then_honest();
//! ```

#![allow(unreachable_pub)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::support::client::Got;
use crate::support::gate::Gate;
use crate::support::proxy::{TestModule, TestProxy};
use crate::support::server::{Handler, Server};
use crate::support::sumcheck::Home;

/// What the go command prints of an answer's text (cmd/go/internal/web).
const MAX_LINES: usize = 8;
const MAX_BYTES: usize = 648;

/// The module that attacks are about: with a file larger than what is sent at once.
pub fn hello() -> TestModule {
    let greeting = "// Package hello greets.\npackage hello\n\nconst Greeting = \"hello\"\n";
    TestModule::new("example.com/hello", "v1.0.0")
        .file("hello.go", greeting)
        .file("noise.bin", noise(300_000))
}

/// The next version of it.
pub fn hello_1_1() -> TestModule {
    TestModule {
        version: "v1.1.0".to_owned(),
        ..hello()
    }
}

/// Bytes that no compressor makes smaller.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A proxy that has [`hello`], and a home.
pub struct Case {
    pub proxy: TestProxy,
    pub home: Home,
}

impl Case {
    pub fn new() -> Self {
        let proxy = TestProxy::new();
        proxy.add(&hello());
        proxy.add(&hello_1_1());
        let home = Home::new();
        Self { proxy, home }
    }

    /// A gate whose upstream and log are as this layer makes them.
    pub fn attack(self, layer: impl FnOnce(Handler) -> Handler) -> Attack {
        let on = Arc::new(AtomicBool::new(true));
        let while_on = |honest: Handler| -> Handler {
            let hostile = layer(Arc::clone(&honest));
            let on = Arc::clone(&on);
            Arc::new(move |request| {
                if on.load(SeqCst) {
                    hostile(request)
                } else {
                    honest(request)
                }
            })
        };
        let server = self.proxy.serve().layer(while_on).start();
        let gate = Gate::start(&self.home, &self.proxy, &server.url());
        Attack {
            case: self,
            gate,
            server,
            on,
        }
    }
}

/// An attack under way.
pub struct Attack {
    pub case: Case,
    // The gate goes first, and then the server that it asks.
    pub gate: Gate,
    pub server: Server,
    on: Arc<AtomicBool>,
}

impl Attack {
    /// What the gate says of a file of [`hello`].
    pub fn get(&self, extension: &str) -> Got {
        self.gate.get(&hello().url(extension))
    }

    /// The gate does not give out the file, and says why.
    #[track_caller]
    pub fn refuses(self, extension: &str, status: u16, words: &str) -> Self {
        let got = self.get(extension);
        assert_denied(&got, status, words);
        only_proven(&self.case.home, &self.case.proxy);
        self
    }

    /// The gate gives out the honest file.
    #[track_caller]
    pub fn serves(self, extension: &str) -> Self {
        assert_honest(
            &self.get(extension),
            &self.case.proxy,
            &hello().url(extension),
        );
        self
    }

    /// The cause goes away.
    pub fn stop(&self) {
        self.on.store(false, SeqCst);
    }

    /// The cause comes back.
    pub fn resume(&self) {
        self.on.store(true, SeqCst);
    }

    /// As soon as the cause is gone, everything is served by the same process.
    #[track_caller]
    pub fn then_honest(self) -> Case {
        self.stop();
        let mut attack = self;
        for extension in ["info", "mod", "zip"] {
            attack = attack.serves(extension);
        }
        only_proven(&attack.case.home, &attack.case.proxy);
        attack.case
    }
}

/// A denial that a person can read and the go command prints whole.
#[track_caller]
pub fn assert_denied(got: &Got, status: u16, words: &str) {
    let text = String::from_utf8(got.body.clone()).expect("UTF-8");
    assert_eq!(got.status, status, "{text}");
    assert!(text.contains(words), "{words:?} is not in: {text}");
    assert!(text.len() <= MAX_BYTES, "{} bytes: {text}", text.len());
    assert!(text.lines().count() <= MAX_LINES, "{text}");
    assert!(text.lines().all(|line| !line.trim().is_empty()), "{text:?}");
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
    assert_eq!(
        got.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(got.header("cache-control"), Some("no-store"));
}

#[track_caller]
pub fn assert_honest(got: &Got, proxy: &TestProxy, path: &str) {
    assert_eq!(got.status, 200, "{path}: {}", got.text());
    assert!(got.whole, "{path}");
    assert!(Some(&got.body) == proxy.file(path).as_ref(), "{path}");
}

/// All that can be served from the disk is what the proxy honestly has, and nothing else lies
/// about.
#[track_caller]
pub fn only_proven(home: &Home, proxy: &TestProxy) {
    only_proven_below_download(home, proxy);
    let arriving = files_below(&home.state().join("incoming"));
    assert!(arriving.is_empty(), "{arriving:?}");
}

/// As [`only_proven`], while downloads are under way or after a kill.
#[track_caller]
pub fn only_proven_below_download(home: &Home, proxy: &TestProxy) {
    let folder = home.state().join("download");
    for file in files_below(&folder) {
        let path = format!("/{}", file.strip_prefix(&folder).unwrap().display());
        let honest = proxy.file(&path);
        assert!(
            honest.is_some(),
            "{path} is in the cache and is no module's"
        );
        assert!(
            honest == std::fs::read(&file).ok(),
            "{path} is not the honest one"
        );
    }
}

/// All files below a folder, which need not be there.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| {
        if path.is_dir() {
            files_below(&path)
        } else {
            vec![path]
        }
    };
    let mut files: Vec<PathBuf> = paths.flat_map(below).collect();
    files.sort();
    files
}

/// Runs the cases all at once: each of them mostly waits.
pub fn for_each_at_once<T: Send>(cases: Vec<T>, test: impl Fn(T) + Sync) {
    let test = &test;
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || test(case));
        }
    });
}
