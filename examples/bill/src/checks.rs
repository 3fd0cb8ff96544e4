use bulla_meter::{
    Adjustment, Answer, BillingKey, Leaf, RateCard, Statement, StatementFault, Tariff, Unrated,
};

use crate::earlier::Standing;
use crate::fault::Fault;
use crate::given::Given;

/// What of a statement was checked, and what was not: all that can be with what was given. What does not hold
/// is an error, so that nothing of it is shown.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// What a person reads of each.
    pub(crate) lines: Vec<String>,
    /// Whether rates were left unchecked because what was before in the month was not given.
    pub(crate) lacks_earlier: bool,
    /// Signed a correction, and is not among the keys that were given.
    pub(crate) stranger: Option<BillingKey>,
}

impl Checks {
    pub(crate) fn of(given: &Given) -> Result<Self, Fault> {
        let mut checks = Self::default();
        checks.signature(given)?;
        checks.answer(given)?;
        checks.adjustments(given)?;
        checks.leaves_and_card(given)?;
        Ok(checks)
    }

    fn done(&mut self, what: impl AsRef<str>) {
        self.lines.push(format!("Checked: {}.", what.as_ref()));
    }

    fn left(&mut self, what: impl AsRef<str>) {
        self.lines.push(format!("Not checked: {}.", what.as_ref()));
    }

    fn signature(&mut self, given: &Given) -> Result<(), Fault> {
        let (signed, named) = (&given.signed, given.signed.issuer());
        if !signed.is_issued_by(named) {
            return Err(Fault::NotSigned(Box::new(*named)));
        }
        match given.keys.issuer {
            Some(issuer) if issuer != *named => return Err(Fault::OtherIssuer(Box::new(*named))),
            Some(_) => self.done("the statement is signed by the issuer"),
            None => self.left(format!("whose signature it is, no --issuer given; it names {named}")),
        }
        Ok(())
    }

    fn answer(&mut self, given: &Given) -> Result<(), Fault> {
        let (by, what) = match given.signed.answer() {
            Some(Answer::CounterSigned { by, .. }) => (by, "counter-signed".to_owned()),
            Some(Answer::Disputed { by, reason, .. }) => (by, format!("disputed, {reason:?},")),
            _ => return Ok(()),
        };
        if !given.signed.verify(given.signed.issuer(), by) {
            return Err(Fault::AnswerNotSigned(Box::new(*by)));
        }
        if given.keys.believes(by) {
            self.done(format!("the statement is {what} by {}", given.signer(by)));
        } else {
            self.left(format!("whether whom it is {what} by may do so, no --trust given: {by}"));
        }
        Ok(())
    }

    fn adjustments(&mut self, given: &Given) -> Result<(), Fault> {
        let adjustments = given.statement().adjustments();
        if let Some(number) = adjustments.iter().position(|adjustment| !adjustment.is_signed()) {
            return Err(StatementFault::NotSigned { number }.into());
        }
        let mut signers = Vec::<(&BillingKey, usize)>::new();
        for key in adjustments.iter().map(Adjustment::signer) {
            match signers.iter_mut().find(|(known, _)| *known == key) {
                Some((_, count)) => *count += 1,
                None => signers.push((key, 1)),
            }
        }
        for (key, count) in signers {
            let signed = format!("{count} {} signed by {}", corrections(count), given.signer(key));
            if given.keys.believes(key) {
                self.done(signed);
            } else {
                self.left(format!("whether who signed a correction may do so; {signed}"));
                self.stranger.get_or_insert(*key);
            }
        }
        Ok(())
    }

    fn leaves_and_card(&mut self, given: &Given) -> Result<(), Fault> {
        let statement = given.statement();
        match (&given.leaves, &given.card) {
            (Some(leaves), Some(card)) => self.rates(given, leaves, card)?,
            (Some(leaves), None) => {
                statement.verify_leaves(leaves).map_err(|fault| in_words(fault, statement, leaves.len()))?;
                self.leaves_are_its(leaves);
                self.left("card and rates, no --card given");
            }
            (None, Some(card)) => {
                if *statement.card() != card.hash() || statement.currency() != card.currency() {
                    return Err(Fault::OtherCard);
                }
                self.done(format!("it was rated by the card {}", card.id()));
                self.left("leaves, sums and rates, no --leaves given");
            }
            (None, None) => {
                self.left("leaves and sums, no --leaves given");
                self.left("card and rates, no --card given");
            }
        }
        Ok(())
    }

    fn rates(&mut self, given: &Given, leaves: &[Leaf], card: &RateCard) -> Result<(), Fault> {
        let (statement, earlier) = (given.statement(), &given.earlier);
        let verified = statement.verify(leaves, card, &earlier.leaves);
        self.lacks_earlier = earlier.is_missing_for(&Tariff::new(card, statement.zone()));
        match verified {
            Ok(()) => {}
            // Which tier a message is in cannot be told, and what can was checked before.
            Err(
                StatementFault::OtherRate { .. }
                | StatementFault::Unrated { why: Unrated::ChargedTooMuch { .. }, .. },
            ) if self.lacks_earlier => {}
            Err(fault @ StatementFault::OtherRate { .. }) if earlier.standing == Standing::Given => {
                return Err(Fault::WrongIfEarlier(fault));
            }
            Err(fault) => return Err(in_words(fault, statement, leaves.len())),
        }
        self.leaves_are_its(leaves);
        self.done(format!("it was rated by the card {}", card.id()));
        match earlier.standing {
            _ if self.lacks_earlier => self.left(
                "rates, which depend on what was before in the month: the period begins within one, and no \
                 --earlier given",
            ),
            Standing::Given => {
                self.done("each rate follows from the card and what --earlier says was before in the month");
                self.left("whether that was so, no --before given");
            }
            Standing::Proved => {
                self.done("each rate follows from the card and what the statements before say of the month");
            }
            Standing::Nothing | Standing::Missing => self.done("each rate follows from the card"),
        }
        Ok(())
    }

    fn leaves_are_its(&mut self, leaves: &[Leaf]) {
        self.done(format!("the {} leaves are the statement's, and its sums are theirs", leaves.len()));
    }
}

const fn corrections(count: usize) -> &'static str {
    if count == 1 { "correction is" } else { "corrections are" }
}

/// A fault that may as well be that of who gave the files.
fn in_words(fault: StatementFault, statement: &Statement, given: usize) -> Fault {
    match fault {
        StatementFault::OtherCard => Fault::OtherCard,
        StatementFault::OtherLeaves => {
            let (stated, root) = (statement.leaves().size(), statement.leaves().root());
            let root = root.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            Fault::OtherLeaves { given, stated, root }
        }
        fault => Fault::Wrong(fault),
    }
}
