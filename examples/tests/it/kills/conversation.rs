use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::ops::AddAssign;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What the business and one user have said to each other, as both remember it.
#[derive(Debug, Default)]
pub struct Conversation {
    to_user: Direction,
    to_business: Direction,
    /// Lines the user has written and the program has not acknowledged.
    unacknowledged: VecDeque<String>,
    /// Lines of which nobody knows what became of them.
    unknown: usize,
    /// What the business was told of its messages, by message id.
    statuses: BTreeMap<String, Vec<Status>>,
    /// How many of them were read.
    read: usize,
    /// Messages of the user's of which the device was told that they had arrived.
    told_of: BTreeSet<String>,
}

/// Messages going one way.
#[derive(Debug, Default)]
struct Direction {
    /// Acknowledged to the sender: the text and the id, in their order.
    acknowledged: Vec<(String, String)>,
    /// Delivered to the receiver: the same, each the first time it came.
    delivered: Vec<(String, String)>,
    /// How often one came again.
    repeats: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    Sent,
    Delivered,
    Read,
}

impl Conversation {
    /// The Graph API has answered 200.
    pub fn accepted(&mut self, wamid: &str, text: &str) {
        self.to_user.acknowledged.push((text.to_owned(), message_id(wamid)));
    }

    /// The user's device has shown a message.
    pub fn received(&mut self, id: &str, text: &str) {
        self.to_user.came(id, text);
    }

    /// The webhook was told of a status.
    pub fn status(&mut self, wamid: &str, status: &str) {
        let status = match status {
            "sent" => Status::Sent,
            "delivered" => Status::Delivered,
            "read" => Status::Read,
            other => panic!("{wamid} is {other}"),
        };
        let told = self.statuses.entry(message_id(wamid)).or_default();
        self.read += usize::from(status == Status::Read && !told.contains(&status));
        told.push(status);
    }

    /// The user has written a line.
    pub fn wrote(&mut self, text: String) {
        self.unacknowledged.push_back(text);
    }

    /// The program has acknowledged the user's first line that was not.
    pub fn acknowledged(&mut self, id: &str) {
        let text = self.unacknowledged.pop_front().unwrap();
        self.to_business.acknowledged.push((text, id.to_owned()));
    }

    /// The webhook was told what the user wrote.
    pub fn heard(&mut self, wamid: &str, text: &str) {
        self.to_business.came(&message_id(wamid), text);
    }

    /// The device was told that a message of the user's had arrived.
    pub fn was_told_of(&mut self, id: &str) {
        self.told_of.insert(id.to_owned());
    }

    /// The program is gone, and with it the lines it may or may not have read.
    pub fn forget_unacknowledged(&mut self) {
        self.unknown += self.unacknowledged.len();
        self.unacknowledged.clear();
    }

    pub fn unacknowledged(&self) -> usize {
        self.unacknowledged.len()
    }

    /// Accepted from the business, which does not know yet that they were read.
    pub fn to_user_under_way(&self) -> usize {
        self.to_user.acknowledged.len().saturating_sub(self.read)
    }

    /// Acknowledged to the user, and not yet with the business.
    pub fn to_business_under_way(&self) -> usize {
        self.to_business.acknowledged.len().saturating_sub(self.to_business.delivered.len())
    }

    /// Whether everything acknowledged has arrived, and its sender knows.
    pub fn is_settled(&self) -> bool {
        self.what_is_missing().is_empty()
    }

    pub fn what_is_missing(&self) -> String {
        let mut missing = String::new();
        let mut note =
            |what: &str, (text, id): &(String, String)| missing.push_str(&format!("{text} ({id}) {what}; "));
        let statuses = |id: &String| self.statuses.get(id).map_or(&[][..], Vec::as_slice);
        let lacks = |status| move |(_, id): &&(String, String)| !statuses(id).contains(&status);
        let to_user = &self.to_user.acknowledged;
        self.to_user.lost().for_each(|message| note("is not with the user", message));
        to_user.iter().filter(lacks(Status::Delivered)).for_each(|message| note("is not delivered", message));
        to_user.iter().filter(lacks(Status::Read)).for_each(|message| note("is not read", message));
        self.to_business.lost().for_each(|message| note("is not with the business", message));
        let untold = self.to_business.acknowledged.iter().filter(|(_, id)| !self.told_of.contains(id));
        untold.for_each(|message| note("is not known to have arrived", message));
        missing
    }

    /// Finds whatever should not be, and counts.
    pub fn check(&self, user: &str) -> Totals {
        self.to_user.check(&format!("to {user}"));
        self.to_business.check(&format!("from {user}"));
        // Every text to the user was tried until it was accepted, so none is left out.
        let numbers = self.to_user.delivered.iter().map(|(text, _)| number(text));
        assert!(numbers.eq(0..self.to_user.acknowledged.len() as u64), "a text to {user} is left out");

        let (mut statuses, mut status_repeats) = (0, 0);
        for (id, told) in &self.statuses {
            assert!(told.is_sorted(), "{id} went backwards: {told:?}");
            let distinct = told.iter().zip(told.iter().skip(1)).filter(|(one, next)| one != next).count() + 1;
            statuses += told.len() as u64;
            status_repeats += (told.len() - distinct) as u64;
        }
        Totals {
            accepted: self.to_user.acknowledged.len() as u64,
            received_again: self.to_user.repeats,
            acknowledged: self.to_business.acknowledged.len() as u64,
            unknown: self.unknown as u64,
            arrived_unknown: (self.to_business.delivered.len() - self.to_business.acknowledged.len()) as u64,
            heard_again: self.to_business.repeats,
            statuses,
            status_repeats,
        }
    }
}

impl Direction {
    fn came(&mut self, id: &str, text: &str) {
        let message = (text.to_owned(), id.to_owned());
        if self.delivered.contains(&message) {
            self.repeats += 1;
        } else {
            self.delivered.push(message);
        }
    }

    /// What was acknowledged and has not been delivered.
    fn lost(&self) -> impl Iterator<Item = &(String, String)> {
        let delivered: BTreeSet<_> = self.delivered.iter().collect();
        self.acknowledged.iter().filter(move |message| !delivered.contains(message))
    }

    fn check(&self, what: &str) {
        assert_eq!(self.lost().next(), None, "{what}: lost");
        let texts: BTreeSet<_> = self.delivered.iter().map(|(text, _)| text).collect();
        let ids: BTreeSet<_> = self.delivered.iter().map(|(_, id)| id).collect();
        assert_eq!(texts.len(), self.delivered.len(), "{what}: one text came under two ids");
        assert_eq!(ids.len(), self.delivered.len(), "{what}: two texts came under one id");
        for (text, _) in &self.delivered {
            assert!(text.starts_with(what), "{what}: {text} came");
        }
        for messages in [&self.acknowledged, &self.delivered] {
            let numbers: Vec<u64> = messages.iter().map(|(text, _)| number(text)).collect();
            assert!(numbers.is_sorted_by(|one, next| one < next), "{what}: out of order: {numbers:?}");
        }
    }
}

/// The message's id within a name of the Graph API: the first half of the bytes it stands for.
fn message_id(wamid: &str) -> String {
    let handle = URL_SAFE_NO_PAD.decode(wamid.strip_prefix("wamid.").unwrap()).unwrap();
    handle[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number(text: &str) -> u64 {
    text.rsplit(' ').next().unwrap().parse().unwrap()
}

/// What came to what.
#[derive(Debug, Default)]
pub struct Totals {
    pub accepted: u64,
    pub received_again: u64,
    pub acknowledged: u64,
    pub unknown: u64,
    pub arrived_unknown: u64,
    pub heard_again: u64,
    pub statuses: u64,
    pub status_repeats: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.received_again += other.received_again;
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.arrived_unknown += other.arrived_unknown;
        self.heard_again += other.heard_again;
        self.statuses += other.statuses;
        self.status_repeats += other.status_repeats;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, received_again, statuses, status_repeats, .. } = self;
        writeln!(
            f,
            "to users: {accepted} accepted, all shown, delivered and read; {received_again} shown again"
        )?;
        writeln!(f, "statuses: {statuses}, of which {status_repeats} repeats")?;
        let Self { acknowledged, unknown, arrived_unknown, heard_again, .. } = self;
        write!(
            f,
            "to the business: {acknowledged} acknowledged, all heard; {heard_again} heard again; {unknown} cut off, of which \
             {arrived_unknown} arrived"
        )
    }
}
