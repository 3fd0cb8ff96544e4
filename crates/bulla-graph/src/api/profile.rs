//! What users see of a number: its profile.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::PhoneNumberId;
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::fields::{Selection, pick};
use super::parameters::Parameters;
use super::profile_picture::{HANDLE, PICTURE};
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::limits::{
    FORM_MEMORY_BYTES, MAX_ABOUT_CHARS, MAX_DESCRIPTION_CHARS, MAX_EMAIL_CHARS, MAX_SHORT_CHARS, MAX_WEBSITES,
};
use crate::{Grant, RelayApi, TokenLookup};

/// The trade of a profile that names none.
const UNDEFINED: &str = "UNDEFINED";

/// The trades that a profile can name.
const VERTICALS: &str = "ALCOHOL, APPAREL, AUTO, BEAUTY, EDU, ENTERTAIN, EVENT_PLAN, FINANCE, GOVT, GROCERY, HEALTH, HOTEL, MATRIMONY_SERVICE, NONPROFIT, NOT_A_BIZ, ONLINE_GAMBLING, OTC_DRUGS, OTHER, PHYSICAL_GAMBLING, PROF_SERVICES, RESTAURANT, RETAIL, TRAVEL, UNDEFINED";

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Tells of a number's profile, or changes it: what is not said stays.
    pub(super) async fn profile(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (grant, business): (&Grant, PhoneNumberId),
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => {
                let mut profile = self.kept(business, (Kind::Profile, "")).await?.unwrap_or_default();
                self.tell_picture(head, business, &mut profile)?;
                profile.insert("messaging_product".into(), "whatsapp".into());
                // Clients read it, said or not.
                profile.entry("vertical").or_insert_with(|| UNDEFINED.into());
                let selection = Selection::of(head)?;
                Ok(json!({ "data": [pick(selection.as_ref(), Value::Object(profile))] }))
            }
            Method::POST => {
                let said = self.parameters(head, body).await?;
                said.check_product()?;
                let changes = read(&said)?;
                match said.text(HANDLE, MAX_SHORT_CHARS)? {
                    Some(handle) => {
                        Box::pin(self.change_with_picture((grant, business), changes, &handle)).await?;
                    }
                    None => self.change_profile(business, &changes).await?,
                }
                Ok(json!({ "success": true }))
            }
            _ => Err(ApiError::method(Methods::GetOrPost)),
        }
    }

    async fn change_profile(&self, business: PhoneNumberId, changes: &Kept) -> Result<(), ApiError> {
        let change = |kept: &mut Option<Kept>| {
            let mut profile = kept.take().unwrap_or_default();
            for (name, value) in changes {
                match is_nothing(value) {
                    true => drop(profile.remove(name)),
                    false => drop(profile.insert(name.clone(), value.clone())),
                }
            }
            *kept = (!profile.is_empty()).then_some(profile);
            Ok(())
        };
        self.change(business, (Kind::Profile, ""), change).await
    }

    /// Changes a profile and its picture, to what `handle` names, or to none.
    async fn change_with_picture(
        &self,
        (grant, business): (&Grant, PhoneNumberId),
        mut changes: Kept,
        handle: &str,
    ) -> Result<(), ApiError> {
        let admission = self.admission.take(FORM_MEMORY_BYTES, &*self.clock).await;
        let _admission =
            admission.inspect_err(|api_error| self.failures.tell(api_error, "no room", &*self.clock))?;
        // Of two at once one would delete what the other one copies.
        let _turn = self.under_way.take((business, None)).ok_or_else(|| {
            ApiError::unavailable("another request sets the picture of this profile; send it again")
        })?;
        // What requests that were cut off have left takes the room of what comes.
        let current =
            self.kept(business, (Kind::Profile, "")).await?.and_then(|mut kept| kept.remove(PICTURE));
        self.forget_other_pictures(business, current.as_ref()).await;
        let picture = match handle.is_empty() {
            // As of other fields: an empty one takes back what was set.
            true => Value::String(String::new()),
            false => self.copy_picture(grant, business, handle).await?,
        };
        changes.insert(PICTURE.into(), picture.clone());
        self.change_profile(business, &changes).await?;
        self.forget_other_pictures(business, Some(&picture)).await;
        Ok(())
    }
}

/// What a request says of a profile.
fn read(said: &Parameters) -> Result<Kept, ApiError> {
    let mut changes = Kept::new();
    let texts = [
        ("about", MAX_ABOUT_CHARS),
        ("address", MAX_SHORT_CHARS),
        ("description", MAX_DESCRIPTION_CHARS),
        ("email", MAX_EMAIL_CHARS),
    ];
    for (name, most) in texts {
        if let Some(text) = said.text(name, most)? {
            changes.insert(name.into(), text.into());
        }
    }
    if let Some(vertical) = said.text("vertical", MAX_SHORT_CHARS)? {
        let vertical = vertical.to_ascii_uppercase();
        if !vertical.is_empty() && !VERTICALS.split(", ").any(|known| known == vertical) {
            return Err(ApiError::one_of("vertical", VERTICALS));
        }
        changes.insert("vertical".into(), vertical.into());
    }
    if let Some(websites) = said.list("websites")? {
        if websites.len() > MAX_WEBSITES {
            return Err(ApiError::long("websites", "websites", websites.len(), MAX_WEBSITES));
        }
        for website in &websites {
            let website =
                website.as_str().ok_or_else(|| ApiError::mistyped("websites", "a list of strings"))?;
            let chars = website.chars().count();
            if chars > MAX_SHORT_CHARS {
                return Err(ApiError::long("websites", "characters", chars, MAX_SHORT_CHARS));
            }
            if !website.starts_with("https://") && !website.starts_with("http://") {
                return Err(ApiError::value("websites", "each begins with http:// or https://"));
            }
        }
        changes.insert("websites".into(), websites.into());
    }
    if let Some(true) = changes.get("about").map(is_nothing) {
        return Err(ApiError::missing("about"));
    }
    Ok(changes)
}

/// Whether a field is emptied by it.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
