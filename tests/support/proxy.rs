//! A module proxy over a log of our own: modules with real zips, each with its record.
//!
//! ```ignore
//! let proxy = TestProxy::new();
//! proxy.add(&TestModule::new("example.com/hello", "v1.0.0").file("hello.go", "package hello\n"));
//! let server = proxy.serve().layer(flip_bit("/example.com/hello/@v/v1.0.0.zip", 300)).start();
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use super::log::{TestLog, escape};
use super::response::{Request, Response};
use super::server::Serving;
use super::zip::{Zip, h1, h1_of_go_mod};

/// A version of a module.
#[derive(Clone, Debug)]
pub struct TestModule {
    pub path: String,
    pub version: String,
    pub go_mod: String,
    /// By their names below the module's root; go.mod is not among them.
    pub files: Vec<(String, Vec<u8>)>,
}

impl TestModule {
    /// A module with nothing but a go.mod.
    pub fn new(path: &str, version: &str) -> Self {
        Self {
            path: path.to_owned(),
            version: version.to_owned(),
            go_mod: format!("module {path}\n\ngo 1.21\n"),
            files: Vec::new(),
        }
    }

    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), content.into()));
        self
    }

    /// Needs this version of another module.
    pub fn require(mut self, path: &str, version: &str) -> Self {
        self.go_mod += &format!("\nrequire {path} {version}\n");
        self
    }

    /// The files under their names in the zip.
    pub fn zip_files(&self) -> Vec<(String, Vec<u8>)> {
        let go_mod = ("go.mod".to_owned(), self.go_mod.clone().into_bytes());
        let files = std::iter::once(&go_mod).chain(&self.files);
        files
            .map(|(name, content)| (format!("{}{name}", self.prefix()), content.clone()))
            .collect()
    }

    /// What all names in the zip begin with.
    pub fn prefix(&self) -> String {
        format!("{}@{}/", self.path, self.version)
    }

    /// The zip, not written yet.
    pub fn zip(&self) -> Zip {
        Zip::of(borrowed(&self.zip_files()))
    }

    pub fn info(&self) -> String {
        format!(
            "{{\"Version\":\"{}\",\"Time\":\"2020-01-02T03:04:05Z\"}}",
            self.version
        )
    }

    /// The record's text.
    pub fn record(&self) -> String {
        let Self { path, version, .. } = self;
        format!(
            "{path} {version} {}\n{path} {version}/go.mod {}\n",
            h1(borrowed(&self.zip_files())),
            h1_of_go_mod(self.go_mod.as_bytes())
        )
    }

    /// `/PATH/@v/VERSION.EXTENSION`
    pub fn url(&self, extension: &str) -> String {
        format!(
            "/{}/@v/{}.{extension}",
            escape(&self.path),
            escape(&self.version)
        )
    }
}

fn borrowed(files: &[(String, Vec<u8>)]) -> impl Iterator<Item = (&str, &[u8])> {
    files
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()))
}

/// A handle on a proxy: clones are of the same one, and a server sees what is added.
#[derive(Clone)]
pub struct TestProxy {
    pub log: TestLog,
    files: Arc<RwLock<BTreeMap<String, Vec<u8>>>>,
}

impl TestProxy {
    /// No modules, and a log with records of others.
    pub fn new() -> Self {
        Self {
            log: TestLog::with_records(40),
            files: Arc::default(),
        }
    }

    /// A module version and its record.
    pub fn add(&self, module: &TestModule) {
        self.log
            .append_text(&module.path, &module.version, &module.record());
        self.add_unrecorded(module);
    }

    /// A module version that the log does not know.
    pub fn add_unrecorded(&self, module: &TestModule) {
        let mut files = self.files.write().unwrap();
        files.insert(module.url("info"), module.info().into_bytes());
        files.insert(module.url("mod"), module.go_mod.clone().into_bytes());
        files.insert(module.url("zip"), module.zip().write());
    }

    /// The honest file at a path.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.files.read().unwrap().get(path).cloned()
    }

    /// The honest answer to any request; the log is below `/sumdb/NAME`.
    pub fn answer(&self, request: &Request) -> Response {
        if request.proxied {
            return self.log.answer(request);
        }
        let found = self
            .file(&request.path)
            .or_else(|| self.versions(&request.path));
        found.map_or_else(
            || Response::not_found(&format!("not found: {}", request.path)),
            Response::ok,
        )
    }

    /// `@v/list` and `@latest`, where the last version in the order of bytes is the newest.
    fn versions(&self, path: &str) -> Option<Vec<u8>> {
        let files = self.files.read().unwrap();
        let infos = |module: &str| -> Vec<(String, Vec<u8>)> {
            let prefix = format!("{module}/@v/");
            let of_module = files.iter().filter_map(|(path, content)| {
                let name = path.strip_prefix(&prefix)?.strip_suffix(".info")?;
                Some((name.to_owned(), content.clone()))
            });
            of_module.collect()
        };
        if let Some(module) = path.strip_suffix("/@v/list") {
            let infos = infos(module);
            let lines = infos.iter().map(|(version, _)| format!("{version}\n"));
            return (!infos.is_empty()).then(|| lines.collect::<String>().into_bytes());
        }
        let (_, newest) = infos(path.strip_suffix("/@latest")?).pop()?;
        Some(newest)
    }

    /// A server of this proxy, to which layers can be added before it is started.
    pub fn serve(&self) -> Serving {
        let proxy = self.clone();
        Serving::new(move |request| proxy.answer(request))
            .below(&format!("/sumdb/{}", self.log.name()))
    }
}

impl Default for TestProxy {
    fn default() -> Self {
        Self::new()
    }
}
