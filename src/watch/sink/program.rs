//! A program that is run for each event: JSON on its standard input, the essentials in variables.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::SinkError;
use crate::io::store::StoredEvent;

/// A program that has not ended then is ended, and run again later.
const PROGRAM_TIMEOUT: Duration = Duration::from_secs(60);

/// A program and its arguments; no shell is between.
#[derive(Debug)]
pub struct Program {
    /// What is run.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Program {
    pub(super) async fn tell(
        &self,
        event: &StoredEvent,
        document: String,
    ) -> Result<(), SinkError> {
        let shown = self.path.display();
        let away = |error: std::io::Error| SinkError::Away(format!("cannot run {shown}: {error}"));
        let mut child = Command::new(&self.path)
            .args(&self.arguments)
            .env("SUMCHECK_EVENT_ID", &event.uid)
            .env("SUMCHECK_EVENT_AT", &event.at)
            .env("SUMCHECK_EVENT_KIND", &event.kind)
            .env("SUMCHECK_EVENT_SEVERITY", &event.severity)
            .env("SUMCHECK_EVENT_RESOLVED", event.resolved.to_string())
            .env(
                "SUMCHECK_EVENT_LOG",
                plain(event.log.as_deref().unwrap_or_default()),
            )
            .env("SUMCHECK_EVENT_SUMMARY", plain(&event.summary))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(away)?;
        let stdin = child.stdin.take();
        let work = async {
            if let Some(mut stdin) = stdin {
                // A program that does not want to read it does no wrong.
                let _ = stdin.write_all(document.as_bytes()).await;
            }
            child.wait().await
        };
        match timeout(PROGRAM_TIMEOUT, work).await {
            Err(_) => Err(SinkError::Away(format!(
                "{shown} did not end within {} s",
                PROGRAM_TIMEOUT.as_secs()
            ))),
            Ok(Err(error)) => Err(away(error)),
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(SinkError::Refused(format!("{shown} ended with {status}"))),
        }
    }
}

/// Without what a variable cannot hold and a terminal would obey.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
