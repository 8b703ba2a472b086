//! Credentials for hosts, from where the go command takes them: GOAUTH and the netrc file.
//!
//! Source: `go help goauth`, and the behaviour of cmd/go/internal/auth of Go 1.26.

use std::fmt;
use std::path::PathBuf;

use super::goenv::environment::Platform;
use super::goenv::{Environment, SettingsFileError, settings_file, shown};

/// The credentials that can be used, and the ways to credentials that cannot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    entries: Vec<NetrcEntry>,
    unsupported_goauth: Vec<String>,
}

/// A login for one machine. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct NetrcEntry {
    machine: String,
    login: String,
    password: String,
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file exists and cannot be read.
    #[error(
        "cannot use the netrc file {}: make it readable, or set GOAUTH=off to go without",
        shown(path)
    )]
    Netrc {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        cause: SettingsFileError,
    },
    /// Nothing between two semicolons.
    #[error("GOAUTH has an empty command: take out the semicolon that is too much")]
    EmptyCommand,
    /// `off` says that there are none, and something else stands beside it.
    #[error("GOAUTH has off and something else: write off alone, or take it out")]
    OffWithOthers,
}

impl Credentials {
    /// Reads what GOAUTH names. `off` is nothing; `netrc` is the file that NETRC names, or that
    /// in the home folder; every other command is only named in
    /// [`Credentials::unsupported_goauth`], for nothing is executed.
    ///
    /// # Errors
    /// [`CredentialsError`]; a netrc file that does not exist is none.
    pub fn read(environment: &Environment, goauth: &str) -> Result<Self, CredentialsError> {
        let mut commands = Vec::new();
        for command in goauth.split(';') {
            // The arguments may be secrets, so only the command's name is kept.
            let name = command.split_whitespace().next();
            commands.push(name.ok_or(CredentialsError::EmptyCommand)?);
        }
        if commands.contains(&"off") {
            let alone = commands.len() == 1;
            return if alone {
                Ok(Self::default())
            } else {
                Err(CredentialsError::OffWithOthers)
            };
        }
        let mut credentials = Self::default();
        if commands.contains(&"netrc") {
            credentials.entries = read_netrc(environment)?;
        }
        let others = commands.into_iter().filter(|&name| name != "netrc");
        credentials.unsupported_goauth = others.map(str::to_owned).collect();
        Ok(credentials)
    }

    /// Those of a netrc file with this text.
    #[must_use]
    pub fn of_netrc(text: &str) -> Self {
        Self {
            entries: parse(text),
            unsupported_goauth: Vec::new(),
        }
    }

    /// The entries in the file's order, at most one for each machine.
    #[must_use]
    pub fn entries(&self) -> &[NetrcEntry] {
        &self.entries
    }

    /// The names of GOAUTH's commands that were not run: what to tell after a 401 or 403.
    #[must_use]
    pub fn unsupported_goauth(&self) -> &[String] {
        &self.unsupported_goauth
    }

    /// The entry for a URL without its scheme, such as `example.com:8443/path`: the one whose
    /// machine is the host with its port, or, before that, a path below it.
    #[must_use]
    pub fn find(&self, host_and_path: &str) -> Option<&NetrcEntry> {
        let mut prefix = host_and_path.strip_suffix('/').unwrap_or(host_and_path);
        loop {
            let found = self.entries.iter().find(|entry| entry.machine == prefix);
            if found.is_some() {
                return found;
            }
            (prefix, _) = prefix.rsplit_once('/')?;
        }
    }
}

impl NetrcEntry {
    /// The host, with a port where the file has one. Like Go, this takes a path after it too.
    #[must_use]
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// The user's name.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.login
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for NetrcEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetrcEntry")
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}

fn read_netrc(environment: &Environment) -> Result<Vec<NetrcEntry>, CredentialsError> {
    let Some(path) = netrc_path(environment, Platform::HOST) else {
        return Ok(Vec::new());
    };
    match settings_file::read(&path) {
        Ok(bytes) => Ok(parse(&String::from_utf8_lossy(&bytes.unwrap_or_default()))),
        Err(cause) => Err(CredentialsError::Netrc { path, cause }),
    }
}

fn netrc_path(environment: &Environment, platform: Platform) -> Option<PathBuf> {
    if let Some(path) = environment.variable("NETRC") {
        return Some(environment.resolve(path));
    }
    let home = environment.resolve(environment.home_dir_on(platform)?);
    let legacy = home.join("_netrc");
    let use_legacy = platform == Platform::Windows && legacy.exists();
    Some(if use_legacy {
        legacy
    } else {
        home.join(".netrc")
    })
}

/// Reads a netrc file as the go command does, which is not quite what the format's manual says:
/// tokens come in pairs on a line; an entry ends as soon as it has all three parts; a `default`
/// at the end of a line ends the file, and elsewhere it is passed over with the token after it.
fn parse(text: &str) -> Vec<NetrcEntry> {
    let mut entries: Vec<NetrcEntry> = Vec::new();
    let (mut machine, mut login, mut password) = ("", "", "");
    let mut in_macro = false;
    for line in text.split('\n') {
        if in_macro {
            // A macro ends with an empty line.
            in_macro = !line.is_empty();
            continue;
        }
        let tokens: Vec<&str> = line.split_whitespace().collect();
        let pairs = tokens.chunks_exact(2);
        let ends_here = pairs.remainder() == ["default"];
        for pair in pairs {
            match *pair {
                ["machine", name] => (machine, login, password) = (name, "", ""),
                ["login", name] => login = name,
                ["password", word] => password = word,
                ["macdef", _] => in_macro = true,
                _ => {}
            }
            if !machine.is_empty() && !login.is_empty() && !password.is_empty() {
                keep_first(&mut entries, machine, login, password);
                (machine, login, password) = ("", "", "");
            }
        }
        if ends_here {
            break;
        }
    }
    entries
}

fn keep_first(entries: &mut Vec<NetrcEntry>, machine: &str, login: &str, password: &str) {
    // Go knows credentials by the URL without its scheme, and so tolerates it here.
    let machine = machine.strip_prefix("https://").unwrap_or(machine);
    let machine = machine.strip_suffix('/').unwrap_or(machine);
    // What was not UTF-8 would be sent as something else, which helps nobody.
    let is_text = ![machine, login, password]
        .iter()
        .any(|token| token.contains('\u{fffd}'));
    if is_text && !entries.iter().any(|entry| entry.machine == machine) {
        entries.push(NetrcEntry {
            machine: machine.to_owned(),
            login: login.to_owned(),
            password: password.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests;
