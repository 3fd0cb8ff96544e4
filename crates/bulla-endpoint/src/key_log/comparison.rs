//! Whether two heads are of one history, as the carrier proves it.

use std::sync::Arc;

use bulla_base::Timestamp;
use bulla_store::{Store, StoreError};
use bulla_transparency::{ConsistencyProof, Evidence, Head, TreeHash};
use bytes::Bytes;

use super::seen::Seen;
use super::{KeyLog, SignedHead};

/// Who is asked about the log: the carrier, by whatever way there is to it.
///
/// # For implementors
/// No answer, whatever the reason, is `None`: nothing is taken from it. What is answered is checked.
pub trait LogSource: Sync {
    /// The newest signed head: 104 bytes.
    fn head(&self) -> impl Future<Output = Option<Bytes>> + Send;

    /// How the log grew from `old` leaves to `new`: the root that it had at the older size, 32 bytes, and the
    /// proof.
    fn consistency(&self, old: u64, new: u64) -> impl Future<Output = Option<(Bytes, Bytes)>> + Send;

    /// The log's leaves from that of index `first` on, as many as one call tells; none from its end on. Only
    /// who [reads them](KeyLog::read_leaves) is asked for them: unless it is written, there is no answer.
    fn leaves(&self, _first: u64) -> impl Future<Output = Option<Vec<Bytes>>> + Send {
        async { None }
    }
}

/// What comparing came to.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Settled {
    /// How many heads are of the history that was seen.
    pub proven: usize,
    /// How many the carrier proves nothing about. They are compared again.
    pub unproven: usize,
    /// How many the log has not signed. Nothing follows from them.
    pub not_signed: usize,
    /// The evidence, if it was found now: the carrier has signed two histories.
    pub evidence: Option<Arc<str>>,
}

impl Settled {
    /// How many heads came to what, by the names that counters have for it.
    #[must_use]
    pub fn outcomes(&self) -> [(&'static str, u64); 4] {
        let split = usize::from(self.evidence.is_some());
        let outcomes = [
            ("proven", self.proven),
            ("unproven", self.unproven),
            ("not_signed", self.not_signed),
            ("split", split),
        ];
        outcomes.map(|(outcome, count)| (outcome, u64::try_from(count).unwrap_or(u64::MAX)))
    }
}

/// How a head stands to what was seen.
pub(super) enum Comparison {
    Proven,
    Unproven,
    NotSigned,
    Split(Arc<str>),
}

/// How two signed heads stand to each other.
enum Relation {
    OneHistory,
    Unproven,
    Split(Box<Evidence>),
}

impl KeyLog {
    /// Asks the carrier for the newest head, if none was seen yet: whoever is told what was shown to us can
    /// compare it from our first message on.
    ///
    /// # Errors
    /// When the store fails. That there is no answer is none.
    ///
    /// # Cost
    /// A call of the carrier, two multiplications on the curve, and a commit; nothing once one was seen.
    pub async fn begin<S: Store>(
        &self,
        store: &S,
        source: &impl LogSource,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.signed_head().is_some() {
            return Ok(());
        }
        let _alone = self.0.comparing.lock().await;
        self.catch_up(store, now).await?;
        if self.signed_head().is_none()
            && let Some(ours) = self.ask_head(source).await
        {
            self.advance(store, ours).await?;
        }
        Ok(())
    }

    /// Compares what peers have told with what was seen, asking the carrier where it takes a proof. If
    /// somebody compares already, that one does it.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cost
    /// For each head that was not seen before, two multiplications on the curve, at most four calls of the
    /// carrier, and a commit if it is newer.
    pub async fn settle<S: Store>(
        &self,
        store: &S,
        source: &impl LogSource,
        now: Timestamp,
    ) -> Result<Settled, StoreError> {
        let mut settled = Settled::default();
        self.state().heard.iter_mut().for_each(|(_, tried)| *tried = false);
        while let Some(told) = self.next_heard() {
            let Ok(_alone) = self.0.comparing.try_lock() else { break };
            match self.compare(store, source, told, now).await? {
                Comparison::Proven => settled.proven += 1,
                Comparison::NotSigned => settled.not_signed += 1,
                Comparison::Split(evidence) => settled.evidence = Some(evidence),
                Comparison::Unproven => {
                    settled.unproven += 1;
                    continue;
                }
            }
            self.state().heard.retain(|(heard, _)| *heard != told);
        }
        Ok(settled)
    }

    /// The next head to be tried.
    fn next_heard(&self) -> Option<SignedHead> {
        let mut state = self.state();
        let (head, tried) = state.heard.iter_mut().find(|(_, tried)| !*tried)?;
        *tried = true;
        Some(*head)
    }

    /// Compares one head, alone.
    pub(super) async fn compare<S: Store>(
        &self,
        store: &S,
        source: &impl LogSource,
        told: SignedHead,
        now: Timestamp,
    ) -> Result<Comparison, StoreError> {
        self.catch_up(store, now).await?;
        if self.state().is_proven(&told) {
            return Ok(Comparison::Proven);
        }
        let Ok(told) = Seen::verify(&self.0.key, told) else { return Ok(Comparison::NotSigned) };
        if let Comparison::Split(evidence) = self.ask_if_behind(store, source, &told).await? {
            return Ok(Comparison::Split(evidence));
        }
        let newest = self.state().newest.clone();
        match newest {
            Some(newest) => self.admit(store, source, &newest, &told).await,
            // Nothing is there to hold it against. To take it as our own would make us blind for what the
            // carrier shows to us.
            None => Ok(Comparison::Unproven),
        }
    }

    /// Asks the carrier for its newest head, if what was seen is not as large as what was told. What it says
    /// to us comes first: a history of ours that has grown as far can be held against what was told.
    async fn ask_if_behind<S: Store>(
        &self,
        store: &S,
        source: &impl LogSource,
        told: &Seen,
    ) -> Result<Comparison, StoreError> {
        let newest = self.state().newest.clone();
        if newest.as_ref().is_some_and(|newest| newest.head.size() >= told.head.size()) {
            return Ok(Comparison::Proven);
        }
        let Some(ours) = self.ask_head(source).await else { return Ok(Comparison::Unproven) };
        match newest {
            Some(newest) => self.admit(store, source, &newest, &ours).await,
            None => {
                self.advance(store, ours).await?;
                Ok(Comparison::Proven)
            }
        }
    }

    /// Takes `other` in, if it is of one history with `newest`.
    pub(super) async fn admit<S: Store>(
        &self,
        store: &S,
        source: &impl LogSource,
        newest: &Seen,
        other: &Seen,
    ) -> Result<Comparison, StoreError> {
        Ok(match relation(source, newest, other).await {
            Relation::OneHistory if other.head.size() > newest.head.size() => {
                self.advance(store, other.clone()).await?;
                Comparison::Proven
            }
            Relation::OneHistory => {
                self.state().remember(other.bytes);
                Comparison::Proven
            }
            Relation::Unproven => Comparison::Unproven,
            Relation::Split(evidence) => Comparison::Split(self.keep(store, &evidence).await?),
        })
    }

    pub(super) async fn ask_head(&self, source: &impl LogSource) -> Option<Seen> {
        let bytes = source.head().await?;
        Seen::verify(&self.0.key, bytes[..].try_into().ok()?).ok()
    }
}

async fn relation(source: &impl LogSource, one: &Seen, other: &Seen) -> Relation {
    let (old, new) = if one.head.size() <= other.head.size() { (one, other) } else { (other, one) };
    if old.head == new.head {
        return Relation::OneHistory;
    }
    if old.head.size() == new.head.size() {
        let evidence = Evidence::of_roots(old.checkpoint.clone(), new.checkpoint.clone());
        return Relation::Split(Box::new(evidence));
    }
    // Everything continues nothing.
    if old.head.size() == 0 {
        return Relation::OneHistory;
    }
    proven_relation(source, old, new).await.unwrap_or(Relation::Unproven)
}

/// What follows from the carrier's proof; nothing if it gives none, or one that does not hold.
async fn proven_relation(source: &impl LogSource, old: &Seen, new: &Seen) -> Option<Relation> {
    let (root, proof) = source.consistency(old.head.size(), new.head.size()).await?;
    let root = TreeHash::from_bytes(root[..].try_into().ok()?);
    let proof = ConsistencyProof::from_bytes(&proof).ok()?;
    let said = Head::new(old.head.size(), root).ok()?;
    proof.verify(&said, &new.head).ok()?;
    if said == old.head {
        return Some(Relation::OneHistory);
    }
    // The newer one goes on from another root than was signed for that size.
    let evidence = Evidence::of_prefix(old.checkpoint.clone(), new.checkpoint.clone(), root, proof);
    evidence.ok().map(|evidence| Relation::Split(Box::new(evidence)))
}
