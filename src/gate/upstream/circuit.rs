//! A proxy that has failed often is asked by one request at a time: those that come meanwhile wait
//! for what that one finds out. None of them is refused for what happened before it came.

use tokio::sync::watch;

/// So many failures in a row, and no answer between them, open the circuit.
const OPEN_AFTER: u32 = 5;

/// The circuit to one proxy. `E` is how a request fails.
#[derive(Debug)]
pub(super) struct Circuit<E>(watch::Sender<State<E>>);

#[derive(Debug)]
struct State<E> {
    failures_in_a_row: u32,
    is_probing: bool,
    failed_probes: u64,
    last_failure: Option<E>,
}

/// Leave to ask the proxy; given back with what came of it.
pub(super) struct Pass<'c, E> {
    circuit: &'c Circuit<E>,
    is_probe: bool,
}

enum Entry<E> {
    Pass { is_probe: bool },
    Failed(E),
    Wait,
}

impl<E> Default for Circuit<E> {
    fn default() -> Self {
        Self(watch::Sender::new(State {
            failures_in_a_row: 0,
            is_probing: false,
            failed_probes: 0,
            last_failure: None,
        }))
    }
}

impl<E: Clone> Circuit<E> {
    /// Waits for leave to ask.
    ///
    /// # Errors
    /// How the one that was asking just now has failed.
    pub(super) async fn enter(&self) -> Result<Pass<'_, E>, E> {
        let mut changes = self.0.subscribe();
        let failed_before = changes.borrow_and_update().failed_probes;
        loop {
            match self.try_enter(failed_before) {
                Entry::Pass { is_probe } => {
                    return Ok(Pass {
                        circuit: self,
                        is_probe,
                    });
                }
                Entry::Failed(failure) => return Err(failure),
                // The sender lives as long as this borrow of it.
                Entry::Wait => drop(changes.changed().await),
            }
        }
    }

    fn try_enter(&self, failed_before: u64) -> Entry<E> {
        let mut entry = Entry::Wait;
        self.0.send_if_modified(|state| {
            if state.failures_in_a_row < OPEN_AFTER {
                entry = Entry::Pass { is_probe: false };
            } else if let (true, Some(failure)) =
                (state.failed_probes > failed_before, &state.last_failure)
            {
                entry = Entry::Failed(failure.clone());
            } else if !state.is_probing {
                state.is_probing = true;
                entry = Entry::Pass { is_probe: true };
            }
            false
        });
        entry
    }
}

impl<E> Pass<'_, E> {
    /// The proxy answers: whoever waits may ask it as well.
    pub(super) fn answered(&mut self) {
        let was_probe = std::mem::take(&mut self.is_probe);
        self.circuit.0.send_if_modified(|state| {
            let was_open = state.failures_in_a_row >= OPEN_AFTER;
            state.failures_in_a_row = 0;
            state.last_failure = None;
            state.is_probing &= !was_probe;
            was_open
        });
    }

    /// It does not.
    pub(super) fn failed(mut self, failure: E) {
        let was_probe = std::mem::take(&mut self.is_probe);
        self.circuit.0.send_modify(|state| {
            state.failures_in_a_row = state.failures_in_a_row.saturating_add(1);
            state.last_failure = Some(failure);
            if was_probe {
                state.is_probing = false;
                state.failed_probes += 1;
            }
        });
    }
}

/// A request that is given up has found out nothing: the next one probes.
impl<E> Drop for Pass<'_, E> {
    fn drop(&mut self) {
        if self.is_probe {
            self.circuit.0.send_modify(|state| state.is_probing = false);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn opened() -> Circuit<u32> {
        let circuit = Circuit::default();
        for failure in 0..OPEN_AFTER {
            circuit.enter().await.unwrap().failed(failure);
        }
        circuit
    }

    async fn waits<T>(entering: impl Future<Output = T>) -> bool {
        timeout(Duration::from_millis(20), entering).await.is_err()
    }

    #[tokio::test]
    async fn while_it_is_closed_all_may_ask() {
        let circuit = Circuit::default();
        let mut passes = Vec::new();
        for _ in 0..100 {
            passes.push(circuit.enter().await.unwrap());
        }
        for pass in passes.drain(..4) {
            pass.failed(1);
        }
        assert!(!waits(circuit.enter()).await);
        assert!(!waits(circuit.enter()).await);
    }

    #[tokio::test]
    async fn an_open_circuit_lets_one_probe_and_the_others_share_its_failure() {
        let circuit = opened().await;
        let probe = circuit.enter().await.unwrap();
        let mut other = pin!(circuit.enter());
        assert!(waits(&mut other).await);
        probe.failed(77);
        assert_eq!(other.await.err(), Some(77));
        // Whoever comes later is not told of it: it asks.
        assert!(circuit.enter().await.is_ok());
    }

    #[tokio::test]
    async fn an_answer_closes_it_for_all() {
        let circuit = opened().await;
        let mut probe = circuit.enter().await.unwrap();
        let mut other = pin!(circuit.enter());
        assert!(waits(&mut other).await);
        probe.answered();
        assert!(other.await.is_ok());
        // The probe's own transfer breaks off later: that is one failure.
        probe.failed(1);
        assert!(!waits(circuit.enter()).await);
    }

    #[tokio::test]
    async fn a_probe_that_is_given_up_leaves_its_place_to_the_next() {
        let circuit = opened().await;
        let probe = circuit.enter().await.unwrap();
        let mut other = pin!(circuit.enter());
        assert!(waits(&mut other).await);
        drop(probe);
        assert!(other.await.is_ok());
    }
}
