//! What users write because a test says so.

use bulla::base::{MessageId, PhoneNumberId};

use super::super::inbound::{Inbound, Message};
use super::World;

impl World {
    /// Has a user write, and returns what their device calls the message.
    ///
    /// # Errors
    /// Names what cannot be.
    pub(crate) async fn write(&self, inbound: &Inbound) -> Result<MessageId, String> {
        let numbers = self.seed.numbers.iter().filter_map(|number| number.words().ok());
        let mut numbers = numbers.map(|(id, ..)| id);
        let business: Option<PhoneNumberId> = match inbound.to {
            Some(to) => numbers.find(|number| *number == to),
            None => numbers.next(),
        };
        let business = business.ok_or("phone_number_id: it is none of the seed's")?;
        let device = self.people.somebody(&inbound.from).await.map_err(|error| error.to_string())?;
        let body = match &inbound.message {
            Message::Body(body) => (**body).clone(),
            Message::File(file) => {
                let size = file.bytes.len() as u64;
                let uploaded = device.upload(size, &file.media_type, &mut &*file.bytes).await;
                file.body(uploaded.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?
            }
        };
        device.send(business, &inbound.content(body)).await.map_err(|error| error.to_string())
    }
}
