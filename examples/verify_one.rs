//! Proves one module version with floors 1 and 2 alone; the fetching is the caller's.
//!
//! `cargo run --example verify_one --no-default-features -- FOLDER MODULE@VERSION`, where FOLDER
//! holds `latest`, `lookup/…` and `tile/…` as the log serves them.

use std::error::Error;
use std::sync::Arc;

use sumcheck::golang::gosumdb::SUM_GOLANG_ORG_VERIFIER_KEY;
use sumcheck::golang::module::ModuleVersion;
use sumcheck::sumdb::session::Session;
use sumcheck::sumdb::timeline::Timeline;
use sumcheck::tlog::hashed_tile::HashedTile;
use sumcheck::tlog::note::VerifierKey;
use sumcheck::tlog::tile::TileHeight;
use sumcheck::tlog::tile_auth::AuthenticTiles;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    let module = ModuleVersion::parse(&arguments.next().ok_or("which module?")?)?;
    let fetch = |path: &str| std::fs::read(format!("{folder}/{path}"));

    let key = VerifierKey::parse(SUM_GOLANG_ORG_VERIFIER_KEY)?;
    let mut session = Session::new(Timeline::empty(key), TileHeight::EIGHT);
    session.see_head(&fetch("latest")?)?;
    session.see_lookup(&module, &fetch(&format!("lookup/{}", module.escaped()))?)?;

    let plan = session.plan()?.ok_or("nothing to prove")?;
    let (tiles, faults) = AuthenticTiles::authenticate(plan.tiles(), plan.head(), |tile| {
        HashedTile::parse(tile, &fetch(&tile.path()).ok()?)
            .ok()
            .map(Arc::new)
    });
    let conclusion = session
        .conclude(plan, &tiles)
        .map_err(|_| "the log misbehaved")?;

    let record = conclusion
        .records
        .get(&module)
        .ok_or_else(|| format!("unproven: {faults:?}"))?;
    print!("{}", record.text().as_str());
    println!(
        "proven as record {} of {}",
        record.index(),
        record.head().size()
    );
    Ok(())
}
