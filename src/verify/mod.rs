//! `sumcheck verify`: a verdict for each line of a go.sum.

pub mod input;
mod private;
pub mod report;

use std::collections::BTreeSet;

pub use self::input::{Document, InputError};
pub use self::private::Private;
pub use self::report::{LineResult, Report};

use crate::golang::module::ModuleVersion;
use crate::prover::{ProveError, Prover};

/// Checks all lines of all documents under one head, given what [`report::modules_to_prove`] says
/// of them (steps 1 and 2 of a run).
///
/// # Errors
/// [`ProveError`]; the caller still has [`Report::unproven`] for what can be said then.
pub async fn verify(
    prover: &Prover,
    documents: &[Document],
    private: &Private,
    modules: &BTreeSet<ModuleVersion>,
) -> Result<Report, ProveError> {
    // 3 to 6.
    let proofs = prover.prove(modules).await?;
    // 7. A verdict for each line.
    Ok(Report::new(documents, private, proofs))
}
