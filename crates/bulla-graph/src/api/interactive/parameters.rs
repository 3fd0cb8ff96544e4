//! What stands in the `parameters` of an action, whatever its type.

use bulla_content::{Action, AddressRequest, Catalog, Flow, FlowMode};
use serde::de::{IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use crate::api::json_field::{Field, Fields, Number, Object, Text, Word};
use crate::api_error::ApiError;
use crate::limits::MAX_CALL_MINUTES;

/// The fields of `parameters`. What is passed on to the device unread stays as it was written.
#[derive(Default)]
pub(crate) struct ParameterFields<'de> {
    pub(super) display_text: Field<Text<'de>>,
    pub(super) url: Field<Text<'de>>,
    pub(super) ttl_minutes: Field<Number>,
    thumbnail: Field<Text<'de>>,
    flow_id: Field<Word<'de>>,
    flow_name: Field<Text<'de>>,
    flow_button: Field<Text<'de>>,
    flow_token: Field<Text<'de>>,
    flow_action: Field<Text<'de>>,
    flow_payload: Field<Object<PayloadFields<'de>>>,
    mode: Field<Text<'de>>,
    country: Field<Text<'de>>,
    address: [Option<&'de RawValue>; 3],
}

/// The members of `parameters` that fill a form for an address.
const ADDRESS: [&str; 3] = ["values", "saved_addresses", "validation_errors"];

impl<'de> Fields<'de> for ParameterFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        if let Some(place) = ADDRESS.iter().position(|of_address| *of_address == name) {
            self.address[place] = value.next_value()?;
            return Ok(());
        }
        match name {
            "display_text" => self.display_text = value.next_value()?,
            "url" => self.url = value.next_value()?,
            "ttl_minutes" => self.ttl_minutes = value.next_value()?,
            "thumbnail_product_retailer_id" => self.thumbnail = value.next_value()?,
            "flow_id" => self.flow_id = value.next_value()?,
            "flow_name" => self.flow_name = value.next_value()?,
            "flow_cta" => self.flow_button = value.next_value()?,
            "flow_token" => self.flow_token = value.next_value()?,
            "flow_action" => self.flow_action = value.next_value()?,
            "flow_action_payload" => self.flow_payload = value.next_value()?,
            "mode" => self.mode = value.next_value()?,
            "country" => self.country = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// The fields of `flow_action_payload`.
#[derive(Default)]
pub(super) struct PayloadFields<'de> {
    screen: Field<Text<'de>>,
    data: Option<&'de RawValue>,
}

impl<'de> Fields<'de> for PayloadFields<'de> {
    fn read<M: MapAccess<'de>>(&mut self, name: &str, value: &mut M) -> Result<(), M::Error> {
        match name {
            "screen" => self.screen = value.next_value()?,
            "data" => self.data = value.next_value()?,
            _ => drop(value.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// A flow, by its id or by its name.
pub(super) fn flow(fields: ParameterFields<'_>) -> Result<Action, ApiError> {
    let (id, name) = (
        fields.flow_id.filled("interactive.action.parameters.flow_id")?,
        fields.flow_name.filled("interactive.action.parameters.flow_name")?,
    );
    let flow = id.or(name).ok_or_else(|| ApiError::missing("interactive.action.parameters.flow_id"))?;
    let button = fields.flow_button.required_filled("interactive.action.parameters.flow_cta")?;
    let mode = match fields.flow_action.filled("interactive.action.parameters.flow_action")? {
        Some(action) if action.eq_ignore_ascii_case("data_exchange") => FlowMode::DataExchange,
        Some(action) if !action.eq_ignore_ascii_case("navigate") => {
            return Err(ApiError::one_of(
                "interactive.action.parameters.flow_action",
                "DATA_EXCHANGE, NAVIGATE",
            ));
        }
        _ => FlowMode::Navigate,
    };
    let is_draft = match fields.mode.filled("interactive.action.parameters.mode")? {
        Some(mode) if mode.eq_ignore_ascii_case("draft") => true,
        Some(mode) if !mode.eq_ignore_ascii_case("published") => {
            return Err(ApiError::one_of("interactive.action.parameters.mode", "DRAFT, PUBLISHED"));
        }
        _ => false,
    };
    let mut flow = Flow::new(flow, button, mode)?.with_draft(is_draft);
    if let Some(token) = fields.flow_token.filled("interactive.action.parameters.flow_token")? {
        flow = flow.with_token(token)?;
    }
    if let Some(Object(payload)) =
        fields.flow_payload.optional("interactive.action.parameters.flow_action_payload")?
    {
        let screen = payload.screen.filled("interactive.action.parameters.flow_action_payload.screen")?;
        if let Some(screen) = screen {
            flow = flow.with_screen(screen)?;
        }
        if let Some(data) = payload.data {
            flow = flow.with_data(data.get())?;
        }
    }
    Ok(Action::Flow(flow))
}

/// A whole catalog.
pub(super) fn catalog(fields: ParameterFields<'_>) -> Result<Action, ApiError> {
    let thumbnail = fields.thumbnail.filled("interactive.action.parameters.thumbnail_product_retailer_id")?;
    Ok(Action::Catalog(match thumbnail {
        Some(thumbnail) => Catalog::new().with_thumbnail(thumbnail)?,
        None => Catalog::new(),
    }))
}

/// A form for an address.
pub(super) fn address(fields: ParameterFields<'_>) -> Result<Action, ApiError> {
    let country = fields.country.required_filled("interactive.action.parameters.country")?;
    let request = AddressRequest::new(country)?;
    let given = ADDRESS.iter().zip(fields.address);
    let members: Vec<String> =
        given.filter_map(|(name, json)| Some(format!("\"{name}\":{}", json?.get()))).collect();
    Ok(Action::Address(match members.is_empty() {
        true => request,
        false => request.with_parameters(format!("{{{}}}", members.join(",")))?,
    }))
}

/// For how many minutes a button calls; 0 is for as long as it is shown.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is a whole number within the range"
)]
pub(super) fn minutes(field: Field<Number>) -> Result<u32, ApiError> {
    const PATH: &str = "interactive.action.parameters.ttl_minutes";
    match field.optional(PATH)? {
        None => Ok(0),
        Some(Number(minutes))
            if (1.0..=f64::from(MAX_CALL_MINUTES)).contains(&minutes) && minutes.fract() == 0.0 =>
        {
            Ok(minutes as u32)
        }
        Some(_) => {
            Err(ApiError::value(PATH, format_args!("it is not a whole number from 1 to {MAX_CALL_MINUTES}")))
        }
    }
}
