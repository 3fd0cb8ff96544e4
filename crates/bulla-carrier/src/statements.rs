//! Statements of what a business is billed: told to its relay, answered by it, and compared with what the
//! relay has counted, over the connection that the two have.

use std::sync::Arc;

use bulla_base::{Address, PhoneNumberId};
use bulla_envelope::InvalidEnvelope;
use bulla_meter::{
    Answer, BillingKey, BillingRequest, CountedPeriod, InvalidForm, MAX_BILLING_BYTES, Period, RateCard,
    Rater, Side, SignedStatement, Statement, Tariff,
};
use bulla_store::{Batch, Key, MAX_VALUE_BYTES, Store, StoreError};
use bulla_transport::TransportError;
use bytes::Bytes;
use thiserror::Error;
use tokio::sync::RwLockReadGuard;
use tokio::task::spawn_blocking;

use crate::Carrier;
use crate::carrier::store_failed;
use crate::compared_sides::{Asked, Basis, Made, NotMade};
use crate::ledger::counted_period;
use crate::metrics::STATEMENTS;
use crate::store_layout::STATEMENT;

/// Why a statement was not issued. The host's move.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// It has an answer already, was rated by another card, or is larger than is told over the connection.
    #[error("the statement cannot be issued")]
    Invalid(#[from] InvalidForm),
    /// The business is being erased. Once that is done, one can be issued that stays.
    #[error("the business is being erased")]
    BeingErased,
    /// There is one of the period, which the business has counter-signed.
    #[error("the business has counter-signed a statement of the period")]
    CounterSigned,
    /// The operator's: the disk.
    #[error("the carrier's store failed")]
    Store(#[from] StoreError),
}

/// What is kept of a statement.
///
/// ```text
/// key of who is billed (32) ‖ length (u32) ‖ rate card ‖ signed statement
/// ```
struct Issued {
    answerer: BillingKey,
    card: RateCard,
    signed: SignedStatement,
}

impl Issued {
    const DAMAGED: StoreError = StoreError::Damaged { what: "statement" };

    fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let (key, rest) = bytes.split_first_chunk()?;
            let (length, rest) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (card, signed) = rest.split_at_checked(length)?;
            let answerer = BillingKey::from_bytes(key).ok()?;
            let (card, signed) =
                (RateCard::from_bytes(card).ok()?, SignedStatement::from_bytes(signed).ok()?);
            Some(Self { answerer, card, signed })
        };
        read().ok_or(Self::DAMAGED)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let Self { answerer, card, signed } = self;
        let card = card.to_bytes();
        // Measured when it is issued.
        let length = u32::try_from(card.len()).unwrap_or(u32::MAX);
        [&answerer.as_bytes()[..], &length.to_be_bytes(), &card, &signed.to_bytes()].concat()
    }

    /// Whether nothing else was issued `before`, whatever was answered.
    fn is_what_was(&self, before: &Self) -> bool {
        let what = |issued: &Self| (issued.answerer, *issued.signed.issuer());
        what(self) == what(before) && self.signed.statement() == before.signed.statement()
    }
}

impl<S: Store> Carrier<S> {
    /// Has the relay of `business` ask for `signed`, the statement of its period, which was rated by `card`;
    /// answer it with the key `answerer`; and compare what it has counted with what is
    /// [counted](Self::ledger) here. It takes the place of what was issued of the same period, unless that is
    /// counter-signed. The same once more changes nothing: what the business has answered stays.
    ///
    /// It is of one number: where an account has several, each has statements of its own. It stays until the
    /// business is erased.
    ///
    /// # Errors
    /// [`IssueError`].
    ///
    /// # Cost
    /// A commit of the statement and its card, half a megabyte at most.
    pub async fn issue_statement(
        &self,
        business: PhoneNumberId,
        signed: &SignedStatement,
        card: &RateCard,
        answerer: &BillingKey,
    ) -> Result<(), IssueError> {
        let field = |expected| InvalidForm::Field { field: "statement to be issued", expected };
        if signed.answer().is_some() || *signed.statement().card() != card.hash() {
            return Err(field("no answer yet, and the card that it was rated by").into());
        }
        let issued = Issued { answerer: *answerer, card: card.clone(), signed: signed.clone() };
        let (period, row) = (signed.statement().period(), issued.to_bytes());
        // Room for the answer is left.
        if signed.to_bytes().len() > MAX_BILLING_BYTES / 2 || row.len() > MAX_VALUE_BYTES / 2 {
            return Err(field("half of what is told at once, with its card").into());
        }
        let address = Address::business(business);
        let issuing = async {
            let partition = self.partition(&address);
            let _lock = self.keyed_mutex.lock(partition).await;
            if self.erasures.is_under_way(partition) {
                return Ok(Err(IssueError::BeingErased));
            }
            let before = self.issued_unless_damaged(business, period).await?;
            if before.as_ref().is_some_and(|before| is_counter_signed(&before.signed)) {
                return Ok(Err(IssueError::CounterSigned));
            }
            if before.is_some_and(|before| issued.is_what_was(&before)) {
                return Ok(Ok(()));
            }
            let mut batch = Batch::new(partition);
            batch.put(key(period), row);
            // It expects nothing.
            let _ = self.store.commit(batch).await?;
            self.compared.forget(partition);
            metrics::counter!(STATEMENTS, "outcome" => "issued").increment(1);
            Ok(Ok(()))
        };
        self.for_host(self.call("bill", &address, None), issuing).await?
    }

    /// The statement of `business` of a `period`, with what its relay has answered, if there is one.
    ///
    /// # Errors
    /// When the store fails, or holds a damaged statement.
    pub async fn statement(
        &self,
        business: PhoneNumberId,
        period: Period,
    ) -> Result<Option<SignedStatement>, StoreError> {
        let span = self.call("bill", &Address::business(business), None);
        let issued = self.for_host(span, self.issued(business, period)).await?;
        Ok(issued.map(|issued| issued.signed))
    }

    /// What `business`, whose relay asks and may `pass`, gets for an answer.
    pub(crate) async fn answer_billing(
        &self,
        business: PhoneNumberId,
        request: &[u8],
        pass: RwLockReadGuard<'_, ()>,
    ) -> Result<Bytes, TransportError> {
        let request = BillingRequest::from_bytes(request);
        let request = request.map_err(|_| InvalidEnvelope::Field { field: "billing request" })?;
        let period = request.period();
        let partition = self.partition(&Address::business(business));
        match request {
            BillingRequest::Statement(_) => {
                let issued = self.issued(business, period).await.map_err(store_failed)?;
                Ok(issued.ok_or(TransportError::NoStatement)?.signed.to_bytes().into())
            }
            BillingRequest::Answer(_, answered) => {
                let _lock = self.lock(partition).await?;
                let issued = self.issued(business, period).await.map_err(store_failed)?;
                let issued = issued.ok_or(TransportError::NoStatement)?;
                if *answered == issued.signed {
                    // Who repeats it has not heard that it was taken.
                    return Ok(Bytes::new());
                }
                let is_of_it = answered.statement() == issued.signed.statement()
                    && answered.verify(issued.signed.issuer(), &issued.answerer);
                if !is_of_it || is_counter_signed(&issued.signed) {
                    return Err(InvalidEnvelope::Field { field: "answer to a statement" }.into());
                }
                let outcome = if is_counter_signed(&answered) { "counter_signed" } else { "disputed" };
                let mut batch = Batch::new(partition);
                batch.put(key(period), Issued { signed: *answered, ..issued }.to_bytes());
                // It expects nothing.
                let _ = self.store.commit(batch).await.map_err(store_failed)?;
                metrics::counter!(STATEMENTS, "outcome" => outcome).increment(1);
                tracing::info!(%business, outcome, "a statement was answered");
                Ok(Bytes::new())
            }
            BillingRequest::Compare(_, question) => {
                // It was let pass, and changes nothing. Others connect while it waits.
                drop(pass);
                let side = self.side(business, period).await?;
                let answering = move || side.answer(&question).map(|answers| answers.to_bytes());
                // It panicked, or the runtime ends.
                let answers = spawn_blocking(answering).await.map_err(TransportError::carrier_failed)?;
                let answers = answers.map_err(|_| InvalidEnvelope::Field { field: "question" })?;
                Ok(answers.into())
            }
            _ => Err(InvalidEnvelope::Field { field: "billing request" }.into()),
        }
    }

    /// What was counted in a period of which there is a statement, rated by its card.
    async fn side(&self, business: PhoneNumberId, period: Period) -> Result<Arc<Side>, TransportError> {
        let partition = self.partition(&Address::business(business));
        loop {
            let asked = {
                let _lock = self.lock(partition).await?;
                let issued = self.issued(business, period).await.map_err(store_failed)?;
                let Issued { card, signed, .. } = issued.ok_or(TransportError::NoStatement)?;
                let of = Basis::of(signed.statement());
                let making = make_side(Arc::clone(&self.store), business, signed, card);
                self.compared.ask(partition, of, &self.clock, making)?
            };
            match asked {
                Asked::Itself(mut outcome) => {
                    let made = outcome.wait_for(Option::is_some).await.map(|made| made.clone());
                    // It was forgotten while it was made.
                    let changed = || TransportError::unavailable("what is compared was changed");
                    let (made, _) = made.ok().flatten().ok_or_else(changed)??;
                    return Ok(made.side);
                }
                // Whatever comes of it.
                Asked::Another(mut outcome) => drop(outcome.wait_for(Option::is_some).await),
            }
        }
    }

    /// What was issued, unless it cannot be read: then another can take its place.
    async fn issued_unless_damaged(
        &self,
        business: PhoneNumberId,
        period: Period,
    ) -> Result<Option<Issued>, StoreError> {
        match self.issued(business, period).await {
            Err(error) if error.is_of_a_record() => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(%business, error, "a statement that cannot be read is replaced");
                Ok(None)
            }
            issued => issued,
        }
    }

    async fn issued(&self, business: PhoneNumberId, period: Period) -> Result<Option<Issued>, StoreError> {
        let partition = self.partition(&Address::business(business));
        let row = self.store.get(partition, &key(period), self.clock.now()).await?;
        row.map(|row| Issued::read(&row.value)).transpose()
    }
}

/// Reads what was counted, and rates it on a thread that nobody else waits for.
async fn make_side<S: Store>(
    store: Arc<S>,
    business: PhoneNumberId,
    signed: SignedStatement,
    card: RateCard,
) -> Result<Made, NotMade> {
    let (account, period) = (signed.statement().account(), signed.statement().period());
    let counted = counted_period(&*store, business, account, period).await.map_err(NotMade::store)?;
    let rating = move || rated(signed.statement(), &card, &counted);
    spawn_blocking(rating).await.map_err(NotMade::failed)?
}

fn rated(statement: &Statement, card: &RateCard, counted: &CountedPeriod) -> Result<Made, NotMade> {
    let (zone, tariff) = (statement.zone(), Tariff::new(card, statement.zone()));
    let leaves = Rater::new(&tariff, zone).rate(&counted.deliveries(zone));
    let leaves = leaves.map_err(|(_, why)| NotMade::failed(why))?;
    let count = leaves.len();
    let side = Side::new(zone.clone(), leaves).map_err(NotMade::failed)?;
    Ok(Made { side: Arc::new(side), leaves: count })
}

const fn is_counter_signed(signed: &SignedStatement) -> bool {
    matches!(signed.answer(), Some(Answer::CounterSigned { .. }))
}

fn key(period: Period) -> Key {
    let bounds = [period.from(), period.to()].map(|hour| hour.minutes().to_be_bytes());
    Key::undated(STATEMENT, bounds.as_flattened().to_vec())
}
