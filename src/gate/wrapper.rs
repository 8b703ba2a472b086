//! `sumcheck gate -- CMD`: a command that can fetch modules through the gate alone.

use std::ffi::OsString;
use std::process::ExitStatus;

use tokio::process::{Child, Command};

/// How the command ended, or why it did not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With its own code, or 128 and the signal that ended it.
    Code(u8),
    /// It is not there: 127, as a shell has it.
    NotFound,
    /// It is there and cannot be run: 126, as a shell has it.
    NotExecutable,
}

impl Ended {
    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::NotFound => 127,
            Self::NotExecutable => 126,
        }
    }
}

/// A path that no other user of this machine can guess.
///
/// # Errors
/// If the system has no randomness.
pub fn secret_prefix() -> Result<String, getrandom::Error> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret)?;
    Ok(format!("/{}/", hex::encode(secret)))
}

/// Runs the command with the gate at `goproxy` for its only module proxy.
///
/// GONOPROXY must be `none`, else GOPRIVATE would lead past the gate; GONOSUMDB keeps the value
/// that it has through GOPRIVATE, since it is not set here.
pub async fn run(goproxy: &str, command: &[OsString]) -> Result<Ended, std::io::Error> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(Ended::NotFound);
    };
    let spawned = Command::new(program)
        .args(arguments)
        .env("GOPROXY", goproxy)
        .env("GONOPROXY", "none")
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Ended::NotFound),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Ok(Ended::NotExecutable);
        }
        Err(error) => return Err(error),
    };
    let status = wait(&mut child).await?;
    Ok(Ended::Code(code(status)))
}

#[cfg(unix)]
async fn wait(child: &mut Child) -> std::io::Result<ExitStatus> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    loop {
        let signal = tokio::select! {
            status = child.wait() => return status,
            _ = interrupt.recv() => rustix::process::Signal::INT,
            _ = terminate.recv() => rustix::process::Signal::TERM,
            _ = hang_up.recv() => rustix::process::Signal::HUP,
            _ = quit.recv() => rustix::process::Signal::QUIT,
        };
        forward(child, signal);
    }
}

/// What a terminal sends goes to the command as well: then it has it already.
#[cfg(unix)]
fn forward(child: &Child, signal: rustix::process::Signal) {
    use rustix::process::Signal;
    use std::io::IsTerminal as _;

    let from_keyboard = matches!(signal, Signal::INT | Signal::QUIT);
    if from_keyboard && std::io::stdin().is_terminal() {
        return;
    }
    let process = child
        .id()
        .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(process) = process {
        // It may just have ended by itself.
        let _ = rustix::process::kill_process(process, signal);
    }
}

#[cfg(not(unix))]
async fn wait(child: &mut Child) -> std::io::Result<ExitStatus> {
    child.wait().await
}

fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}
