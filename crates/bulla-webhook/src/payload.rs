//! An update, in the words of its consumers.
//!
//! Two things are always there that the original leaves out at times, because clients silently drop an update
//! without them: the user's id, and `contacts` on statuses.

mod objects;
mod other;

use bulla_base::Timestamp;
use bulla_content::Body;
use bulla_relay::{
    AccountEvent, Business, Event, Failure, Incoming, MessageRef, MessageTemplate, PricingCategory,
    PricingType, Quality, Restriction, RestrictionUpdate, StandingChange, StandingUpdate, Status,
    StatusUpdate, Subject, Tier, VolumeTierUpdate,
};

use self::objects::{
    AccountChange, AccountEntry, AccountNotification, AccountUpdate, AccountValue, Answered, BanInfo, Change,
    Contact, Data, Entry, Fault, Message, Metadata, Notification, Pricing, Profile, QualityUpdate, Reaction,
    RestrictionInfo, StatusLine, TemplateStatusUpdate, TextBody, Unsupported, Value, ViolationInfo,
    VolumeTierInfo, VolumeTierValue,
};
use self::other::Other;
use crate::{StatusPricing, WebhookError, api_ids, ascii_json};

/// The body of the update that tells `business` of `event`.
pub(crate) fn write(
    event: &Event,
    business: &Business,
    pricing: &dyn StatusPricing,
) -> Result<Vec<u8>, WebhookError> {
    let about = event.subject();
    let user = about.user.digits();
    let user_id = api_ids::user(about.user_id);
    let mut value = Value {
        messaging_product: "whatsapp",
        metadata: Metadata {
            display_phone_number: business.display_number().digits(),
            phone_number_id: business.id().to_string(),
        },
        contacts: [Contact { profile: Profile { name: format!("+{user}") }, wa_id: user, user_id: &user_id }],
        messages: None,
        statuses: None,
    };
    match event {
        Event::Message(about, incoming) => {
            value.messages = Some([message(about, incoming, &user_id, business)]);
        }
        Event::Status(about, update) => {
            value.statuses = Some([line(about, update, &user_id, price(about, update, (business, pricing)))?])
        }
        _ => return Err(WebhookError::UnknownEvent),
    }
    let notification = Notification {
        object: "whatsapp_business_account",
        entry: [Entry { id: business.account().to_string(), changes: [Change { field: "messages", value }] }],
    };
    ascii_json::write(&notification).map_err(WebhookError::broken)
}

/// The body of the update that tells of an account of which `business` is a number; nothing where the API has
/// none.
pub(crate) fn write_account(
    event: &AccountEvent,
    business: &Business,
) -> Result<Option<Vec<u8>>, WebhookError> {
    let (account, at, change) = match event {
        AccountEvent::Template(update) => (update.account, update.at, of_template(&update.template)),
        AccountEvent::Restriction(update) => (update.account, update.at, of_restriction(update, business)),
        AccountEvent::VolumeTier(update) => (update.account, update.at, of_volume_tier(update)),
        AccountEvent::Standing(update) => match of_standing(update, business) {
            Some(change) => (update.account, update.at, change),
            None => return Ok(None),
        },
        _ => return Err(WebhookError::UnknownEvent),
    };
    let entry = AccountEntry { id: account.to_string(), time: at.as_secs(), changes: [change] };
    let notification = AccountNotification { object: "whatsapp_business_account", entry: [entry] };
    ascii_json::write(&notification).map(Some).map_err(WebhookError::broken)
}

fn of_template(template: &MessageTemplate) -> AccountChange<'_> {
    let definition = &template.definition;
    let value = AccountValue::Template(TemplateStatusUpdate {
        event: template.status.name(),
        message_template_id: template.id.number(),
        message_template_name: definition.name(),
        message_template_language: definition.language(),
        message_template_category: definition.category().name().to_ascii_uppercase(),
        reason: template.reason.as_deref().unwrap_or("NONE"),
    });
    AccountChange { field: "message_template_status_update", value }
}

/// What the original says of a number that it restricts, or stops for good.
fn of_restriction<'a>(update: &RestrictionUpdate, business: &'a Business) -> AccountChange<'a> {
    let kinds: &[&'static str] = match update.restriction {
        Restriction::Limited => &["RESTRICTED_BIZ_INITIATED_MESSAGING"],
        Restriction::Paused => {
            &["RESTRICTED_BIZ_INITIATED_MESSAGING", "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"]
        }
        _ => &[],
    };
    let expiration = update.until.map(Timestamp::as_secs);
    let info = |kind: &&'static str| RestrictionInfo { restriction_type: kind, expiration };
    let is_stopped = kinds.is_empty();
    let value = AccountValue::Restriction(AccountUpdate {
        phone_number: business.display_number().digits(),
        event: if is_stopped { "DISABLED_UPDATE" } else { "ACCOUNT_RESTRICTION" },
        restriction_info: kinds.iter().map(info).collect(),
        ban_info: is_stopped.then_some(BanInfo { waba_ban_state: "DISABLE" }),
        violation_info: None,
    });
    AccountChange { field: "account_update", value }
}

fn of_volume_tier(update: &VolumeTierUpdate) -> AccountChange<'_> {
    let VolumeTierUpdate { month, reached, at, .. } = update;
    let mut effective_month = month.to_string();
    // A month has no day.
    effective_month.truncate("2026-11".len());
    let value = AccountValue::VolumeTier(VolumeTierValue {
        event: "VOLUME_BASED_PRICING_TIER_UPDATE",
        volume_tier_info: VolumeTierInfo {
            tier_update_time: at.as_secs(),
            pricing_category: reached.category.name().to_ascii_uppercase(),
            tier: reached.tier.to_string(),
            effective_month,
            region: reached.market.country(),
        },
    });
    AccountChange { field: "account_update", value }
}

/// What the original says of a number that stands otherwise than before. It has no word for a quality between
/// the best and the worst, and one for whatever was restricted and is not any more.
fn of_standing<'a>(update: &StandingUpdate, business: &'a Business) -> Option<AccountChange<'a>> {
    let phone_number = business.display_number().digits();
    let account = |event, ban_info, violation_info| {
        let restriction_info = Vec::new();
        let value = AccountUpdate { phone_number, event, restriction_info, ban_info, violation_info };
        AccountChange { field: "account_update", value: AccountValue::Restriction(value) }
    };
    let quality = |event, was: Option<Tier>, is: Option<Tier>| {
        let limit = is.map_or("TIER_NOT_SET", Tier::name);
        let value = QualityUpdate {
            display_phone_number: phone_number,
            event,
            old_limit: was.map(Tier::name),
            current_limit: limit,
            max_daily_conversations_per_business: limit,
        };
        AccountChange { field: "phone_number_quality_update", value: AccountValue::Quality(value) }
    };
    Some(match update.change {
        StandingChange::Warned => {
            account("ACCOUNT_VIOLATION", None, Some(ViolationInfo { violation_type: "SPAM" }))
        }
        StandingChange::RestrictionEnded { .. } => {
            account("DISABLED_UPDATE", Some(BanInfo { waba_ban_state: "REINSTATE" }), None)
        }
        StandingChange::Quality { is: Quality::Red, tier, .. } => quality("FLAGGED", None, tier),
        StandingChange::Quality { was: Quality::Red, tier, .. } => quality("UNFLAGGED", None, tier),
        StandingChange::Tier { was, is } if is > was => quality("UPGRADE", Some(was), Some(is)),
        StandingChange::Tier { was, is } => quality("DOWNGRADE", Some(was), Some(is)),
        _ => return None,
    })
}

fn message<'a>(
    about: &'a Subject,
    incoming: &'a Incoming,
    user_id: &'a str,
    business: &'a Business,
) -> Message<'a> {
    let mut message = Message {
        from: about.user.digits(),
        from_user_id: user_id,
        id: api_ids::message(about.message),
        timestamp: about.at.as_secs().to_string(),
        kind: "unsupported",
        text: None,
        reaction: None,
        other: None,
        context: None,
        unsupported: None,
        errors: None,
    };
    let answered = |reference: &Option<MessageRef>| {
        reference.map(|id| Answered { from: business.display_number().digits(), id: api_ids::message(id) })
    };
    match incoming {
        Incoming::Text { text, in_reply_to } => {
            message.kind = "text";
            message.text = Some(TextBody { body: text.body() });
            message.context = answered(in_reply_to);
        }
        Incoming::Reaction { to, emoji } => {
            message.kind = "reaction";
            message.reaction = Some(Reaction { message_id: api_ids::message(*to), emoji: emoji.as_deref() });
        }
        Incoming::Other { body, in_reply_to } if let Some(other) = Other::of(body, about) => {
            message.kind = body.name();
            message.other = Some(other);
            message.context = answered(in_reply_to);
        }
        other => {
            // Told all the same: nobody would ever hear of a message that is left out.
            let body = if let Incoming::Other { body, .. } = other { Some(body) } else { None };
            message.unsupported = Some(Unsupported { kind: body.map_or("unsupported", Body::name) });
            let details = match body.and_then(Body::attachment) {
                Some(_) => "the sender's device does not say what digest the media has",
                None => "this kind of message is not supported yet",
            };
            message.errors = Some([fault(131_051, "Message type unknown", details)]);
        }
    }
    message
}

fn line<'a>(
    about: &'a Subject,
    update: &'a StatusUpdate,
    user_id: &'a str,
    pricing: Option<Pricing>,
) -> Result<StatusLine<'a>, WebhookError> {
    let (status, errors) = match update.status {
        Status::Sent => ("sent", None),
        Status::Delivered => ("delivered", None),
        Status::Read => ("read", None),
        Status::Failed(failure) => ("failed", Some([undelivered(failure)])),
        _ => return Err(WebhookError::UnknownEvent),
    };
    Ok(StatusLine {
        id: api_ids::message(about.message),
        status,
        timestamp: about.at.as_secs().to_string(),
        recipient_id: about.user.digits(),
        recipient_user_id: user_id,
        biz_opaque_callback_data: update.tracking.as_deref(),
        pricing,
        errors,
    })
}

/// What a message is billed as, if this update tells it.
fn price(
    about: &Subject,
    update: &StatusUpdate,
    (business, pricing): (&Business, &dyn StatusPricing),
) -> Option<Pricing> {
    let window = update.billed_in?;
    let sent = about.message.id().time();
    let kind = pricing.pricing_type(business.account(), (update.category, window), sent);
    Some(Pricing {
        billable: kind == PricingType::Regular,
        pricing_model: "PMP",
        category: PricingCategory::from(update.category).name(),
        kind: kind.name(),
    })
}

/// The original says nothing of a message whose time to live has ended. It is undeliverable like any other,
/// and the details tell why. What breaks a rule has the original's own codes.
fn undelivered(failure: Failure) -> Fault {
    let undeliverable = |details| fault(131_026, "Message undeliverable", details);
    match failure {
        Failure::Expired => undeliverable("the message was not delivered within its time to live"),
        Failure::NotOpened => {
            undeliverable("the recipient's device could not open the message, however often it was sent")
        }
        Failure::WindowClosed => fault(
            131_047,
            "Re-engagement message",
            "more than 24 hours have passed since the recipient last wrote to this number",
        ),
        Failure::PairRate => fault(
            131_056,
            "(Business Account, Consumer Account) pair rate limit hit",
            "too many messages were sent to this recipient in a short time",
        ),
        Failure::MessagingLimit => fault(
            131_048,
            "Spam rate limit hit",
            "as many recipients as may be were written to within 24 hours, outside their service windows",
        ),
        Failure::Throughput => {
            fault(130_429, "Rate limit hit", "more messages a second were sent from this number than may be")
        }
        Failure::Restricted => fault(
            131_048,
            "Spam rate limit hit",
            "what users think of this number's messages restricts it: it writes to nobody, or to nobody new",
        ),
        Failure::MarketingLimit => fault(
            131_049,
            "Healthy ecosystem limit hit",
            "the recipient has got as many marketing messages, of whichever businesses, as anybody gets in a day",
        ),
        _ => undeliverable("the recipient is not known, or cannot be delivered to"),
    }
}

const fn fault(code: u32, title: &'static str, details: &'static str) -> Fault {
    Fault {
        code,
        title,
        message: title,
        error_data: Data { details },
        href: "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
    }
}
