//! Asking for heads: the log, and every place that shows them.

use futures_util::future::join_all;

use super::Going;
use crate::io::store::{UntiedHead, VantagePoint};
use crate::sumdb::head::open_head;
use crate::tlog::checkpoint::TreeHead;
use crate::watch::vantage::Place;
use crate::watch::{LOG_ITSELF, WatchError};

/// So many heads that are not tied are kept: each is signed by the log, which would have to sign so many
/// that it keeps from others.
const MAX_UNTIED: usize = 1000;

impl Going<'_> {
    /// Asks the log for its newest head; it is the first of the places.
    #[tracing::instrument(skip_all)]
    pub(super) async fn ask_the_log(&mut self, now: &str) -> Result<(), WatchError> {
        let asked = self.unless_stopped(self.prover.newest_head()).await;
        let Some(asked) = asked else {
            return Ok(());
        };
        let source = self.prover.source().await;
        let Some(proofs) = self.proven(asked)? else {
            let detail = "it shows another tree than before".to_owned();
            self.note(LOG_ITSELF, &source, "split", now, None, detail)?;
            return Ok(());
        };
        self.warnings.extend(proofs.warnings);
        let faults: Vec<String> = proofs
            .faults
            .iter()
            .map(|fault| fault.message().to_owned())
            .collect();
        let known = self.newest()?;
        let shown = proofs.latest.as_ref().map(|(head, _)| *head);
        if let Some((head, note)) = proofs.latest
            && !self.is_tied(head)?
        {
            self.keep_untied(head, note, &source, now)?;
        }
        let (status, detail) = match (faults.first(), shown) {
            (Some(fault), None) => ("down", fault.clone()),
            (Some(fault), Some(_)) => ("untied", fault.clone()),
            (None, Some(head)) if head.size() < known => {
                let behind = known - head.size();
                ("behind", format!("{behind} records behind"))
            }
            (None, Some(_)) => ("agrees", String::new()),
            (None, None) => ("down", "nobody was asked".to_owned()),
        };
        for fault in faults {
            self.fault(fault);
        }
        self.note(LOG_ITSELF, &source, status, now, shown, detail)
    }

    /// Asks all places at once, and then ties what they show, one after another.
    pub(super) async fn ask_the_places(&mut self, now: &str) -> Result<(), WatchError> {
        let places = &self.plan.places;
        if self.prover.offline {
            for place in places {
                let detail = "nobody is asked offline".to_owned();
                self.note(&place.name, &place.shown(), "down", now, None, detail)?;
            }
            return Ok(());
        }
        let asking = join_all(places.iter().map(|place| place.ask(&self.prover)));
        let Some(answers) = self.unless_stopped(asking).await else {
            return Ok(());
        };
        for (place, answer) in places.iter().zip(answers) {
            if self.stopping() {
                return Ok(());
            }
            match answer {
                Ok(notes) => self.compare(place, notes, now).await?,
                Err(error) => {
                    let fault = format!("{} could not be asked: {error}", place.name);
                    self.faults_beside.push(fault);
                    let (name, shown) = (&place.name, place.shown());
                    self.note(name, &shown, "down", now, None, error.to_string())?;
                }
            }
        }
        Ok(())
    }

    /// Compares what a place shows with the timeline.
    #[tracing::instrument(skip_all, fields(vantage_point = place.name))]
    async fn compare(
        &mut self,
        place: &Place,
        notes: Vec<Vec<u8>>,
        now: &str,
    ) -> Result<(), WatchError> {
        let shown = place.shown();
        let (mut heads, mut signed, mut invalid) = (Vec::new(), Vec::new(), None);
        for note in notes {
            match open_head(&note, &self.plan.key) {
                Ok(head) => {
                    heads.push(head.head());
                    signed.push(note);
                }
                Err(error) => {
                    invalid = Some(format!("it shows what the log has not signed: {error}"));
                }
            }
        }
        let notes = signed;
        let newest = heads.iter().max_by_key(|head| head.size()).copied();
        let Some(newest) = newest else {
            let (status, detail) = match invalid {
                Some(detail) => ("invalid", detail),
                None => ("down", "it has no head yet".to_owned()),
            };
            self.faults_beside.push(format!("{}: {detail}", place.name));
            return self.note(&place.name, &shown, status, now, None, detail);
        };
        if !self.tie(place, &notes, &heads).await? {
            // It is compared again until its evidence is kept.
            for (head, note) in heads.iter().zip(notes) {
                if !self.unwritten.is_empty() && !self.is_tied(*head)? {
                    self.keep_untied(*head, note, &shown, now)?;
                }
            }
            let detail = "it shows another tree than others are shown".to_owned();
            return self.note(&place.name, &shown, "split", now, Some(newest), detail);
        }
        let mut untied = None;
        for (head, note) in heads.iter().zip(notes) {
            if !self.is_tied(*head)? {
                untied = Some(*head);
                self.keep_untied(*head, note, &shown, now)?;
            }
        }
        if let Some(detail) = invalid {
            self.faults_beside.push(format!("{}: {detail}", place.name));
            return self.note(&place.name, &shown, "invalid", now, Some(newest), detail);
        }
        let known = self.newest()?;
        let (status, detail) = match untied {
            Some(head) if head.size() > known => (
                "ahead",
                format!(
                    "its {} records are more than the log shows, and not tied yet",
                    head.size()
                ),
            ),
            Some(head) => {
                let detail = format!(
                    "its head of {} records cannot be tied: tiles are missing",
                    head.size()
                );
                self.fault(format!("{}: {detail}", place.name));
                ("untied", detail)
            }
            None if newest.size() < known => {
                let behind = known - newest.size();
                ("behind", format!("{behind} records behind"))
            }
            None => ("agrees", String::new()),
        };
        self.note(&place.name, &shown, status, now, Some(newest), detail)
    }

    /// Ties what a place shows, out of its own tiles if it has any, and else out of the log's. `false`
    /// if it convicts the log.
    async fn tie(
        &mut self,
        place: &Place,
        notes: &[Vec<u8>],
        heads: &[TreeHead],
    ) -> Result<bool, WatchError> {
        let mut all_tied = true;
        for head in heads {
            all_tied &= self.is_tied(*head)?;
        }
        if all_tied {
            return Ok(true);
        }
        let shown = place.shown();
        if let Some(address) = place.database(&self.plan.address) {
            let prover = self.watch.prover(self.plan, address)?;
            let notes: Vec<&[u8]> = notes.iter().map(Vec::as_slice).collect();
            let tied = self.unless_stopped(prover.tie_heads(&notes, &shown)).await;
            if let Some(tied) = tied
                && self.proven(tied)?.is_none()
            {
                return Ok(false);
            }
        }
        // What its own tiles did not tie, those of the log may.
        let newest = self.newest()?;
        let mut within = Vec::new();
        for (head, note) in heads.iter().zip(notes) {
            if head.size() <= newest && !self.is_tied(*head)? {
                within.push(note.as_slice());
            }
        }
        if within.is_empty() {
            return Ok(true);
        }
        let tied = self
            .unless_stopped(self.prover.tie_heads(&within, &shown))
            .await;
        match tied {
            Some(tied) => Ok(self.proven(tied)?.is_some()),
            None => Ok(true),
        }
    }

    fn is_tied(&self, head: TreeHead) -> Result<bool, WatchError> {
        let known = self.prover.verified_head_at(head.size())?;
        Ok(known.is_some_and(|known| known.tree_head() == head))
    }

    /// Size of the newest verified head.
    fn newest(&self) -> Result<u64, WatchError> {
        let newest = self.prover.newest_verified_head()?;
        Ok(newest.map_or(0, |head| head.size()))
    }

    fn keep_untied(
        &mut self,
        head: TreeHead,
        note: Vec<u8>,
        source: &str,
        now: &str,
    ) -> Result<(), WatchError> {
        let (name, key) = (self.plan.key.name(), self.plan.key.to_string());
        let store = self.watch.store.borrow();
        let known = store.untied_heads(&key)?;
        let is_new =
            |known: &UntiedHead| (known.size, known.root) != (head.size(), *head.root().as_bytes());
        if known.len() >= MAX_UNTIED && known.iter().all(is_new) {
            drop(store);
            self.fault(format!(
                "{source} shows a signed head that is not tied, and {MAX_UNTIED} such heads are kept already"
            ));
            return Ok(());
        }
        let head = UntiedHead {
            size: head.size(),
            root: *head.root().as_bytes(),
            note,
            source: source.to_owned(),
            seen_at: now.to_owned(),
        };
        Ok(store.keep_untied_head(name, &key, &head)?)
    }

    /// Heads that were shown before, and were larger than the tree then or whose tiles were missing.
    #[tracing::instrument(skip_all)]
    pub(super) async fn try_untied_heads(&mut self) -> Result<(), WatchError> {
        let key = self.plan.key.to_string();
        let untied = self.watch.store.borrow().untied_heads(&key)?;
        self.compare_untied_heads(&untied).await?;
        let untied = self.watch.store.borrow().untied_heads(&key)?;
        for head in untied {
            let newest = self.newest()?;
            if self.stopping() || self.prover.offline {
                return Ok(());
            }
            let shown = open_head(&head.note, &self.plan.key);
            let is_known = match shown {
                Ok(shown) if shown.head().size() > newest => continue,
                Ok(shown) => self.is_tied(shown.head())?,
                // The row is damaged.
                Err(_) => true,
            };
            if !is_known {
                let notes = [head.note.as_slice()];
                let tie = self.prover.tie_heads(&notes, &head.source);
                let Some(tied) = self.unless_stopped(tie).await else {
                    return Ok(());
                };
                let is_fork = self.proven(tied)?.is_none();
                let opened = open_head(&head.note, &self.plan.key);
                let is_tied = match opened {
                    Ok(opened) => self.is_tied(opened.head())?,
                    Err(_) => true,
                };
                // Evidence that could not be written is to be found again.
                if !is_tied && (!is_fork || !self.unwritten.is_empty()) {
                    continue;
                }
            }
            let store = self.watch.store.borrow();
            store.forget_untied_head(&key, head.size, &head.root)?;
        }
        Ok(())
    }

    /// Two heads of one size convict the log, whether it shows anybody here a tree of that size or not.
    async fn compare_untied_heads(&mut self, untied: &[UntiedHead]) -> Result<(), WatchError> {
        let of_one_size = untied.chunk_by(|one, other| one.size == other.size);
        for heads in of_one_size {
            let [one, other, ..] = heads else {
                continue;
            };
            let notes = [one.note.as_slice(), other.note.as_slice()];
            let tied = self.prover.tie_heads(&notes, &other.source).await;
            // Evidence that could not be written is to be found again.
            if self.proven(tied)?.is_some() || !self.unwritten.is_empty() {
                continue;
            }
            let (key, store) = (self.plan.key.to_string(), self.watch.store.borrow());
            for head in heads {
                store.forget_untied_head(&key, head.size, &head.root)?;
            }
        }
        Ok(())
    }

    /// Notes what a place had to say.
    fn note(
        &mut self,
        name: &str,
        place: &str,
        status: &str,
        now: &str,
        head: Option<TreeHead>,
        detail: String,
    ) -> Result<(), WatchError> {
        let key = self.plan.key.to_string();
        let before = self.watch.store.borrow().vantage_points(&key)?;
        let before = before.into_iter().find(|point| point.name == name);
        let (answered_before, grown_before, head_before) = match before {
            Some(before) => (before.answered_at, before.grown_at, before.head),
            None => (None, None, None),
        };
        let shown = head.map(|head| (head.size(), *head.root().as_bytes()));
        let size = |head: Option<(u64, [u8; 32])>| head.map_or(0, |(size, _)| size);
        let has_grown = size(shown) > size(head_before);
        // Somebody who never answered is silent since the first time that it was asked.
        let grown_at = match grown_before {
            Some(before) if !has_grown => before,
            _ => now.to_owned(),
        };
        let answered_at = match (head, answered_before) {
            (None, Some(before)) => before,
            _ => now.to_owned(),
        };
        self.points.push(VantagePoint {
            name: name.to_owned(),
            place: place.to_owned(),
            status: status.to_owned(),
            checked_at: now.to_owned(),
            answered_at: Some(answered_at),
            head: shown.or(head_before),
            grown_at: Some(grown_at),
            detail,
        });
        Ok(())
    }
}
