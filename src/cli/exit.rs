//! All exit codes of sumcheck.

use std::process::ExitCode;

/// How a run ends. Of several, the most serious wins: [`Exit::worst`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: everything that was asked for was verified.
    Ok,
    /// 1: a negative verdict: a hash that does not match, a version that is not in the log.
    Negative,
    /// 2: usage or configuration; nothing was checked.
    Usage,
    /// 3: could not verify.
    Unverified,
    /// 4: the log misbehaved; the evidence is on disk.
    Misbehaviour,
    /// 125: the gate failed before the command that it was to run.
    GateFailed,
    /// The code of the command that the gate ran.
    Command(u8),
    /// 130: interrupted.
    Interrupted,
    /// 143: terminated.
    Terminated,
}

impl Exit {
    /// The process's exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Negative => 1,
            Self::Usage => 2,
            Self::Unverified => 3,
            Self::Misbehaviour => 4,
            Self::GateFailed => 125,
            Self::Command(code) => code,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The more serious of two: 4, 1, 3, 2, 0; a signal is what ended the run, whatever else.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if other.severity() > self.severity() {
            other
        } else {
            self
        }
    }

    const fn severity(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Usage => 1,
            Self::Unverified => 2,
            Self::Negative => 3,
            Self::Misbehaviour => 4,
            Self::GateFailed | Self::Command(_) => 5,
            Self::Interrupted => 6,
            Self::Terminated => 7,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_serious_wins() {
        let order = [
            Exit::Misbehaviour,
            Exit::Negative,
            Exit::Unverified,
            Exit::Usage,
            Exit::Ok,
        ];
        for (place, worse) in order.iter().enumerate() {
            for milder in &order[place..] {
                assert_eq!(worse.worst(*milder), *worse);
                assert_eq!(milder.worst(*worse), *worse);
            }
        }
    }
}
