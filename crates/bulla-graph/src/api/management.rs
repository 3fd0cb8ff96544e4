//! What is asked about a number, an account and what belongs to them: whose it is, and who answers.

use axum::http::request::Parts;
use bulla_base::PhoneNumberId;
use bulla_relay::TemplateId;
use serde_json::Value;
use tracing::Span;

use super::GraphApi;
use super::body::Incoming;
use super::flows::is_flow;
use super::path::Edge;
use crate::api_error::ApiError;
use crate::{Grant, RelayApi, TokenLookup};

impl<D: RelayApi, A: TokenLookup> GraphApi<D, A> {
    /// Answers about what has an id: a number, an account, a template or a flow.
    pub(super) async fn node(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (grant, id): (&Grant, &str),
        span: &Span,
    ) -> Result<Value, ApiError> {
        if let Some(business) = self.granted(grant, id, span) {
            return self.number(head, body, business).await;
        }
        if let Some(business) = self.number_of(grant, id) {
            let account = self.relay.account(business).ok_or_else(ApiError::number)?;
            return self.account(head, (grant, account)).await;
        }
        if let Some(template) = TemplateId::parse(id) {
            return self.template(head, body, (grant, None, template), span).await;
        }
        if !is_flow(id) {
            return Err(ApiError::number());
        }
        let business = self.find_flow(grant, id).await?;
        self.flow(head, body, (business, id)).await
    }

    /// Answers about a part of what has an id.
    pub(super) async fn edge(
        &self,
        head: &Parts,
        body: &mut Incoming,
        (grant, id, edge): (&Grant, &str, Edge<'_>),
        span: &Span,
    ) -> Result<Value, ApiError> {
        if edge.is_of_account() {
            let business = self.number_of(grant, id).ok_or_else(ApiError::number)?;
            let account = self.relay.account(business).ok_or_else(ApiError::number)?;
            return match edge {
                Edge::Template(template) => {
                    let template = TemplateId::parse(template).ok_or_else(ApiError::number)?;
                    self.template(head, body, (grant, Some(account), template), span).await
                }
                Edge::Numbers => self.numbers(head, (grant, account)).await,
                Edge::Flows => self.flows(head, body, business).await,
                Edge::UpsertTemplates => self.upsert_templates(head, body, business).await,
                Edge::PricingAnalytics => self.pricing_analytics(head, (grant, account)).await,
                _ => self.subscribed_apps(head, body, business).await,
            };
        }
        if edge == Edge::Unpause {
            let template = TemplateId::parse(id).ok_or_else(ApiError::number)?;
            return self.unpause(head, (grant, template), span).await;
        }
        if edge.is_of_flow() {
            let business =
                if is_flow(id) { self.find_flow(grant, id).await? } else { return Err(ApiError::number()) };
            return match edge {
                Edge::FlowAssets => self.flow_assets(head, body, (business, id)).await,
                Edge::FlowJson => self.flow_json(head, (business, id)).await,
                edge => self.move_flow(head, (business, id), edge == Edge::PublishFlow).await,
            };
        }
        let business = self.granted(grant, id, span).ok_or_else(ApiError::number)?;
        match edge {
            Edge::Profile => self.profile(head, body, (grant, business)).await,
            Edge::Register => self.register(head, body, business).await,
            Edge::Deregister => self.deregister(head, business).await,
            Edge::RequestCode => {
                let own = self.relay.number(business).ok_or_else(ApiError::number)?;
                self.request_code(head, body, (business, &own)).await
            }
            Edge::VerifyCode => self.verify_code(head, body, business).await,
            Edge::Settings => self.number_settings(head, body).await,
            Edge::Commerce => self.commerce_settings(head, body, business).await,
            Edge::Automation => self.set_automation(head, body, business).await,
            Edge::BlockedUsers => self.blocked_users(head, body, business).await,
            Edge::QrCodes => self.qr_codes(head, body, business).await,
            Edge::QrCode(code) => self.qr_code(head, body, (business, code)).await,
            _ => Err(ApiError::path()),
        }
    }

    /// The number with this id, if it is granted and the relay speaks for it.
    pub(super) fn granted(&self, grant: &Grant, id: &str, span: &Span) -> Option<PhoneNumberId> {
        let business = PhoneNumberId::parse(id).ok().filter(|business| grant.covers(*business))?;
        self.relay.number(business)?;
        span.record("business", tracing::field::display(business));
        Some(business)
    }
}
