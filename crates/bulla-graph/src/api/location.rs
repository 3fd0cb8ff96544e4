//! A place on the map, as a request says it.

use bulla_content::Location;
use bulla_relay::OutgoingBody;

use super::json_field::{Number, Text, fields};
use crate::api_error::ApiError;

fields! {
    /// The fields of `location`.
    struct LocationFields<'de> {
        latitude: Number = "latitude",
        longitude: Number = "longitude",
        name: Text<'de> = "name",
        address: Text<'de> = "address",
    }
}

/// The message.
pub(crate) fn read(fields: LocationFields<'_>) -> Result<OutgoingBody, ApiError> {
    place(fields).map(OutgoingBody::Location)
}

/// The place.
pub(crate) fn place(fields: LocationFields<'_>) -> Result<Location, ApiError> {
    let Number(latitude) = fields.latitude.required("location.latitude")?;
    let Number(longitude) = fields.longitude.required("location.longitude")?;
    let mut location = Location::new(latitude, longitude)?;
    if let Some(name) = fields.name.filled("location.name")? {
        location = location.with_name(name)?;
    }
    if let Some(address) = fields.address.filled("location.address")? {
        location = location.with_address(address)?;
    }
    Ok(location)
}
