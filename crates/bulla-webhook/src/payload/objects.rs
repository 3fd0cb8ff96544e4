//! The update's objects, in the order in which they are written.

use serde::Serialize;

use super::other::Other;

#[derive(Serialize)]
pub(super) struct Notification<'a> {
    pub(super) object: &'static str,
    pub(super) entry: [Entry<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct Entry<'a> {
    pub(super) id: String,
    pub(super) changes: [Change<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct Change<'a> {
    pub(super) field: &'static str,
    pub(super) value: Value<'a>,
}

#[derive(Serialize)]
pub(super) struct Value<'a> {
    pub(super) messaging_product: &'static str,
    pub(super) metadata: Metadata<'a>,
    pub(super) contacts: [Contact<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) messages: Option<[Message<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) statuses: Option<[StatusLine<'a>; 1]>,
}

#[derive(Serialize)]
pub(super) struct Metadata<'a> {
    pub(super) display_phone_number: &'a str,
    pub(super) phone_number_id: String,
}

#[derive(Serialize)]
pub(super) struct Contact<'a> {
    pub(super) profile: Profile,
    pub(super) wa_id: &'a str,
    pub(super) user_id: &'a str,
}

#[derive(Serialize)]
pub(super) struct Profile {
    pub(super) name: String,
}

#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) from: &'a str,
    pub(super) from_user_id: &'a str,
    pub(super) id: String,
    pub(super) timestamp: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<TextBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reaction: Option<Reaction<'a>>,
    /// What was said, under the name of its kind, if it is none of these two.
    #[serde(flatten)]
    pub(super) other: Option<Other<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Answered<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unsupported: Option<Unsupported>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) errors: Option<[Fault; 1]>,
}

#[derive(Serialize)]
pub(super) struct TextBody<'a> {
    pub(super) body: &'a str,
}

#[derive(Serialize)]
pub(super) struct Reaction<'a> {
    pub(super) message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) emoji: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Answered<'a> {
    pub(super) from: &'a str,
    pub(super) id: String,
}

/// A message of a kind that is not told of, by the name of that.
#[derive(Serialize)]
pub(super) struct Unsupported {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

#[derive(Serialize)]
pub(super) struct StatusLine<'a> {
    pub(super) id: String,
    pub(super) status: &'static str,
    pub(super) timestamp: String,
    pub(super) recipient_id: &'a str,
    pub(super) recipient_user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) biz_opaque_callback_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pricing: Option<Pricing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) errors: Option<[Fault; 1]>,
}

#[derive(Serialize)]
pub(super) struct Pricing {
    pub(super) billable: bool,
    pub(super) pricing_model: &'static str,
    pub(super) category: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

#[derive(Serialize)]
pub(super) struct Fault {
    pub(super) code: u32,
    pub(super) title: &'static str,
    pub(super) message: &'static str,
    pub(super) error_data: Data,
    pub(super) href: &'static str,
}

#[derive(Serialize)]
pub(super) struct Data {
    pub(super) details: &'static str,
}

/// An update of an account, which names no number.
#[derive(Serialize)]
pub(super) struct AccountNotification<'a> {
    pub(super) object: &'static str,
    pub(super) entry: [AccountEntry<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct AccountEntry<'a> {
    pub(super) id: String,
    pub(super) time: u64,
    pub(super) changes: [AccountChange<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct AccountChange<'a> {
    pub(super) field: &'static str,
    pub(super) value: AccountValue<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum AccountValue<'a> {
    Template(TemplateStatusUpdate<'a>),
    Restriction(AccountUpdate<'a>),
    VolumeTier(VolumeTierValue),
    Quality(QualityUpdate<'a>),
}

#[derive(Serialize)]
pub(super) struct AccountUpdate<'a> {
    pub(super) phone_number: &'a str,
    pub(super) event: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) restriction_info: Vec<RestrictionInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ban_info: Option<BanInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) violation_info: Option<ViolationInfo>,
}

#[derive(Serialize)]
pub(super) struct VolumeTierValue {
    pub(super) event: &'static str,
    pub(super) volume_tier_info: VolumeTierInfo,
}

#[derive(Serialize)]
pub(super) struct VolumeTierInfo {
    /// In seconds since 1970 began.
    pub(super) tier_update_time: u64,
    pub(super) pricing_category: String,
    pub(super) tier: String,
    pub(super) effective_month: String,
    pub(super) region: &'static str,
}

#[derive(Serialize)]
pub(super) struct RestrictionInfo {
    pub(super) restriction_type: &'static str,
    /// In seconds since 1970 began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expiration: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct BanInfo {
    pub(super) waba_ban_state: &'static str,
}

#[derive(Serialize)]
pub(super) struct ViolationInfo {
    pub(super) violation_type: &'static str,
}

/// With the limit before, if it has changed.
#[derive(Serialize)]
pub(super) struct QualityUpdate<'a> {
    pub(super) display_phone_number: &'a str,
    pub(super) event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old_limit: Option<&'static str>,
    pub(super) current_limit: &'static str,
    pub(super) max_daily_conversations_per_business: &'static str,
}

#[derive(Serialize)]
pub(super) struct TemplateStatusUpdate<'a> {
    pub(super) event: &'static str,
    pub(super) message_template_id: u64,
    pub(super) message_template_name: &'a str,
    pub(super) message_template_language: &'a str,
    pub(super) message_template_category: String,
    pub(super) reason: &'a str,
}
