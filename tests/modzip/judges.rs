//! One archive before the three readers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rc_zip_sync::ReadZip;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sumcheck::golang::dirhash::H1;
use sumcheck::golang::module::ModuleVersion;
use sumcheck::golang::modzip::{CheckedZip, Limits, ModZipError, ModZipHasher};

use crate::archive::MODULE;
use crate::ask::ask;

/// What sumcheck makes of an archive.
pub(crate) fn ours(module: &str, bytes: &[u8]) -> Result<CheckedZip, ModZipError> {
    let module = ModuleVersion::parse(module).unwrap();
    let mut hasher = ModZipHasher::new(&module, Limits::default())?;
    hasher.push(bytes)?;
    hasher.finish()
}

pub(crate) fn check_zip(module: &str, bytes: &[u8]) -> Value {
    let (path, version) = module.split_once('@').unwrap();
    json!({"op": "check_zip", "module": path, "version": version, "b64": STANDARD.encode(bytes)})
}

/// Fails unless all that sumcheck accepts is accepted by Go and rc-zip with the same hash and
/// files. Returns how many sumcheck accepted.
#[track_caller]
pub(crate) fn agree(archives: &[Vec<u8>]) -> usize {
    let accepted: Vec<(&Vec<u8>, CheckedZip)> = archives
        .iter()
        .filter_map(|bytes| Some((bytes, ours(MODULE, bytes).ok()?)))
        .collect();
    let questions: Vec<Value> = accepted
        .iter()
        .map(|(bytes, _)| check_zip(MODULE, bytes))
        .collect();
    for (bytes, zip) in &accepted {
        let second = rc_zip(bytes).unwrap_or_else(|error| panic!("rc-zip: {error}: {bytes:?}"));
        assert_eq!(second.0, zip.h1(), "rc-zip: {bytes:?}");
        assert_eq!(second.1, files(zip), "rc-zip: {bytes:?}");
    }
    for ((bytes, zip), answer) in accepted.iter().zip(ask(&questions).unwrap_or_default()) {
        assert_same(&answer, zip, bytes);
    }
    accepted.len()
}

#[track_caller]
pub(crate) fn assert_same(go: &Value, zip: &CheckedZip, bytes: &[u8]) {
    let h1 = zip.h1().to_string();
    let same = go["h1"] == h1 && go["unpacked_h1"] == h1 && go["files"] == json!(files(zip));
    assert!(same, "Go: {go}, ours: {zip:?}: {bytes:?}");
}

pub(crate) fn files(zip: &CheckedZip) -> Vec<(String, u64)> {
    zip.files()
        .map(|(path, size)| (path.to_owned(), size))
        .collect()
}

/// Hash and files as rc-zip reads them.
fn rc_zip(bytes: &[u8]) -> Result<(H1, Vec<(String, u64)>), String> {
    let archive = bytes.read_zip().map_err(|error| error.to_string())?;
    let mut hashed = Vec::new();
    let mut files = Vec::new();
    for entry in archive.entries() {
        let content = entry.bytes().map_err(|error| error.to_string())?;
        let path = entry.name.strip_prefix(&format!("{MODULE}/"));
        files.push((path.ok_or("prefix")?.to_owned(), content.len() as u64));
        hashed.push((entry.name.clone(), Sha256::digest(&content).into()));
    }
    let hashed = hashed.iter().map(|(name, hash)| (name.as_str(), *hash));
    let h1 = H1::of_files(hashed).map_err(|error| error.to_string())?;
    Ok((h1, files))
}
