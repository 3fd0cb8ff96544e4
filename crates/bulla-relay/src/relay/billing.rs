//! Statements that go between who bills and who is billed, over the connection that the relay has.

use bulla_base::PhoneNumberId;
use bulla_meter::{
    Answers, BillingRequest, Comparison, InvalidForm, Period, RateCard, Rater, Side, SignedStatement,
    Statement, Tariff,
};
use bulla_store::Store;
use bulla_transport::Transport;
use bytes::Bytes;
use tracing::Instrument;

use super::{Inner, Relay, trace_span};
use crate::{BillingError, EventSink};

/// What a business is billed, between its relay and the carrier: who bills issues a statement, the relay
/// fetches it, compares it message by message with what it has counted itself, and counter-signs or
/// disputes it. Keys and rate cards are the host's, and come from elsewhere than from the carrier.
impl<S: Store, T: Transport, K: EventSink> Relay<S, T, K> {
    /// The statement of a `period` that the carrier has for `business`. Whether its issuer is who bills,
    /// [`SignedStatement::is_issued_by`] tells.
    ///
    /// # Errors
    /// [`BillingError`].
    ///
    /// # Cost
    /// A call of the carrier.
    pub async fn statement(
        &self,
        business: PhoneNumberId,
        period: Period,
    ) -> Result<SignedStatement, BillingError> {
        let account = self.0.account(business)?;
        let asking = async {
            let told = self.0.ask_billing(business, &BillingRequest::Statement(period)).await?;
            let signed = SignedStatement::from_bytes(&told)?;
            let (of, when) = (signed.statement().account(), signed.statement().period());
            if (of, when) != (account, period) {
                return Err(other("of the account and the period that were asked for").into());
            }
            Ok(signed)
        };
        asking.instrument(trace_span::call("billing", Some(business))).await
    }

    /// Tells the carrier what is said to a statement: `answered` is
    /// [counter-signed](SignedStatement::counter_sign) or [disputed](SignedStatement::dispute). A dispute
    /// can be followed by a counter-signature, and that by nothing. The same again is taken again.
    ///
    /// # Errors
    /// [`BillingError`].
    ///
    /// # Cost
    /// A call of the carrier.
    pub async fn answer_statement(
        &self,
        business: PhoneNumberId,
        answered: &SignedStatement,
    ) -> Result<(), BillingError> {
        if answered.answer().is_none() {
            return Err(other("counter-signed or disputed").into());
        }
        let request = BillingRequest::Answer(answered.statement().period(), Box::new(answered.clone()));
        let answering = self.0.ask_billing(business, &request);
        answering.instrument(trace_span::call("billing", Some(business))).await.map(drop)
    }

    /// Compares what the relay has [counted](Self::ledger) of the period of `statement`, rated by `card`,
    /// with what the carrier has: each message that they do not agree on is found. Here is the relay, there
    /// the carrier.
    ///
    /// # Errors
    /// [`BillingError`]; [`BillingError::Invalid`] also when the statement was rated by another card.
    ///
    /// # Cost
    /// As [`ledger`](Self::ledger), and some ten calls of the carrier, with some four kilobytes for each
    /// difference.
    pub async fn reconcile(
        &self,
        business: PhoneNumberId,
        statement: &Statement,
        card: &RateCard,
    ) -> Result<bulla_meter::Report, BillingError> {
        if *statement.card() != card.hash() {
            return Err(other("rated by the card").into());
        }
        let (period, zone) = (statement.period(), statement.zone());
        let counted = self.ledger(business, statement.account(), period).await?;
        let tariff = Tariff::new(card, zone);
        let leaves = Rater::new(&tariff, zone).rate(&counted.deliveries(zone));
        let side = Side::new(zone.clone(), leaves.map_err(|(_, why)| why)?)?;
        let comparing = async {
            let mut comparison = Comparison::new(&side);
            while let Some(question) = comparison.question() {
                let request = BillingRequest::Compare(period, question);
                let told = self.0.ask_billing(business, &request).await?;
                comparison.answer(&Answers::from_bytes(&told)?)?;
            }
            Ok(comparison.finish()?)
        };
        comparing.instrument(trace_span::call("billing", Some(business))).await
    }
}

impl<S: Store, T: Transport, K: EventSink> Inner<S, T, K> {
    async fn ask_billing(
        &self,
        business: PhoneNumberId,
        request: &BillingRequest,
    ) -> Result<Bytes, BillingError> {
        let caller = self.tenant(business)?.caller.clone();
        Ok(self.transport.billing(&caller, request.to_bytes().into()).await?)
    }
}

const fn other(expected: &'static str) -> InvalidForm {
    InvalidForm::Field { field: "statement", expected }
}
