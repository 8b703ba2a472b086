//! What is told when the log was caught.

use crate::cli::render::{error_line, visible};
use crate::prover::ProveError;

/// Tells of a fork and where its evidence is; gives the evidence's path. All other errors are
/// given back.
pub(super) fn tell(error: ProveError) -> Result<Vec<String>, ProveError> {
    let ProveError::Misbehaviour { fork, evidence } = error else {
        return Err(error);
    };
    let (smaller, larger) = (fork.smaller().head(), fork.larger().head());
    error_line(&format!(
        "THE LOG MISBEHAVED: its key has signed two tree heads that cannot both be of one \
         append-only log: {} records with root {}, and {} records with root {}",
        smaller.size(),
        smaller.root(),
        larger.size(),
        larger.root(),
    ));
    match evidence {
        Ok(path) => {
            let path = path.display().to_string();
            error_line(&format!(
                "the evidence is kept in {path}: nothing was verified; keep this file and tell others"
            ));
            Ok(vec![path])
        }
        Err(error) => {
            error_line(&format!("{error}; here it is:"));
            for line in error.text.lines() {
                anstream::eprintln!("  {}", visible(line));
            }
            Ok(Vec::new())
        }
    }
}
