use crate::limits::{MAX_PLACE_CHARS, MAX_URL_CHARS};
use crate::wire::{optional_text, record, silent};
use crate::{InvalidContent, bounded_text};

record! {
    /// A place on the map. Its degrees are kept to seven places behind the point, about a centimetre.
    pub struct Location {
        /// In ten-millionths of a degree.
        latitude: i32 = 1,
        longitude: i32 = 2,
        name: Option<String> = 3,
        address: Option<String> = 4,
        url: Option<String> = 5,
    }
}

silent!(Location);

impl Location {
    /// The place so many degrees north and east.
    ///
    /// # Errors
    /// When `latitude` is not between -90 and 90, or `longitude` not between -180 and 180.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidContent> {
        let latitude = ten_millionths("location.latitude", 90, latitude)?;
        let longitude = ten_millionths("location.longitude", 180, longitude)?;
        Self { latitude, longitude, name: None, address: None, url: None }.checked()
    }

    fn checked(mut self) -> Result<Self, InvalidContent> {
        within("location.latitude", 90, self.latitude)?;
        within("location.longitude", 180, self.longitude)?;
        bounded_text::optional("location.name", MAX_PLACE_CHARS, &mut self.name)?;
        bounded_text::optional("location.address", MAX_PLACE_CHARS, &mut self.address)?;
        bounded_text::optional("location.url", MAX_URL_CHARS, &mut self.url)?;
        Ok(self)
    }

    /// How many degrees north.
    #[must_use]
    pub fn latitude(&self) -> f64 {
        f64::from(self.latitude) / 1e7
    }

    /// How many degrees east.
    #[must_use]
    pub fn longitude(&self) -> f64 {
        f64::from(self.longitude) / 1e7
    }

    optional_text!(name, with_name, "What the place is called.", MAX_PLACE_CHARS);
    optional_text!(address, with_address, "Its address.", MAX_PLACE_CHARS);
    optional_text!(url, with_url, "Where there is more about it.", MAX_URL_CHARS);
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it is in range, and a tenth of a millionth does not count"
)]
fn ten_millionths(field: &'static str, most: i32, degrees: f64) -> Result<i32, InvalidContent> {
    // What is no number is in no range either.
    if (f64::from(-most)..=f64::from(most)).contains(&degrees) {
        Ok((degrees * 1e7).round() as i32)
    } else {
        Err(InvalidContent::OutOfRange { field, least: -most, most })
    }
}

const fn within(field: &'static str, most: i32, ten_millionths: i32) -> Result<(), InvalidContent> {
    if ten_millionths.unsigned_abs() <= most.unsigned_abs() * 10_000_000 {
        Ok(())
    } else {
        Err(InvalidContent::OutOfRange { field, least: -most, most })
    }
}
