//! Being asked to stop, or to read the configuration again.

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// A service manager, or the system going down.
    Terminate,
}

/// Waits for the first signal that asks to stop.
pub async fn signal() -> Signal {
    signals().next().await
}

/// Signals that ask to stop, of which none is missed between two looks.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    streams: Option<[tokio::signal::unix::Signal; 2]>,
}

/// From now on no such signal ends this process by itself.
#[must_use]
pub fn signals() -> Signals {
    Signals {
        // Without handlers the system's own do their work: they end the process.
        #[cfg(unix)]
        streams: {
            use tokio::signal::unix::{SignalKind, signal};
            let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
            let both = signal(interrupt).and_then(|one| Ok([one, signal(terminate)?]));
            both.ok()
        },
    }
}

impl Signals {
    /// Waits for the next one.
    #[cfg(unix)]
    pub async fn next(&mut self) -> Signal {
        let Some([interrupt, terminate]) = &mut self.streams else {
            return std::future::pending().await;
        };
        let (first, second) = (interrupt.recv(), terminate.recv());
        futures_util::pin_mut!(first, second);
        match futures_util::future::select(first, second).await {
            futures_util::future::Either::Left(_) => Signal::Interrupt,
            futures_util::future::Either::Right(_) => Signal::Terminate,
        }
    }

    /// Waits for Ctrl-C.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Requests to read the configuration again: SIGHUP.
#[derive(Debug)]
pub struct HangUps {
    #[cfg(unix)]
    signals: Option<tokio::signal::unix::Signal>,
}

/// From now on SIGHUP does not end this process.
#[must_use]
pub fn hang_ups() -> HangUps {
    HangUps {
        #[cfg(unix)]
        signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
    }
}

impl HangUps {
    /// Waits for the next one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signals) = &mut self.signals
            && signals.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}
