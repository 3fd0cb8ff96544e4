//! NATS JetStream, a store-and-forward peer: each message on the disk before it is acknowledged, a durable
//! consumer for each receiver, and what was acknowledged is forgotten.

mod connection;
mod server;

use std::io;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::{Semaphore, oneshot};

use self::connection::{Connection, ask};
use self::server::Server;
use crate::load::{Load, Run};
use crate::parties::envelope_bytes;

pub(crate) struct Nats(Server);

impl Nats {
    /// # Errors
    /// When there is none to be had.
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self(Server::start()?))
    }

    /// The same traffic: those who write on one connection, those who receive on one each.
    pub(crate) async fn run(&self, load: Load) -> Run {
        let (way, each) = (&self.0.way, load.messages / load.pairs);
        let stream = r#"{"name":"MAIL","subjects":["mail.*"],"retention":"workqueue","storage":"file"}"#;
        ask(way, "$JS.API.STREAM.CREATE.MAIL", stream).await;
        let received = join_all((0..load.pairs).map(|place| self.receive(place, each))).await;
        let places: Arc<[Semaphore]> =
            (0..load.pairs).map(|_| Semaphore::new(load.in_flight)).collect::<Vec<_>>().into();
        let acknowledged = Arc::clone(&places);
        let sender = Connection::connect(way, move |_, message| {
            let answer = String::from_utf8_lossy(&message.body);
            assert!(!answer.contains("\"error\""), "{answer}");
            let place: usize = message.subject.rsplit_once('.').unwrap().1.parse().unwrap();
            acknowledged[place].add_permits(1);
        });
        let sender = sender.await;
        sender.subscribe("_INBOX.sent.*");
        let before = self.0.spent();
        let run = Run::of(each * load.pairs, async {
            let sends = (0..load.pairs).map(|place| send(&sender, &places, place, each, load.in_flight));
            join_all(sends).await;
            for all in received {
                assert!(all.await.is_ok(), "NATS has ended: {}", self.0.log());
            }
        });
        let run = run.await;
        let of_server = (self.0.spent() - before) * 1e6 / (each * load.pairs) as f64;
        Run { cpu: run.cpu + of_server, ..run }
    }

    /// Receives so many messages and acknowledges each; says when the last acknowledgement was taken.
    async fn receive(&self, place: usize, messages: usize) -> oneshot::Receiver<()> {
        let (way, to) = (&self.0.way, format!("deliver.{place}"));
        let (told, all) = oneshot::channel();
        let (mut told, mut count, confirmed) = (Some(told), 0, format!("_INBOX.got.{place}"));
        let confirmation = confirmed.clone();
        let connection = Connection::connect(way, move |connection, message| match message.reply {
            Some(reply) => {
                count += 1;
                let answer = if count == messages { &confirmation } else { "" };
                connection.publish(&reply, answer, b"+ACK");
            }
            None => told.take().unwrap().send(()).unwrap_or_default(),
        });
        let connection = connection.await;
        connection.subscribe(&to);
        connection.subscribe(&confirmed);
        let consumer = format!(
            r#"{{"stream_name":"MAIL","config":{{"durable_name":"c{place}","ack_policy":"explicit",
            "deliver_policy":"all","filter_subject":"mail.{place}","deliver_subject":"{to}"}}}}"#
        );
        ask(way, &format!("$JS.API.CONSUMER.DURABLE.CREATE.MAIL.c{place}"), &consumer).await;
        all
    }
}

/// Says so many messages, of which so many are not acknowledged yet at a time.
async fn send(sender: &Connection, places: &[Semaphore], place: usize, messages: usize, in_flight: usize) {
    let (subject, reply) = (format!("mail.{place}"), format!("_INBOX.sent.{place}"));
    let message = vec![7; envelope_bytes()];
    for _ in 0..messages {
        places[place].acquire().await.unwrap().forget();
        sender.publish(&subject, &reply, &message);
    }
    drop(places[place].acquire_many(u32::try_from(in_flight).unwrap()).await.unwrap());
}
