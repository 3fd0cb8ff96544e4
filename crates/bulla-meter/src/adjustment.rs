use bulla_base::BusinessAccountId;

use crate::billing_key::{BillingKey, BillingSigner, Purpose, Signature};
use crate::error::{at_most, invalid};
use crate::form::{Reader, put_text};
use crate::limits::MAX_REASON_BYTES;
use crate::{Amount, InvalidForm, Leaf, Period};

/// Which way the money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Direction {
    /// It is billed now.
    Charge,
    /// It was billed and is given back.
    Credit,
}

/// Why something is put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AdjustmentReason {
    /// It was known after its statement.
    Late,
    /// What was known late moved it to another tier.
    MovedTier,
    /// It was wrong.
    Correction,
}

impl AdjustmentReason {
    /// What a person reads.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::MovedTier => "moved_tier",
            Self::Correction => "correction",
        }
    }
}

/// What puts an earlier statement right: a leaf that is charged or given back, and never a changed one.
///
/// ```text
///   account   u64, big-endian      direction  u8     0 charge, 1 credit
///   from, to  u32 each             reason     u8     0 late, 1 moved tier, 2 correction
///   leaf      46 bytes             note       text
///   signer    32 bytes             signature  64 bytes    of all before it
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    account: BusinessAccountId,
    period: Period,
    leaf: Leaf,
    direction: Direction,
    reason: AdjustmentReason,
    note: Box<str>,
    signer: BillingKey,
    signature: Signature,
}

impl Adjustment {
    /// That `leaf` of `account`, which belongs to `period`, is charged or given back.
    ///
    /// # Errors
    /// When the leaf's hour is not in the period, or `note` is longer than [`MAX_REASON_BYTES`] or has
    /// control characters.
    pub fn new(
        (account, period): (BusinessAccountId, Period),
        leaf: Leaf,
        direction: Direction,
        (reason, note): (AdjustmentReason, &str),
        signer: &BillingSigner,
    ) -> Result<Self, InvalidForm> {
        let (signature, signer_key) = (Signature::from_bytes([0; 64]), *signer.public());
        let note = note.into();
        let mut adjustment =
            Self { account, period, leaf, direction, reason, note, signer: signer_key, signature };
        adjustment.check()?;
        adjustment.signature = signer.sign(Purpose::Adjustment, &adjustment.signed());
        Ok(adjustment)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidForm> {
        let unknown = || invalid("adjustment", "words there are");
        let account = BusinessAccountId::new(reader.u64()?);
        let period = reader.period()?;
        let leaf = Leaf::read(reader)?;
        let direction = match reader.u8()? {
            0 => Direction::Charge,
            1 => Direction::Credit,
            _ => return Err(unknown()),
        };
        let reason = match reader.u8()? {
            0 => AdjustmentReason::Late,
            1 => AdjustmentReason::MovedTier,
            2 => AdjustmentReason::Correction,
            _ => return Err(unknown()),
        };
        let note = reader.text("note of the adjustment", MAX_REASON_BYTES)?.into();
        let signer = BillingKey::from_bytes(&reader.array()?)?;
        let signature = Signature::from_bytes(reader.array()?);
        let adjustment = Self { account, period, leaf, direction, reason, note, signer, signature };
        adjustment.check()?;
        Ok(adjustment)
    }

    fn check(&self) -> Result<(), InvalidForm> {
        at_most("note of the adjustment, in bytes", MAX_REASON_BYTES, self.note.len())?;
        if self.note.contains(char::is_control) {
            return Err(invalid("note of the adjustment", "no control characters"));
        }
        if !self.period.contains(self.leaf.hour) {
            return Err(invalid("leaf of the adjustment", "an hour of its period"));
        }
        Ok(())
    }

    /// Whose.
    #[must_use]
    pub const fn account(&self) -> BusinessAccountId {
        self.account
    }

    /// The period that it is about.
    #[must_use]
    pub const fn period(&self) -> Period {
        self.period
    }

    /// What is charged or given back.
    #[must_use]
    pub const fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// Which of both.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> AdjustmentReason {
        self.reason
    }

    /// What whoever signed it has to add.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Who says so.
    #[must_use]
    pub const fn signer(&self) -> &BillingKey {
        &self.signer
    }

    /// What it comes to: below zero when it is given back.
    #[must_use]
    pub fn amount(&self) -> Amount {
        match self.direction {
            Direction::Charge => self.leaf.amount(),
            Direction::Credit => -self.leaf.amount(),
        }
    }

    /// Whether its signer signed it.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.signer.has_signed(Purpose::Adjustment, &self.signed(), &self.signature)
    }

    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.signed());
        bytes.extend(self.signature.as_bytes());
    }

    fn signed(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + self.note.len());
        bytes.extend(self.account.number().to_be_bytes());
        bytes.extend(self.period.from().minutes().to_be_bytes());
        bytes.extend(self.period.to().minutes().to_be_bytes());
        bytes.extend(self.leaf.to_bytes());
        bytes.push(match self.direction {
            Direction::Charge => 0,
            Direction::Credit => 1,
        });
        bytes.push(match self.reason {
            AdjustmentReason::Late => 0,
            AdjustmentReason::MovedTier => 1,
            AdjustmentReason::Correction => 2,
        });
        put_text(&mut bytes, &self.note);
        bytes.extend(self.signer.as_bytes());
        bytes
    }
}

/// What leads from what was `billed` of `period`, in its statement and adjustments since, to what should have
/// been: every leaf that is no longer as it was is given back, and charged as it is. Both by tag.
///
/// # Errors
/// As for [`Adjustment::new`].
pub fn compensate(
    (account, period): (BusinessAccountId, Period),
    billed: &[Leaf],
    should_be: &[Leaf],
    note: &str,
    signer: &BillingSigner,
) -> Result<Vec<Adjustment>, InvalidForm> {
    let (mut left, mut right) = (billed.iter().peekable(), should_be.iter().peekable());
    let mut adjustments = Vec::new();
    let mut put = |leaf: &Leaf, direction, reason| {
        let adjustment = Adjustment::new((account, period), *leaf, direction, (reason, note), signer)?;
        adjustments.push(adjustment);
        Ok::<(), InvalidForm>(())
    };
    loop {
        match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(old), Some(new)) if old == new => {
                left.next();
                right.next();
            }
            (Some(old), Some(new)) if old.tag == new.tag => {
                let moved =
                    Leaf { tier: new.tier, micros: new.micros, pricing_type: new.pricing_type, ..**old };
                let is_moved = moved == **new;
                let reason =
                    if is_moved { AdjustmentReason::MovedTier } else { AdjustmentReason::Correction };
                put(old, Direction::Credit, reason)?;
                put(new, Direction::Charge, reason)?;
                left.next();
                right.next();
            }
            (Some(old), new) if new.is_none_or(|new| old.tag < new.tag) => {
                put(old, Direction::Credit, AdjustmentReason::Correction)?;
                left.next();
            }
            (_, Some(new)) => {
                put(new, Direction::Charge, AdjustmentReason::Late)?;
                right.next();
            }
            (Some(_), None) => break,
        }
    }
    Ok(adjustments)
}
