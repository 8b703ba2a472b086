#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sumcheck_fuzz::schedule(bytes));
