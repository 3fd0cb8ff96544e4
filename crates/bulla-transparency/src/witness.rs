use crate::error::NotSigned;
use crate::{ConsistencyProof, Evidence, Head, LogKey, SignedCheckpoint};

/// What one party has seen of one log: its newest checkpoint, and nothing that contradicts it.
///
/// It signs nothing, unlike the witnesses of the C2SP ecosystem: it is what one party has for itself.
///
/// It goes forward only, and only over what the log has signed and proven to continue what it had. So each
/// party holds on to one view, and two parties that compare their heads find out whether it is the same.
///
/// The state is the newest checkpoint as text, some 300 bytes: [`Witness::newest`] to keep, and
/// [`Witness::resume`] to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    key: LogKey,
    newest: Option<(Head, SignedCheckpoint)>,
}

/// What a checkpoint is to a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Observation {
    /// The first one it sees; it is the witness's from now on. Nothing was there to hold it against.
    First,
    /// The head that it has.
    Same,
    /// Newer, and proven to continue what the witness had; it is the witness's from now on.
    Newer,
    /// Older, and proven to be what the witness's own continues.
    Older,
    /// Of another size, and the proof is missing, or of other sizes, or fails. Nothing is changed: ask for
    /// the proof from `old` to `new`.
    Unproven {
        /// The smaller of the two sizes.
        old: u64,
        /// The larger one.
        new: u64,
    },
    /// The log has signed two heads that cannot both be true, and this proves it. The witness keeps its own.
    Equivocation(Box<Evidence>),
}

/// What a head that somebody told is to a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Comparison {
    /// The witness has seen nothing yet.
    NothingSeen,
    /// The same head.
    Same,
    /// Newer, and consistent with the witness's own: the checkpoint behind it is worth asking for.
    Newer,
    /// Older, and consistent with the witness's own.
    Older,
    /// Of another size, without a proof that holds.
    Unproven {
        /// The smaller of the two sizes.
        old: u64,
        /// The larger one.
        new: u64,
    },
    /// It cannot be of the same log. Either it was made up, or the log shows two views: ask whoever told it
    /// for the signed checkpoint, and [`Witness::observe`] it.
    Conflict,
}

impl Witness {
    /// A witness of the log with this key, that has seen nothing.
    #[must_use]
    pub const fn new(key: LogKey) -> Self {
        Self { key, newest: None }
    }

    /// The witness that had `newest`.
    ///
    /// # Errors
    /// When the log with this key has not signed it.
    pub fn resume(key: LogKey, newest: &SignedCheckpoint) -> Result<Self, NotSigned> {
        let mut witness = Self::new(key);
        let _first = witness.observe(newest, None)?;
        Ok(witness)
    }

    /// Takes a checkpoint, from whomever, with the proof between it and the witness's own in whichever
    /// direction. None is needed for the first one, for the same size, and for size 0.
    ///
    /// # Errors
    /// When the log has not signed it; nothing is changed then.
    ///
    /// # Cost
    /// As [`SignedCheckpoint::verify`] and [`ConsistencyProof::verify`].
    pub fn observe(
        &mut self,
        checkpoint: &SignedCheckpoint,
        proof: Option<&ConsistencyProof>,
    ) -> Result<Observation, NotSigned> {
        let head = checkpoint.verify(&self.key)?;
        // What others have signed is not kept: it was not looked at.
        let checkpoint = checkpoint.only_of(&self.key).ok_or(NotSigned::NoSignature)?;
        let Some((own, newest)) = &self.newest else {
            self.newest = Some((head, checkpoint));
            return Ok(Observation::First);
        };
        Ok(match compare(own, &head, proof) {
            Comparison::Newer => {
                self.newest = Some((head, checkpoint));
                Observation::Newer
            }
            Comparison::Older => Observation::Older,
            Comparison::Same => Observation::Same,
            Comparison::Unproven { old, new } => Observation::Unproven { old, new },
            Comparison::Conflict | Comparison::NothingSeen => {
                let (older, newer) = if head.size() < own.size() {
                    (checkpoint, newest.clone())
                } else {
                    (newest.clone(), checkpoint)
                };
                Observation::Equivocation(Box::new(Evidence::of_conflict(older, newer, proof)))
            }
        })
    }

    /// Compares with a head that somebody told, as it comes in sealed content. Nothing is changed, whatever
    /// it is: without a signature it is the word of its sender, who could lead a witness astray.
    ///
    /// # Cost
    /// As [`ConsistencyProof::verify`].
    pub fn compare(&self, told: &Head, proof: Option<&ConsistencyProof>) -> Comparison {
        self.newest.as_ref().map_or(Comparison::NothingSeen, |(own, _)| compare(own, told, proof))
    }

    /// The newest head that it has seen: what it tells others.
    #[must_use]
    pub fn head(&self) -> Option<&Head> {
        self.newest.as_ref().map(|(head, _)| head)
    }

    /// The checkpoint behind it, with the log's signature alone.
    #[must_use]
    pub fn newest(&self) -> Option<&SignedCheckpoint> {
        self.newest.as_ref().map(|(_, checkpoint)| checkpoint)
    }

    /// The log's key.
    #[must_use]
    pub const fn key(&self) -> &LogKey {
        &self.key
    }
}

fn compare(own: &Head, other: &Head, proof: Option<&ConsistencyProof>) -> Comparison {
    if own.size() == other.size() {
        return if own == other { Comparison::Same } else { Comparison::Conflict };
    }
    let is_newer = own.size() < other.size();
    let (old, new) = if is_newer { (own, other) } else { (other, own) };
    // Everything continues nothing.
    let holds = old.size() == 0 || proof.is_some_and(|proof| proof.verify(old, new).is_ok());
    if holds {
        return if is_newer { Comparison::Newer } else { Comparison::Older };
    }
    // A proof that fails shows nothing, unless it leads to the newer head from another root.
    let implied =
        proof.filter(|proof| proof.old_size() == old.size()).and_then(|proof| proof.implied_old_root(new));
    if implied.is_some() {
        return Comparison::Conflict;
    }
    Comparison::Unproven { old: old.size(), new: new.size() }
}
