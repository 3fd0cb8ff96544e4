//! Statements of what a business is billed: told to its relay, answered by it, and compared with what the
//! relay has counted, over the connection that the two have.

use std::sync::Arc;

use bulla_base::{Address, PhoneNumberId, Timestamp};
use bulla_envelope::InvalidEnvelope;
use bulla_meter::{
    Answer, BillingKey, BillingRequest, InvalidForm, MAX_BILLING_BYTES, Period, RateCard, Rater, Side,
    SignedStatement, Statement, Tariff,
};
use bulla_store::{Batch, Key, MAX_VALUE_BYTES, Store, StoreError};
use bulla_transport::TransportError;
use bytes::Bytes;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::Carrier;
use crate::carrier::store_failed;
use crate::limits::SIDE_KEPT_FOR;
use crate::metrics::STATEMENTS;
use crate::store_layout::STATEMENT;

/// Why a statement was not issued. The host's move.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// It has an answer already, was rated by another card, or is larger than is told over the connection.
    #[error("the statement cannot be issued")]
    Invalid(#[from] InvalidForm),
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

/// What was counted in a period, as it is compared. One at a time is kept: a comparison asks for it some ten
/// times.
#[derive(Default)]
pub(crate) struct ComparedSide(Mutex<Option<Compared>>);

struct Compared {
    business: PhoneNumberId,
    period: Period,
    since: Timestamp,
    side: Arc<Side>,
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
}

impl<S: Store> Carrier<S> {
    /// Has the relay of `business` ask for `signed`, the statement of its period, which was rated by `card`;
    /// answer it with the key `answerer`; and compare what it has counted with what is
    /// [counted](Self::ledger) here. What was issued of the same period takes its place, unless it is
    /// counter-signed.
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
            let before = self.issued(business, period).await?;
            if before.is_some_and(|before| is_counter_signed(&before.signed)) {
                return Ok(false);
            }
            let mut batch = Batch::new(partition);
            batch.put(key(period), row);
            // It expects nothing.
            let _ = self.store.commit(batch).await?;
            Ok(true)
        };
        match self.for_host(self.call("bill", &address, None), issuing).await? {
            true => {
                metrics::counter!(STATEMENTS, "outcome" => "issued").increment(1);
                Ok(())
            }
            false => Err(IssueError::CounterSigned),
        }
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

    /// What `business`, whose relay asks, gets for an answer.
    pub(crate) async fn answer_billing(
        &self,
        business: PhoneNumberId,
        request: &[u8],
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
                let side = self.side(business, period).await?;
                Ok(side.answer(&question).to_bytes().into())
            }
            _ => Err(InvalidEnvelope::Field { field: "billing request" }.into()),
        }
    }

    /// What was counted in a period of which there is a statement, rated by its card.
    async fn side(&self, business: PhoneNumberId, period: Period) -> Result<Arc<Side>, TransportError> {
        // One after the other: what is compared is in memory.
        let mut kept = self.compared.0.lock().await;
        let now = self.clock.now();
        if let Some(known) = &*kept
            && (known.business, known.period) == (business, period)
            && now.since(known.since) < SIDE_KEPT_FOR
        {
            return Ok(Arc::clone(&known.side));
        }
        *kept = None;
        let issued = self.issued(business, period).await.map_err(store_failed)?;
        let Issued { card, signed, .. } = issued.ok_or(TransportError::NoStatement)?;
        let statement = signed.statement();
        let counted = self.ledger(business, statement.account(), period).await.map_err(store_failed)?;
        let rated = rated(statement, &card, &counted.deliveries(statement.zone()));
        let side = Arc::new(rated.map_err(TransportError::carrier_failed)?);
        *kept = Some(Compared { business, period, since: now, side: Arc::clone(&side) });
        Ok(side)
    }

    async fn issued(&self, business: PhoneNumberId, period: Period) -> Result<Option<Issued>, StoreError> {
        let partition = self.partition(&Address::business(business));
        let row = self.store.get(partition, &key(period), self.clock.now()).await?;
        row.map(|row| Issued::read(&row.value)).transpose()
    }
}

fn rated(
    statement: &Statement,
    card: &RateCard,
    deliveries: &[(bulla_meter::MessageTag, bulla_meter::Delivery)],
) -> Result<Side, Box<dyn std::error::Error + Send + Sync>> {
    let tariff = Tariff::new(card, statement.zone());
    let leaves = Rater::new(&tariff, statement.zone()).rate(deliveries).map_err(|(_, why)| why)?;
    Ok(Side::new(statement.zone().clone(), leaves)?)
}

const fn is_counter_signed(signed: &SignedStatement) -> bool {
    matches!(signed.answer(), Some(Answer::CounterSigned { .. }))
}

fn key(period: Period) -> Key {
    let bounds = [period.from(), period.to()].map(|hour| hour.minutes().to_be_bytes());
    Key::undated(STATEMENT, bounds.as_flattened().to_vec())
}
