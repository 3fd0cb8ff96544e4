//! Flows of an account: kept and shown. Users' devices show them; nothing is run here.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::PhoneNumberId;
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::fields::{Selection, pick};
use super::media::origin;
use super::page;
use super::parameters::Parameters;
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::limits::{FIRST_FLOW_ID, FLOW_IDS, MAX_NAME_CHARS, MAX_SHORT_CHARS};
use crate::{Grant, RelayApi, TokenLookup};

/// What flows can be for.
const CATEGORIES: &str = "APPOINTMENT_BOOKING, CONTACT_US, CUSTOMER_SUPPORT, LEAD_GENERATION, OTHER, SHOPPING, SIGN_IN, SIGN_UP, SURVEY";

/// What is told of a flow when nobody says what.
const USUAL: [&str; 5] = ["id", "name", "status", "categories", "validation_errors"];

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Lists the flows of the account of `business`, or makes one.
    pub(super) async fn flows(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => {
                let (limit, after) = (page::limit(head)?, page::after(head)?);
                let (flows, has_next) = self.all_kept(business, Kind::Flow, after, limit).await?;
                let selection = Selection::of(head)?;
                let flows = flows.into_iter().map(|(id, flow)| (id, told(selection.as_ref(), flow)));
                page::listed(head, &self.settings, flows.collect(), has_next)
            }
            Method::POST => {
                let said = self.parameters(head, body).await?;
                let mut flow = described(&said)?;
                if !flow.contains_key("name") {
                    return Err(ApiError::missing("name"));
                }
                if said.has("clone_flow_id") {
                    return Err(ApiError::unsupported_field("clone_flow_id"));
                }
                let asset = said.text("flow_json", usize::MAX)?.map(|asset| shown(&asset)).transpose()?;
                let is_published = said.flag("publish")?.unwrap_or(false);
                if is_published && asset.is_none() {
                    return Err(ApiError::missing("flow_json"));
                }
                let id = self.draw_flow_id();
                flow.insert("id".into(), id.clone().into());
                flow.insert("status".into(), if is_published { "PUBLISHED" } else { "DRAFT" }.into());
                flow.entry("categories").or_insert_with(|| json!(["OTHER"]));
                self.touch(&mut flow);
                // What it shows first: a flow that is there is whole.
                if let Some(asset) = asset {
                    self.replace(business, (Kind::FlowAsset, &id), Some(asset)).await?;
                }
                let put = |kept: &mut Option<Kept>| match kept {
                    Some(_) => Err(ApiError::unavailable("the id was taken; send the request again")),
                    None => {
                        *kept = Some(flow.clone());
                        Ok(())
                    }
                };
                self.change(business, (Kind::Flow, &id), put).await?;
                Ok(json!({ "id": id, "success": true, "validation_errors": [] }))
            }
            _ => Err(ApiError::method(Methods::GetOrPost)),
        }
    }

    /// Tells of a flow, changes it or deletes it.
    pub(super) async fn flow(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (business, id): (PhoneNumberId, &str),
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => {
                let flow = self.kept(business, (Kind::Flow, id)).await?.ok_or_else(ApiError::number)?;
                Ok(told(Selection::of(head)?.as_ref(), flow))
            }
            Method::POST => {
                let said = self.parameters(head, body).await?;
                let changes = described(&said)?;
                let change = |flow: &mut Kept| {
                    flow.extend(changes.iter().map(|(name, value)| (name.clone(), value.clone())));
                    Ok(())
                };
                self.change_flow(business, id, change).await?;
                Ok(json!({ "success": true }))
            }
            Method::DELETE => {
                let delete = |kept: &mut Option<Kept>| match kept {
                    None => Err(ApiError::number()),
                    Some(flow) if !is_draft(flow) => {
                        Err(ApiError::flow(139_004, "only a draft can be deleted"))
                    }
                    Some(_) => {
                        *kept = None;
                        Ok(())
                    }
                };
                self.change(business, (Kind::Flow, id), delete).await?;
                self.replace(business, (Kind::FlowAsset, id), None).await?;
                Ok(json!({ "success": true }))
            }
            _ => Err(ApiError::method(Methods::GetPostOrDelete)),
        }
    }

    /// Tells what a flow shows, or takes it.
    pub(super) async fn flow_assets(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (business, id): (PhoneNumberId, &str),
    ) -> Result<Value, ApiError> {
        let flow = self.kept(business, (Kind::Flow, id)).await?.ok_or_else(ApiError::number)?;
        match head.method {
            Method::GET => {
                let asset = self.kept(business, (Kind::FlowAsset, id)).await?;
                let origin = origin(head, &self.settings)?;
                let asset = asset.map(|_| {
                    json!({
                        "name": "flow.json",
                        "asset_type": "FLOW_JSON",
                        "download_url": format!("{origin}/{id}/flow.json"),
                    })
                });
                Ok(json!({ "data": Vec::from_iter(asset) }))
            }
            Method::POST => {
                if !is_draft(&flow) {
                    return Err(ApiError::flow(139_001, "only a draft can be changed"));
                }
                let said = self.parameters(head, body).await?;
                let asset = said.required("file", usize::MAX)?;
                self.replace(business, (Kind::FlowAsset, id), Some(shown(&asset)?)).await?;
                self.change_flow(business, id, |_| Ok(())).await?;
                Ok(json!({ "success": true, "validation_errors": [] }))
            }
            _ => Err(ApiError::method(Methods::GetOrPost)),
        }
    }

    /// What a flow shows, as it was put.
    pub(super) async fn flow_json(
        &self,
        head: &Parts,
        (business, id): (PhoneNumberId, &str),
    ) -> Result<Value, ApiError> {
        if head.method != Method::GET {
            return Err(ApiError::method(Methods::Get));
        }
        let asset = self.kept(business, (Kind::FlowAsset, id)).await?.ok_or_else(ApiError::number)?;
        Ok(Value::Object(asset))
    }

    /// Publishes a draft, or says that what is published is to be used no longer.
    pub(super) async fn move_flow(
        &self,
        head: &Parts,
        (business, id): (PhoneNumberId, &str),
        is_published: bool,
    ) -> Result<Value, ApiError> {
        if head.method != Method::POST {
            return Err(ApiError::method(Methods::Post));
        }
        if is_published && self.kept(business, (Kind::FlowAsset, id)).await?.is_none() {
            return Err(ApiError::flow(139_002, "there is nothing it shows: put its flow.json first"));
        }
        let (from, to) = if is_published { ("DRAFT", "PUBLISHED") } else { ("PUBLISHED", "DEPRECATED") };
        let change = |flow: &mut Kept| {
            if flow.get("status").and_then(Value::as_str) != Some(from) {
                let (code, why) = match is_published {
                    true => (139_002, "only a draft can be published"),
                    false => (139_003, "only what is published can be deprecated"),
                };
                return Err(ApiError::flow(code, why));
            }
            flow.insert("status".into(), to.into());
            Ok(())
        };
        self.change_flow(business, id, change).await?;
        Ok(json!({ "success": true }))
    }

    /// The number of an account that is granted and has a flow with this id.
    pub(super) async fn find_flow(&self, grant: &Grant, id: &str) -> Result<PhoneNumberId, ApiError> {
        let mut asked = std::collections::BTreeSet::new();
        for number in grant.numbers() {
            let is_new = self.relay.account(number).is_some_and(|account| asked.insert(account));
            if is_new && self.kept(number, (Kind::Flow, id)).await?.is_some() {
                return Ok(number);
            }
        }
        Err(ApiError::number())
    }

    async fn change_flow(
        &self,
        business: PhoneNumberId,
        id: &str,
        change: impl Fn(&mut Kept) -> Result<(), ApiError> + Send + Sync,
    ) -> Result<(), ApiError> {
        let change = |kept: &mut Option<Kept>| {
            let flow = kept.as_mut().ok_or_else(ApiError::number)?;
            change(flow)?;
            self.touch(flow);
            Ok(())
        };
        self.change(business, (Kind::Flow, id), change).await
    }

    fn touch(&self, flow: &mut Kept) {
        flow.insert("updated_at".into(), super::date::written(self.clock.now()).into());
    }

    fn draw_flow_id(&self) -> String {
        let mut bytes = [0; 8];
        self.rng.fill(&mut bytes);
        (FIRST_FLOW_ID + u64::from_be_bytes(bytes) % FLOW_IDS).to_string()
    }
}

/// Whether an id can be one of a flow.
pub(crate) fn is_flow(id: &str) -> bool {
    id.parse::<u64>().is_ok_and(|id| (FIRST_FLOW_ID..FIRST_FLOW_ID + FLOW_IDS).contains(&id))
}

fn is_draft(flow: &Kept) -> bool {
    flow.get("status").and_then(Value::as_str) == Some("DRAFT")
}

/// What is told of a flow.
fn told(selection: Option<&Selection>, mut flow: Kept) -> Value {
    flow.insert("validation_errors".into(), json!([]));
    if selection.is_none() {
        flow.retain(|name, _| USUAL.contains(&name.as_str()));
    }
    pick(selection, Value::Object(flow))
}

/// What a request says of a flow.
fn described(said: &Parameters) -> Result<Kept, ApiError> {
    let mut flow = Kept::new();
    if let Some(name) = said.text("name", MAX_NAME_CHARS)?.filter(|name| !name.is_empty()) {
        flow.insert("name".into(), name.into());
    }
    if let Some(uri) = said.text("endpoint_uri", MAX_SHORT_CHARS)? {
        flow.insert("endpoint_uri".into(), uri.into());
    }
    if let Some(categories) = said.list("categories")? {
        let is_known = |category: &Value| {
            category.as_str().is_some_and(|category| CATEGORIES.split(", ").any(|known| known == category))
        };
        if categories.is_empty() || !categories.iter().all(is_known) {
            return Err(ApiError::one_of("categories", CATEGORIES));
        }
        // Each once, and so no more than there are.
        let mut once: Vec<Value> = Vec::new();
        for category in categories {
            if !once.contains(&category) {
                once.push(category);
            }
        }
        flow.insert("categories".into(), once.into());
    }
    Ok(flow)
}

/// What a flow shows: a JSON object, whatever is in it.
fn shown(json: &str) -> Result<Kept, ApiError> {
    serde_json::from_str(json).map_err(|_| ApiError::value("file", "what a flow shows is a JSON object"))
}
