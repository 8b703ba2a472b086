//! `sumcheck pin`

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::cli::args::{Format, GlobalArgs, PinAction, PinArgs};
use crate::cli::exit::Exit;
use crate::cli::render::{self, count_of, out, plain_out, visible, write_json};
use crate::cli::settings::Settings;
use crate::golang::dirhash::H1;
use crate::golang::gosum::{Kind, LineHash};
use crate::golang::module::{ModulePath, ModuleVersion};
use crate::io::clock;
use crate::io::home::Home;
use crate::io::store::{Pin, Store};
use crate::verify::input;

const SCHEMA: &str = "sumcheck.pins/1";

/// A larger document is none of pins.
const MAX_DOCUMENT_BYTES: u64 = 100 << 20;

pub(in crate::cli) fn run(global: &GlobalArgs, args: &PinArgs) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let mut store = Store::open(&Home::open(&settings.home)?)?;
    match &args.action {
        PinAction::List => list(&store, settings.format)?,
        PinAction::Export => write_json(plain_out(), &Document::new(store.pins()?))?,
        PinAction::Add { paths, replace } => {
            let pins = of_go_sums(&settings, paths)?;
            return add(&mut store, &pins, *replace);
        }
        PinAction::Import { file, replace } => {
            let pins = of_document(file)?;
            return add(&mut store, &pins, *replace);
        }
        PinAction::Remove { modules } => {
            let mut removed = 0;
            for module in modules {
                let count = match ModuleVersion::parse(module) {
                    Ok(module) => {
                        let (path, version) = (module.path(), module.version());
                        store.unpin(path.as_str(), Some(version.as_str()))?
                    }
                    Err(_) => {
                        let path = ModulePath::parse(module)
                            .with_context(|| format!("{module} is no module"))?;
                        store.unpin(path.as_str(), None)?
                    }
                };
                if count == 0 {
                    bail!("nothing is pinned of {module}: see sumcheck pin list");
                }
                removed += count;
            }
            writeln!(out(), "removed {}", count_of(removed, "pin"))?;
        }
    }
    Ok(Exit::Ok)
}

fn list(store: &Store, format: Format) -> anyhow::Result<()> {
    let pins = store.pins()?;
    if let Format::Json = format {
        return Ok(write_json(plain_out(), &Document::new(pins))?);
    }
    let mut out = out();
    if pins.is_empty() {
        writeln!(out, "nothing is pinned in this home")?;
    }
    for pin in &pins {
        let line = format!(
            "{}@{} {:<6} {}  {}, {}",
            pin.module, pin.version, pin.kind, pin.hash, pin.pinned_at, pin.source
        );
        writeln!(out, "{}", visible(&line))?;
    }
    Ok(out.flush()?)
}

fn add(store: &mut Store, pins: &[Pin], replace: bool) -> anyhow::Result<Exit> {
    let mut hashes = BTreeMap::new();
    for pin in pins {
        let file = (&pin.module, &pin.version, &pin.kind);
        let first = hashes.entry(file).or_insert(&pin.hash);
        if *first != &pin.hash {
            bail!(
                "nothing was pinned: {}@{} {} has two hashes there, {first} and {}",
                pin.module,
                pin.version,
                pin.kind,
                pin.hash
            );
        }
    }
    let in_the_way = store.add_pins(pins, replace)?;
    if !in_the_way.is_empty() && !replace {
        for (known, new) in &in_the_way {
            render::error_line(&visible(&format!(
                "{}@{} {}: pinned {} is {}, and this is {}",
                new.module, new.version, new.kind, known.pinned_at, known.hash, new.hash
            )));
        }
        render::error_line("nothing was pinned: --replace takes what is new");
        return Ok(Exit::Negative);
    }
    let replaced = match in_the_way.len() {
        0 => String::new(),
        count => format!(", {count} of them in the place of another"),
    };
    writeln!(out(), "pinned {}{replaced}", count_of(pins.len(), "file"))?;
    Ok(Exit::Ok)
}

fn of_go_sums(settings: &Settings, paths: &[PathBuf]) -> anyhow::Result<Vec<Pin>> {
    let private = settings.private_patterns();
    let now = clock::now();
    let mut pins = Vec::new();
    for document in input::read(paths, &settings.environment, &settings.go)? {
        for line in &document.go_sum().lines {
            if let LineHash::H1(hash) = line.hash
                && private.matches(line.module.path().as_str())
            {
                pins.push(Pin {
                    module: line.module.path().as_str().to_owned(),
                    version: line.module.version().as_str().to_owned(),
                    kind: line.kind.as_str().to_owned(),
                    hash: hash.to_string(),
                    pinned_at: now.clone(),
                    source: document.name().to_owned(),
                });
            }
        }
    }
    if pins.is_empty() {
        bail!("no line there is of a private module: GONOSUMDB and GOPRIVATE say which are");
    }
    Ok(pins)
}

fn of_document(file: &Path) -> anyhow::Result<Vec<Pin>> {
    let name = file.display();
    let mut bytes = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin()
            .take(MAX_DOCUMENT_BYTES)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file)
            .and_then(|file| file.take(MAX_DOCUMENT_BYTES).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read {name}"))?;
    let document: Document =
        serde_json::from_slice(&bytes).with_context(|| format!("{name} is no document of pins"))?;
    if document.schema != SCHEMA {
        bail!("{name} is no document of pins: its schema is not {SCHEMA}");
    }
    let pins = document.pins.into_iter().map(|row| {
        row.checked()
            .with_context(|| format!("{name}: a pin of {}@{}", row.module, row.version))
    });
    pins.collect()
}

#[derive(Serialize, Deserialize)]
struct Document {
    schema: String,
    pins: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    module: String,
    version: String,
    kind: String,
    hash: String,
    pinned_at: String,
    source: String,
}

impl Document {
    fn new(pins: Vec<Pin>) -> Self {
        let row = |pin: Pin| Row {
            module: pin.module,
            version: pin.version,
            kind: pin.kind,
            hash: pin.hash,
            pinned_at: pin.pinned_at,
            source: pin.source,
        };
        Self {
            schema: SCHEMA.to_owned(),
            pins: pins.into_iter().map(row).collect(),
        }
    }
}

impl Row {
    /// A pin that can be one.
    fn checked(&self) -> anyhow::Result<Pin> {
        let module = ModuleVersion::new(&self.module, &self.version)?;
        if ![Kind::Zip, Kind::GoMod]
            .iter()
            .any(|kind| kind.as_str() == self.kind)
        {
            bail!("{} is neither zip nor go.mod", self.kind);
        }
        Ok(Pin {
            module: module.path().as_str().to_owned(),
            version: module.version().as_str().to_owned(),
            kind: self.kind.clone(),
            hash: H1::parse(&self.hash)?.to_string(),
            pinned_at: self.pinned_at.clone(),
            source: self.source.clone(),
        })
    }
}
