use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bulla_envelope::InvalidEnvelope;
use bulla_store::Store;
use bulla_transport::grpc::MAX_CALLS_IN_FLIGHT;
use bulla_transport::grpc::proto::{
    self, CarrierFrame, ClientFrame, Opened, Reason, Refusal, carrier_frame, client_frame,
};
use bulla_transport::{Caller, Connected, MAX_DELIVERIES, SendOutcome, Sequence, Transport, TransportError};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, oneshot, watch};
use tonic::{Status, Streaming};

use super::connection::Token;
use super::handed_over::HandedOver;
use super::open_streams::Seat;
use super::service::{named, refused};
use crate::Carrier;

/// One caller's stream, from its opening to its end.
pub(crate) struct Exchange<S> {
    pub(crate) carrier: Arc<Carrier<S>>,
    pub(crate) caller: Caller,
    pub(crate) frames: Streaming<ClientFrame>,
    pub(crate) outgoing: mpsc::Sender<Outgoing>,
    pub(crate) heartbeat: Duration,
    pub(crate) stopping: watch::Receiver<bool>,
    /// Who has opened another stream for the address.
    pub(crate) displaced: oneshot::Receiver<Caller>,
    pub(crate) seat: Seat,
    /// That the connection is in use.
    pub(crate) connection: Option<Token>,
}

/// What is written to the stream. In a box: a channel makes room for 32 of what it carries, however few it
/// lets wait, and every stream that is idle would hold it.
pub(crate) type Outgoing = Box<Result<CarrierFrame, Status>>;

/// A call that is being answered. `None` is no answer.
type Call = Pin<Box<dyn Future<Output = Option<carrier_frame::Frame>> + Send>>;

/// The stream is over: who called has left, or is told why.
type End = Option<Status>;

impl<S: Store> Exchange<S> {
    /// Serves the stream until it ends.
    pub(crate) async fn run(self, connected: Connected) {
        let Self { carrier, caller, frames, outgoing, heartbeat, stopping, displaced, seat, connection } =
            self;
        let connected = proto::Connected::from(connected);
        let opened = Opened {
            one_time_keys: connected.one_time_keys,
            highest_one_time: connected.highest_one_time,
            heartbeat_seconds: u32::try_from(heartbeat.as_secs()).unwrap_or(u32::MAX),
            generation: connected.generation,
            device_list: connected.device_list,
        };
        let gone = outgoing.clone();
        let calls = Calls {
            carrier: Arc::clone(&carrier),
            caller: caller.clone(),
            outgoing: outgoing.clone(),
            handed_over: Arc::default(),
        };
        let serving = async {
            write(&outgoing, carrier_frame::Frame::Opened(opened)).await?;
            serve(&calls, frames, heartbeat, stopping).await
        };
        let end = tokio::select! {
            biased;
            other = displaced => match other {
                Ok(other) => Some(displaced_by(&*carrier, &caller, &other).await),
                Err(_) => None,
            },
            () = gone.closed() => None,
            Err(end) = serving => end,
        };
        if let Some(status) = end {
            // Who does not read it any more has left.
            tokio::select! {
                _ = outgoing.send(Box::new(Err(status))) => {}
                () = carrier.clock.sleep(heartbeat) => {}
            }
        }
        drop((seat, connection));
    }
}

/// Reads the stream and answers. What is answered is not read ahead of: while too many calls are under way,
/// or who called does not read what it is told, nothing more is taken from the stream, and the network holds
/// it back.
async fn serve<S: Store>(
    calls: &Calls<S>,
    mut frames: Streaming<ClientFrame>,
    heartbeat: Duration,
    mut stopping: watch::Receiver<bool>,
) -> Result<std::convert::Infallible, End> {
    let mut running = FuturesUnordered::<Call>::new();
    let (mut receiving, mut stock) = (None::<Call>, None::<Call>);
    let (mut is_alive, mut ending) = (true, None::<End>);
    let mut beat = calls.carrier.clock.sleep(heartbeat);
    // Waited for in one piece: all streams wait for the same, and would meet at its lock with each frame.
    let mut stopped = pin!(stopping.wait_for(|is| *is));
    loop {
        if running.is_empty()
            && let Some(end) = ending
        {
            return Err(end);
        }
        let answer = tokio::select! {
            Some(answer) = running.next() => answer,
            answer = standing(&mut receiving) => { receiving = None; answer }
            answer = standing(&mut stock) => { stock = None; answer }
            frame = frames.next(), if ending.is_none() && running.len() < MAX_CALLS_IN_FLIGHT => {
                is_alive = true;
                match frame {
                    Some(Ok(ClientFrame { frame: Some(frame) })) => match frame {
                        client_frame::Frame::Send(send) => running.push(calls.send(send)),
                        client_frame::Frame::Acknowledge(these) => running.push(calls.acknowledge(these)),
                        client_frame::Frame::Receive(after) => receiving = Some(calls.receive(after)),
                        client_frame::Frame::AwaitLowStock(low) => stock = Some(calls.low_stock(low)),
                        client_frame::Frame::Heartbeat(_) => {}
                        client_frame::Frame::Open(_) => {
                            return Err(Some(refused(&InvalidEnvelope::Field { field: "frame" }.into())));
                        }
                    },
                    // Of a newer version, and so not for us.
                    Some(Ok(ClientFrame { frame: None })) => {}
                    Some(Err(status)) => return Err(Some(named(status))),
                    // What was begun is answered, should anybody still read it.
                    None => ending = Some(None),
                }
                None
            }
            _ = &mut stopped, if ending.is_none() => {
                ending = Some(Some(Refusal::because(Reason::ShuttingDown).into_status()));
                None
            }
            () = &mut beat => {
                if !std::mem::take(&mut is_alive) {
                    return Err(Some(Refusal::because(Reason::Idle).into_status()));
                }
                beat = calls.carrier.clock.sleep(heartbeat);
                Some(carrier_frame::Frame::Heartbeat(proto::Heartbeat {}))
            }
        };
        if let Some(answer) = answer {
            write(&calls.outgoing, answer).await?;
        }
    }
}

/// What a standing call comes to. Waits for good if there is none.
async fn standing(call: &mut Option<Call>) -> Option<carrier_frame::Frame> {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}

async fn write(outgoing: &mpsc::Sender<Outgoing>, frame: carrier_frame::Frame) -> Result<(), End> {
    outgoing.send(Box::new(Ok(CarrierFrame { frame: Some(frame) }))).await.map_err(|_| None)
}

/// Why the stream of `caller` ends when `other` has opened one for the address.
async fn displaced_by<S: Store>(carrier: &Carrier<S>, caller: &Caller, other: &Caller) -> Status {
    if other != caller
        && let Err(error) = carrier.connect(caller).await
    {
        return refused(&error);
    }
    Refusal::because(Reason::ConflictingStream).into_status()
}

/// Makes the calls of one stream.
struct Calls<S> {
    carrier: Arc<Carrier<S>>,
    caller: Caller,
    outgoing: mpsc::Sender<Outgoing>,
    handed_over: Arc<HandedOver>,
}

impl<S: Store> Calls<S> {
    fn send(&self, send: proto::Send) -> Call {
        let (carrier, caller, call) = (Arc::clone(&self.carrier), self.caller.clone(), send.call);
        async move {
            let SendOutcome { taken, error } = match send.read() {
                Ok(envelopes) => carrier.send_all(&caller, envelopes).await,
                Err(error) => SendOutcome::none(error.into()),
            };
            let (taken, refusal) =
                (u32::try_from(taken).unwrap_or(u32::MAX), error.as_ref().map(Refusal::of));
            Some(carrier_frame::Frame::Sent(proto::Sent { call, taken, refusal }))
        }
        .boxed()
    }

    fn acknowledge(&self, these: proto::Acknowledge) -> Call {
        let (carrier, caller, call) = (Arc::clone(&self.carrier), self.caller.clone(), these.call);
        let handed_over = Arc::clone(&self.handed_over);
        // As of now: what is handed over while this waits for its turn is not meant.
        let through = handed_over.through(these.through);
        let acknowledged = async move {
            let all = [through?, these.read()?].concat();
            let (first, rest) = all.split_at(all.len().min(MAX_DELIVERIES));
            // The first also if there is nothing: whether the caller may is looked at then, too.
            for lot in std::iter::once(first).chain(rest.chunks(MAX_DELIVERIES)) {
                carrier.acknowledge(&caller, lot).await?;
                handed_over.acknowledged(lot);
            }
            Ok(())
        };
        acknowledged
            .map(move |outcome| {
                let answer = |()| carrier_frame::Frame::Acknowledged(proto::Acknowledged { call });
                Some(outcome.map_or_else(|error| refusing(call, &error), answer))
            })
            .boxed()
    }

    /// What is queued, or first that nothing is, and then what is.
    fn receive(&self, after: proto::Receive) -> Call {
        let (carrier, caller, outgoing) =
            (Arc::clone(&self.carrier), self.caller.clone(), self.outgoing.clone());
        let handed_over = Arc::clone(&self.handed_over);
        let proto::Receive { call, epoch, number } = after;
        let after = Sequence::new(epoch, number);
        let received = async move {
            // It may be dropped while it waits, and asked for again: that makes it no shorter.
            let wait = handed_over.wait(after, carrier.clock.now());
            if !wait.is_zero() {
                carrier.clock.sleep(wait).await;
            }
            handed_over.reads(after, carrier.clock.now());
            let mut deliveries = carrier.deliveries_now(&caller, after).await?;
            if deliveries.is_empty() {
                let empty = carrier_frame::Frame::QueueEmpty(proto::QueueEmpty { call });
                // If nobody reads it, the stream ends anyway.
                let _ = write(&outgoing, empty).await;
                deliveries = carrier.receive(&caller, after).await?;
            }
            let fitting = proto::Deliveries::fitting(call, &deliveries);
            // Before it is written, for it may be acknowledged at once.
            handed_over.add(deliveries.get(..fitting.deliveries.len()).unwrap_or_default());
            Ok(carrier_frame::Frame::Deliveries(fitting))
        };
        received.map(move |outcome| Some(outcome.unwrap_or_else(|error| refusing(call, &error)))).boxed()
    }

    fn low_stock(&self, low: proto::AwaitLowStock) -> Call {
        let (carrier, caller) = (Arc::clone(&self.carrier), self.caller.clone());
        let proto::AwaitLowStock { call, at_most } = low;
        let at_most = usize::try_from(at_most).unwrap_or(usize::MAX);
        let stock = async move { carrier.low_stock(&caller, at_most).await };
        stock
            .map(move |outcome| {
                let answer = |connected| {
                    let proto::Connected { one_time_keys, highest_one_time, standing, .. } =
                        proto::Connected::from(connected);
                    let low = proto::LowStock { call, one_time_keys, highest_one_time, standing };
                    carrier_frame::Frame::LowStock(low)
                };
                Some(outcome.map_or_else(|error| refusing(call, &error), answer))
            })
            .boxed()
    }
}

fn refusing(call: u64, error: &TransportError) -> carrier_frame::Frame {
    carrier_frame::Frame::Refused(proto::Refused { call, refusal: Some(Refusal::of(error)) })
}
