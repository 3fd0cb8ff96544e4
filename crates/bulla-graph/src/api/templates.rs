//! What is answered about message templates: what an account has, and how that is changed.

use std::borrow::Cow;
use std::collections::BTreeSet;

use axum::http::Method;
use axum::http::request::Parts;
use bulla_base::{BusinessAccountId, PhoneNumberId};
use bulla_relay::{
    MAX_TEMPLATES, MessageTemplate, Outgoing, OutgoingBody, SubmitError, TemplateError, TemplateId,
    TemplatePage, TemplateQuery, TemplateStatus,
};
use serde_json::{Value, json};
use tracing::Span;

use super::body::Incoming;
use super::fields::{Selection, pick};
use super::folded_json;
use super::json_field::{Field, Object};
use super::links::Link;
use super::page::PageAsked;
use super::request::{Contact, whole};
use super::request_headers::query;
use super::template_definition::{self, DefinitionFields};
use super::template_message::spelt;
use super::{GraphApi, page, template_json};
use crate::api_error::{ApiError, Methods};
use crate::limits::MAX_BATCH;
use crate::{Grant, RelayApi, TokenLookup};

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// A number of the account with this id, of those that are granted.
    pub(super) fn number_of(&self, grant: &Grant, account: &str) -> Option<PhoneNumberId> {
        let is_of = |number: &PhoneNumberId| {
            self.relay.account(*number).is_some_and(|known| known.to_string() == account)
        };
        grant.numbers().find(is_of)
    }

    /// Lists the templates of the account of `business`, creates one, or deletes some.
    pub(super) async fn templates(
        &self,
        head: &Parts,
        body: &mut Incoming,
        business: PhoneNumberId,
    ) -> Result<Value, ApiError> {
        match head.method {
            Method::GET => self.list_templates(head, business).await,
            Method::POST => {
                let definition = self.defined(body, template_definition::read).await?;
                let created = self.relay.create_template(business, definition).await;
                let template = created.map_err(|error| self.failed(error))?;
                Ok(json!({
                    "id": template.id.to_string(),
                    "status": template.status.name(),
                    "category": template.definition.category().name().to_ascii_uppercase(),
                }))
            }
            Method::DELETE => self.delete_templates(head, business).await,
            _ => Err(ApiError::method(Methods::GetPostOrDelete)),
        }
    }

    /// Tells of a template, or changes it; of this `account`, if one is named.
    pub(super) async fn template(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (grant, account, id): (&Grant, Option<BusinessAccountId>, TemplateId),
        span: &Span,
    ) -> Result<Value, ApiError> {
        // First what needs no look at what is there.
        if ![Method::GET, Method::POST].contains(&head.method) {
            return Err(ApiError::method(Methods::GetOrPost));
        }
        let (business, known) = self.find_template((grant, account), id).await?;
        span.record("business", tracing::field::display(business));
        if head.method == Method::GET {
            return Ok(pick(Selection::of(head)?.as_ref(), template_json::template(&known)));
        }
        let edited = self.defined(body, |fields| template_definition::read_edit(fields, &known)).await?;
        let edited = self.relay.edit_template(business, id, edited).await;
        edited.map_err(|error| self.failed(error))?;
        Ok(json!({ "success": true, "id": id.to_string() }))
    }

    /// Says why a template is not lifted out of its pause, as the original does where it does not.
    pub(super) async fn unpause(
        &self,
        head: &Parts,
        (grant, id): (&Grant, TemplateId),
        span: &Span,
    ) -> Result<Value, ApiError> {
        if head.method != Method::POST {
            return Err(ApiError::method(Methods::Post));
        }
        let (business, known) = self.find_template((grant, None), id).await?;
        span.record("business", tracing::field::display(business));
        let reason = match known.status {
            TemplateStatus::Paused => "the operator has paused it, and is to lift that",
            _ => "it is not paused",
        };
        Ok(json!({ "success": false, "reason": reason }))
    }

    /// Refuses a message whose template cannot be sent, before anything is fetched for it.
    pub(super) async fn check_template(
        &self,
        business: PhoneNumberId,
        message: &Outgoing,
    ) -> Result<(), ApiError> {
        let OutgoingBody::Template(sent) = message.clone().into_body() else { return Ok(()) };
        match self.relay.preview_template(business, *sent).await {
            // What is still to be fetched is not known yet.
            Ok(_) | Err(SubmitError::UnknownMedia) => Ok(()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// What the user would see of a message with a template. Its files are fetched only when nothing else is
    /// missing.
    pub(super) async fn preview(
        &self,
        business: PhoneNumberId,
        contact: &Contact,
        message: Outgoing,
        links: Vec<Link>,
    ) -> Result<Value, ApiError> {
        let OutgoingBody::Template(sent) = message.into_body() else {
            return Err(ApiError::value("dry_run", "only messages of the type template can be tried"));
        };
        let mut rendered = self.relay.preview_template(business, (*sent).clone()).await;
        if matches!(rendered, Err(SubmitError::UnknownMedia)) && !links.is_empty() {
            Box::pin(self.fetch_links(business, links)).await?;
            rendered = self.relay.preview_template(business, *sent).await;
        }
        let (category, shown) = rendered.map_err(|error| self.failed(error))?;
        Ok(json!({
            "messaging_product": "whatsapp",
            "contacts": [contact],
            "category": category.name().to_ascii_uppercase(),
            "components": template_json::rendered(&shown),
        }))
    }

    /// The template with this id, of an account that is granted, or of this one of them.
    async fn find_template(
        &self,
        (grant, of): (&Grant, Option<BusinessAccountId>),
        id: TemplateId,
    ) -> Result<(PhoneNumberId, MessageTemplate), ApiError> {
        let mut asked = BTreeSet::new();
        for number in grant.numbers() {
            let Some(account) = self.relay.account(number) else { continue };
            if of.is_some_and(|of| of != account) || !asked.insert(account) {
                continue;
            }
            match self.relay.template(number, id).await {
                Ok(template) => return Ok((number, template)),
                Err(TemplateError::Unknown | TemplateError::UnknownAccount) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Err(ApiError::number())
    }

    /// What a request defines.
    pub(super) async fn defined<R>(
        &self,
        body: &mut Incoming,
        read: impl FnOnce(DefinitionFields<'_>) -> Result<R, ApiError>,
    ) -> Result<R, ApiError> {
        body.check()?;
        let admission = self.admission.take(body.most(), &*self.clock).await;
        let _admission =
            admission.inspect_err(|api_error| self.failures.tell(api_error, "no room", &*self.clock))?;
        let mut bytes = body.read_object(&*self.clock).await?;
        // One client writes the JSON into a string of JSON.
        if bytes.first() == Some(&b'"')
            && let Ok(within) = serde_json::from_slice::<String>(&bytes)
        {
            bytes = within.into();
        }
        if let Some(unfolded) = folded_json::unfolded(&bytes) {
            bytes = unfolded;
        }
        let fields: Field<Object<DefinitionFields<'_>>> = whole(&bytes)?;
        match fields {
            Field::Given(Object(fields)) => read(fields),
            _ => Err(ApiError::unreadable("the request's body must be a JSON object")),
        }
    }

    async fn list_templates(&self, head: &Parts, business: PhoneNumberId) -> Result<Value, ApiError> {
        let place = PageAsked::of(head)?.read(place)?;
        let (asked, is_some) = asked_for(head, place.limit)?;
        let asked = asked.start(place.start.clone());
        let mut page = self.relay.templates(business, asked).await.map_err(|error| self.failed(error))?;
        if !is_some {
            page = TemplatePage::new(Vec::new(), None, page.total);
        }
        let selection = Selection::of(head)?;
        let told = |known| pick(selection.as_ref(), template_json::template(known));
        let data: Vec<Value> = page.templates.iter().map(told).collect();
        let mut reply = json!({ "data": data });
        if let Some(paging) = self.paging(head, &page, &place)? {
            reply["paging"] = paging;
        }
        if query(head, "summary").is_some() {
            reply["summary"] = json!({
                "total_count": page.total,
                "message_template_count": page.total,
                "message_template_limit": MAX_TEMPLATES,
                "are_translations_complete": true,
            });
        }
        Ok(reply)
    }

    /// Where a page begins and ends, and where those beside it are, if there are any.
    fn paging(
        &self,
        head: &Parts,
        page: &TemplatePage,
        asked: &PageAsked<Place>,
    ) -> Result<Option<Value>, ApiError> {
        let place = |template: &MessageTemplate| {
            (template.definition.name().to_owned(), template.definition.language().to_owned())
        };
        let (mut first, mut last) = (page.templates.first().map(place), page.templates.last().map(place));
        // Where it ends there may be none of those that are asked for.
        let end = if asked.start.is_back() { &mut first } else { &mut last };
        if page.next.is_some() {
            end.clone_from(&page.next);
        }
        let Some((first, last)) = first.clone().or_else(|| last.clone()).zip(last.or(first)) else {
            return Ok(None);
        };
        let places = (&*cursor(&first), &*cursor(&last));
        page::paging(head, &self.settings, places, asked.sides(page.next.is_some())).map(Some)
    }

    async fn delete_templates(&self, head: &Parts, business: PhoneNumberId) -> Result<Value, ApiError> {
        let given = |name| query(head, name).filter(|value| !value.is_empty());
        if let Some(ids) = given("hsm_ids") {
            return self.delete_templates_by_ids(business, &ids).await;
        }
        let deleted = match (given("hsm_id"), given("name")) {
            (None, None) => return Err(ApiError::missing("name")),
            (None, Some(name)) => self.relay.delete_templates(business, name).await.map(drop),
            (Some(id), name) => {
                let id = TemplateId::parse(&id).ok_or_else(ApiError::number)?;
                if let Some(name) = name {
                    let known = self.relay.template(business, id).await;
                    let known = known.map_err(|error| self.failed(error))?;
                    if known.definition.name() != name {
                        return Err(ApiError::number());
                    }
                }
                self.relay.delete_template(business, id).await
            }
        };
        deleted.map_err(|error| self.failed(error))?;
        Ok(json!({ "success": true }))
    }
}

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Deletes each of the templates in a list, if all of them are there.
    async fn delete_templates_by_ids(&self, business: PhoneNumberId, ids: &str) -> Result<Value, ApiError> {
        let ids = listed(Some(ids.to_owned()));
        if ids.len() > MAX_BATCH {
            return Err(ApiError::long("hsm_ids", "ids", ids.len(), MAX_BATCH));
        }
        let ids = ids.iter().map(|id| TemplateId::parse(id).ok_or_else(ApiError::number));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        for id in &ids {
            self.relay.template(business, *id).await.map_err(|error| self.failed(error))?;
        }
        for id in ids {
            match self.relay.delete_template(business, id).await {
                // Somebody else was faster, or it was named twice.
                Ok(()) | Err(TemplateError::Unknown) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Ok(json!({ "success": true }))
    }
}

/// Whether a message is only to be tried.
pub(super) fn is_dry_run(head: &Parts) -> bool {
    query(head, "dry_run").is_some_and(|value| matches!(value.as_str(), "1" | "true"))
}

/// The statuses that a template can have here.
const STATUSES: &str = "APPROVED, DISABLED, PAUSED, PENDING, REJECTED";

/// Others that clients know. No template is in one of these.
const OTHER_STATUSES: [&str; 10] = [
    "APPEAL_REQUESTED",
    "ARCHIVED",
    "DELETED",
    "FLAGGED",
    "IN_APPEAL",
    "LIMIT_EXCEEDED",
    "LOCKED",
    "PENDING_DELETION",
    "REINSTATED",
    "UNKNOWN",
];

/// Which templates are asked for, and whether there can be any. What is not known is passed over.
fn asked_for(head: &Parts, limit: usize) -> Result<(TemplateQuery, bool), ApiError> {
    let given = |name| query(head, name).filter(|value| !value.is_empty());
    let mut asked = TemplateQuery::new(limit);
    if let Some(name) = given("name") {
        asked = asked.name(name);
    }
    if let Some(words) = given("content") {
        asked = asked.content(words);
    }
    if let Some(words) = given("name_or_content") {
        asked = asked.name_or_content(words);
    }
    for language in listed(given("language")) {
        // A host may have created one that is spelt as it is asked for.
        asked = asked.language(spelt(Cow::Borrowed(&language))).language(language.as_str());
    }
    for category in listed(given("category")) {
        asked = asked.category(template_definition::category(&category)?);
    }
    let (statuses, mut is_any) = (listed(given("status")), false);
    for name in &statuses {
        match TemplateStatus::from_name(name) {
            Some(status) => asked = asked.status(status),
            None if OTHER_STATUSES.iter().any(|other| other.eq_ignore_ascii_case(name)) => continue,
            None => return Err(ApiError::one_of("status", STATUSES)),
        }
        is_any = true;
    }
    let qualities = listed(given("quality_score"));
    let is_of_quality =
        qualities.is_empty() || qualities.iter().any(|one| one.eq_ignore_ascii_case("UNKNOWN"));
    let is_some = is_of_quality && (is_any || statuses.is_empty());
    Ok((asked, is_some))
}

/// What a list in a query says, with commas or as JSON.
fn listed(list: Option<String>) -> Vec<String> {
    let is_around = |letter: char| matches!(letter, '[' | ']' | '"' | ' ');
    let list = list.unwrap_or_default();
    list.split(',')
        .map(|item| item.trim_matches(is_around))
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A name and a language, which say where a template stands in the list.
type Place = (String, String);

/// How a place in the list is written.
fn cursor((name, language): &Place) -> String {
    page::cursor(format!("{name}\0{language}").as_bytes())
}

/// What [`cursor`] has written.
fn place(cursor: Vec<u8>) -> Option<Place> {
    let place = String::from_utf8(cursor).ok()?;
    let (name, language) = place.split_once('\0')?;
    Some((name.to_owned(), language.to_owned()))
}
