use std::sync::Arc;
use std::time::Duration;

use bulla::base::{Address, Clock, Rng};
use bulla::envelope::{Envelope, KeyBundle, KeyUpload};
use bulla::transport::{Caller, Connected, Delivery, Proof, Sequence, Transport, TransportError};

use super::oracle::Oracle;

/// How many calls of a hundred suffer each fault.
const LOST_REQUESTS: u64 = 12;
const LOST_ANSWERS: u64 = 12;
const DOUBLED: u64 = 12;

/// A network that loses, delays, doubles and shuffles, unless it is calm.
#[expect(
    missing_debug_implementations,
    clippy::exhaustive_structs,
    reason = "its parts are what a test puts together"
)]
pub struct Network<T> {
    /// Whether it brings everything at once, as it is.
    pub is_calm: bool,
    /// Where calls go.
    pub carrier: T,
    /// What delays are waited for by.
    pub clock: Arc<dyn Clock>,
    /// What decides which fault a call suffers.
    pub rng: Arc<dyn Rng>,
    /// Who looks at what is sent.
    pub oracle: Arc<Oracle>,
}

impl<T: Clone> Clone for Network<T> {
    fn clone(&self) -> Self {
        Self {
            is_calm: self.is_calm,
            carrier: self.carrier.clone(),
            clock: Arc::clone(&self.clock),
            rng: Arc::clone(&self.rng),
            oracle: Arc::clone(&self.oracle),
        }
    }
}

pub(crate) fn below(rng: &dyn Rng, bound: u64) -> u64 {
    let mut bytes = [0; 8];
    rng.fill(&mut bytes);
    u64::from_be_bytes(bytes) % bound
}

impl<T: Transport + Clone> Network<T> {
    /// Carries out `call`, or not, or twice, and brings its answer, or not.
    async fn pass<R, F>(&self, call: impl Fn(T) -> F) -> Result<R, TransportError>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, TransportError>> + Send + 'static,
    {
        if self.is_calm {
            return call(self.carrier.clone()).await;
        }
        self.delay().await;
        if below(&*self.rng, 100) < LOST_REQUESTS {
            self.oracle.count("lost request");
            return Err(TransportError::unavailable("the request was lost"));
        }
        if below(&*self.rng, 100) < DOUBLED {
            self.oracle.count("doubled request");
            let (again, later) =
                (call(self.carrier.clone()), Duration::from_millis(below(&*self.rng, 3_000)));
            let clock = Arc::clone(&self.clock);
            tokio::spawn(async move {
                clock.sleep(later).await;
                let _ = again.await;
            });
        }
        let answer = call(self.carrier.clone()).await;
        self.delay().await;
        if below(&*self.rng, 100) < LOST_ANSWERS {
            self.oracle.count("lost answer");
            return Err(TransportError::unavailable("the answer was lost"));
        }
        answer
    }

    async fn delay(&self) {
        self.clock.sleep(Duration::from_millis(below(&*self.rng, 200))).await;
    }
}

impl<T: Transport + Clone> Transport for Network<T> {
    async fn register(&self, caller: &Caller, proof: &Proof) -> Result<Connected, TransportError> {
        self.pass(|carrier| {
            let (caller, proof) = (caller.clone(), proof.clone());
            async move { carrier.register(&caller, &proof).await }
        })
        .await
    }

    async fn connect(&self, caller: &Caller) -> Result<Connected, TransportError> {
        let caller = caller.clone();
        self.pass(|carrier| {
            let caller = caller.clone();
            async move { carrier.connect(&caller).await }
        })
        .await
    }

    async fn publish(&self, caller: &Caller, keys: KeyUpload) -> Result<Connected, TransportError> {
        self.pass(|carrier| {
            let (caller, keys) = (caller.clone(), keys.clone());
            async move { carrier.publish(&caller, keys).await }
        })
        .await
    }

    async fn bundle(&self, caller: &Caller, of: &Address) -> Result<KeyBundle, TransportError> {
        self.pass(|carrier| {
            let (caller, of) = (caller.clone(), of.clone());
            async move { carrier.bundle(&caller, &of).await }
        })
        .await
    }

    async fn send(&self, caller: &Caller, envelope: Envelope) -> Result<(), TransportError> {
        self.oracle.sealed(&envelope);
        self.pass(|carrier| {
            let (caller, envelope) = (caller.clone(), envelope.clone());
            async move { carrier.send(&caller, envelope).await }
        })
        .await
    }

    async fn receive(&self, caller: &Caller, after: Sequence) -> Result<Vec<Delivery>, TransportError> {
        let mut deliveries = self.carrier.receive(caller, after).await?;
        if self.is_calm {
            return Ok(deliveries);
        }
        self.delay().await;
        for place in 0..deliveries.len() {
            let other = below(&*self.rng, deliveries.len() as u64);
            deliveries.swap(place, usize::try_from(other).unwrap());
        }
        if below(&*self.rng, 100) < DOUBLED {
            deliveries.extend_from_within(..1);
        }
        if below(&*self.rng, 100) < LOST_ANSWERS {
            self.oracle.count("lost delivery");
            deliveries.pop();
        }
        Ok(deliveries)
    }

    async fn low_stock(&self, caller: &Caller, at_most: usize) -> Result<Connected, TransportError> {
        self.carrier.low_stock(caller, at_most).await
    }

    async fn acknowledge(&self, caller: &Caller, sequences: &[Sequence]) -> Result<(), TransportError> {
        self.pass(|carrier| {
            let (caller, sequences) = (caller.clone(), sequences.to_vec());
            async move { carrier.acknowledge(&caller, &sequences).await }
        })
        .await
    }
}
