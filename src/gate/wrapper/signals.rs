//! Signals reach the command as if the gate were not there.

#[cfg(not(unix))]
pub(super) use self::elsewhere::Signals;
#[cfg(unix)]
pub(super) use self::unix::Signals;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::process::ExitStatus;

    use futures_util::future::{Either, select, select_all};
    use rustix::process::{Pid, Signal, kill_process};
    use tokio::process::Child;
    use tokio::signal::unix::{self, SignalKind, signal};

    /// What is passed on. What stops and continues comes from the terminal, which tells both.
    const FORWARDED: [Signal; 6] = [
        Signal::INT,
        Signal::TERM,
        Signal::HUP,
        Signal::QUIT,
        Signal::USR1,
        Signal::USR2,
    ];

    /// From now on these signals end the command, and only with it the gate.
    pub(in crate::gate::wrapper) struct Signals(Vec<(Signal, unix::Signal)>);

    impl Signals {
        pub(in crate::gate::wrapper) fn listen() -> std::io::Result<Self> {
            let ignored = ignored();
            let mut signals = Vec::new();
            for forwarded in FORWARDED {
                let number = forwarded.as_raw();
                // nohup and shells that put us in the background mean the command: with a handler
                // here it would begin with the system's own.
                if ignored & (1 << (number - 1)) == 0 {
                    signals.push((forwarded, signal(SignalKind::from_raw(number))?));
                }
            }
            Ok(Self(signals))
        }

        /// Waits for the command's end, and passes on what comes meanwhile.
        pub(in crate::gate::wrapper) async fn wait(
            &mut self,
            child: &mut Child,
        ) -> std::io::Result<ExitStatus> {
            if self.0.is_empty() {
                return child.wait().await;
            }
            loop {
                let process = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
                let next = self.0.iter_mut().map(|(signal, received)| {
                    Box::pin(async move {
                        received.recv().await;
                        *signal
                    })
                });
                let (ended, signalled) = (Box::pin(child.wait()), select_all(next));
                match select(ended, signalled).await {
                    Either::Left((status, _)) => return status,
                    Either::Right(((signal, ..), _)) => forward(process, signal),
                }
            }
        }
    }

    /// The signals that this process was told to ignore when it began, one bit each.
    fn ignored() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or(0)
    }

    fn forward(process: Option<Pid>, signal: Signal) {
        let from_terminal = matches!(signal, Signal::INT | Signal::QUIT);
        if from_terminal && terminal_tells_both() {
            return;
        }
        if let Some(process) = process {
            // It may just have ended by itself.
            let _ = kill_process(process, signal);
        }
    }

    /// Whether a terminal sends its signals to our group of processes, in which the command is.
    fn terminal_tells_both() -> bool {
        let foreground =
            File::open("/dev/tty").and_then(|terminal| Ok(rustix::termios::tcgetpgrp(&terminal)?));
        foreground.is_ok_and(|group| group == rustix::process::getpgrp())
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::process::ExitStatus;

    use tokio::process::Child;

    /// The system tells the command itself.
    pub(in crate::gate::wrapper) struct Signals;

    impl Signals {
        pub(in crate::gate::wrapper) fn listen() -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(in crate::gate::wrapper) async fn wait(
            &mut self,
            child: &mut Child,
        ) -> std::io::Result<ExitStatus> {
            child.wait().await
        }
    }
}
