//! Flows of an account: kept and shown. Users' devices show them; nothing is run here.

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::PhoneNumberId;
use bulla_relay::PageStart;
use serde_json::{Value, json};

use super::GraphApi;
use super::body::Incoming;
use super::fields::{Selection, pick};
use super::media::origin;
use super::page::{self, PageAsked};
use super::parameters::Parameters;
use super::records::{Kept, Kind};
use crate::api_error::{ApiError, Methods};
use crate::limits::{FIRST_FLOW_ID, FLOW_IDS, MAX_NAME_CHARS, MAX_SHORT_CHARS};
use crate::{Grant, RelayApi, TokenLookup};

/// What flows can be for.
const CATEGORIES: &str = "APPOINTMENT_BOOKING, CONTACT_US, CUSTOMER_SUPPORT, LEAD_GENERATION, OTHER, SHOPPING, SIGN_IN, SIGN_UP, SURVEY";

/// What is told of a flow when nobody says what.
const USUAL: [&str; 5] = ["id", "name", "status", "categories", "validation_errors"];

/// Where the record of a flow says which of its assets it shows.
const REVISION: &str = "asset";

/// The state of a draft that is being deleted: it shows nothing any more.
const GOING: &str = "GOING";

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
                let (flows, sides) = self.all_kept(business, Kind::Flow, PageAsked::of(head)?).await?;
                let selection = Selection::of(head)?;
                let flows = flows.into_iter().map(|(id, flow)| (id, told(selection.as_ref(), flow)));
                page::listed(head, &self.settings, flows.collect(), sides)
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
                flow.insert("status".into(), "DRAFT".into());
                flow.entry("categories").or_insert_with(|| json!(["OTHER"]));
                self.touch(&mut flow);
                let put = |kept: &mut Option<Kept>| match kept {
                    Some(_) => Err(ApiError::unavailable("the id was taken; send the request again")),
                    None => {
                        *kept = Some(flow.clone());
                        Ok(())
                    }
                };
                self.change(business, (Kind::Flow, &id), put).await?;
                if let Some(asset) = asset
                    && let Err(error) = self.put_asset(business, &id, asset, is_published).await
                {
                    // Whoever hears that there is no flow does not look for one. Why there is none counts,
                    // and not whether somebody else was at it meanwhile.
                    let _deleted = self.delete_flow(business, &id).await;
                    return Err(error);
                }
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
                self.delete_flow(business, id).await?;
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
                let origin = origin(head, &self.settings)?;
                let asset = asset_name(id, &flow).map(|_| {
                    json!({
                        "name": "flow.json",
                        "asset_type": "FLOW_JSON",
                        "download_url": format!("{origin}/{id}/flow.json"),
                    })
                });
                Ok(json!({ "data": Vec::from_iter(asset) }))
            }
            Method::POST => {
                // It is looked at again when the asset is there: this saves the work.
                check_draft(&flow)?;
                let said = self.parameters(head, body).await?;
                let asset = said.required("file", usize::MAX)?;
                self.put_asset(business, id, shown(&asset)?, false).await?;
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
        let flow = self.kept(business, (Kind::Flow, id)).await?.ok_or_else(ApiError::number)?;
        let name = asset_name(id, &flow).ok_or_else(ApiError::number)?;
        let asset = self.kept(business, (Kind::FlowAsset, &name)).await?;
        Ok(Value::Object(asset.ok_or_else(|| ApiError::unavailable("it was changed meanwhile; ask again"))?))
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
        let (from, to) = if is_published { ("DRAFT", "PUBLISHED") } else { ("PUBLISHED", "DEPRECATED") };
        let change = |flow: &mut Kept| {
            if flow.get("status").and_then(Value::as_str) != Some(from) {
                let (code, why) = match is_published {
                    true => (139_002, "only a draft can be published"),
                    false => (139_003, "only what is published can be deprecated"),
                };
                return Err(ApiError::flow(code, why));
            }
            if is_published && asset_name(id, flow).is_none() {
                return Err(ApiError::flow(139_002, "there is nothing it shows: put its flow.json first"));
            }
            flow.insert("status".into(), to.into());
            Ok(())
        };
        self.change_flow(business, id, change).await?;
        if is_published {
            self.tidy_up(business, id).await;
        }
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

    /// Has a draft show something else, and publishes it if that is wanted. Each of what it shows is a record
    /// of its own, and the flow's says which: so nothing that is published is ever changed.
    async fn put_asset(
        &self,
        business: PhoneNumberId,
        id: &str,
        asset: Kept,
        is_published: bool,
    ) -> Result<(), ApiError> {
        let revision = self.draw_flow_id();
        let name = format!("{id}/{revision}");
        self.replace(business, (Kind::FlowAsset, &name), Some(asset)).await?;
        let shows = |flow: &mut Kept| {
            check_draft(flow)?;
            if is_published {
                flow.insert("status".into(), "PUBLISHED".into());
            }
            let before = asset_name(id, flow);
            flow.insert(REVISION.into(), revision.clone().into());
            Ok(before)
        };
        let outcome = self.change_flow(business, id, shows).await;
        // What is shown no more, or was not to be shown.
        let unused = match &outcome {
            Ok(before) => before.clone(),
            Err(_) => Some(name),
        };
        if let Some(unused) = unused {
            // What is left of it goes with the flow, or when that is published.
            let _deleted = self.replace(business, (Kind::FlowAsset, &unused), None).await;
        }
        if is_published && outcome.is_ok() {
            self.tidy_up(business, id).await;
        }
        outcome.map(drop)
    }

    /// Deletes what a published flow does not show, if that can be done: it is published whatever comes of
    /// it, and why a store fails is told where it does.
    async fn tidy_up(&self, business: PhoneNumberId, id: &str) {
        if self.forget_assets(business, id).await.is_err() {
            tracing::debug!("what a flow does not show stays");
        }
    }

    /// Deletes a draft with all that it showed, and first of all its right to show anything: whoever is
    /// broken off finds it again, and deletes the rest.
    async fn delete_flow(&self, business: PhoneNumberId, id: &str) -> Result<(), ApiError> {
        let begin = |flow: &mut Kept| {
            if !is_draft(flow) && !is_going(flow) {
                return Err(ApiError::flow(139_004, "only a draft can be deleted"));
            }
            flow.insert("status".into(), GOING.into());
            flow.remove(REVISION);
            Ok(())
        };
        self.change_flow(business, id, begin).await?;
        self.forget_assets(business, id).await?;
        self.replace(business, (Kind::Flow, id), None).await
    }

    /// Deletes what a flow does not show, which requests left that were broken off. To be called of one that
    /// is no draft any more or is about to be deleted: of another somebody may be about to show it.
    async fn forget_assets(&self, business: PhoneNumberId, id: &str) -> Result<(), ApiError> {
        let flow = self.kept(business, (Kind::Flow, id)).await?;
        let shown = flow.as_ref().and_then(|flow| asset_name(id, flow));
        let mut after = id.to_owned();
        loop {
            let asked = PageAsked { start: PageStart::After(after.into()), limit: 1 };
            let (assets, _) = self.all_kept(business, Kind::FlowAsset, asked).await?;
            let name = assets.first().and_then(|(name, _)| std::str::from_utf8(name).ok());
            let name = name.filter(|name| name.split_once('/').is_some_and(|(of, _)| of == id));
            let Some(name) = name else { return Ok(()) };
            if shown.as_deref() != Some(name) {
                self.replace(business, (Kind::FlowAsset, name), None).await?;
            }
            after = name.to_owned();
        }
    }

    async fn change_flow<R>(
        &self,
        business: PhoneNumberId,
        id: &str,
        change: impl Fn(&mut Kept) -> Result<R, ApiError> + Send + Sync,
    ) -> Result<R, ApiError> {
        let change = |kept: &mut Option<Kept>| {
            let flow = kept.as_mut().ok_or_else(ApiError::number)?;
            let outcome = change(flow)?;
            self.touch(flow);
            Ok(outcome)
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

/// Under which name what a flow shows is kept, if it shows anything.
fn asset_name(id: &str, flow: &Kept) -> Option<String> {
    Some(format!("{id}/{}", flow.get(REVISION)?.as_str()?))
}

fn check_draft(flow: &Kept) -> Result<(), ApiError> {
    is_draft(flow).then_some(()).ok_or_else(|| ApiError::flow(139_001, "only a draft can be changed"))
}

fn is_going(flow: &Kept) -> bool {
    flow.get("status").and_then(Value::as_str) == Some(GOING)
}

fn is_draft(flow: &Kept) -> bool {
    flow.get("status").and_then(Value::as_str) == Some("DRAFT")
}

/// What is told of a flow.
fn told(selection: Option<&Selection>, mut flow: Kept) -> Value {
    flow.insert("validation_errors".into(), json!([]));
    flow.remove(REVISION);
    if is_going(&flow) {
        // Whoever was to delete it was broken off, and is asked to do it again.
        flow.insert("status".into(), "DRAFT".into());
    }
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
