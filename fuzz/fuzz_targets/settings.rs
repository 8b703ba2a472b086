//! GOPROXY and GOSUMDB: no text makes them panic or shows a password.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sumcheck::golang::goproxy::ProxyList;
use sumcheck::golang::gosumdb::SumdbSetting;

fuzz_target!(|text: &str| {
    if let Ok(list) = ProxyList::parse(text) {
        assert!(!list.entries().is_empty());
        for entry in list.entries() {
            let _ = entry.redacted();
        }
    }
    if let Ok(SumdbSetting::Database { name, .. }) = SumdbSetting::parse(text) {
        assert!(!name.is_empty() && !name.split('/').any(|part| part == ".."));
    }
});
