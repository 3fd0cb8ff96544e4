//! What a business's web server is told of its account: of message templates, and of what restricts a number.

use bulla_base::{BusinessAccountId, Category, Timestamp};
use bulla_meter::{LocalDate, Market, PricingCategory, ReachedTier, TierRange, Unit};
use bulla_relay::{
    AccountEvent, EventSink, MessageTemplate, Quality, Restriction, RestrictionUpdate, StandingChange,
    StandingUpdate, TemplateDefinition, TemplateId, TemplateStatus, TemplateText, TemplateUpdate, Tier,
    VolumeTierUpdate,
};
use serde_json::{Value, json};

use crate::api_ids::{NUMBER, OTHER_NUMBER};
use crate::clock::WaitingClock;
use crate::receiver::{Receiver, plain, well_behaved};
use crate::updates::{business, local, webhook};

fn rejected(of: bulla_base::PhoneNumberId) -> AccountEvent {
    let body = TemplateText::new("Hello");
    let definition = TemplateDefinition::new("hello", "en_US", Category::Marketing, body);
    let id = TemplateId::from_number(1_000_000_000_000_001).unwrap();
    let mut template = MessageTemplate::new(id, definition, TemplateStatus::Rejected);
    template.reason = Some("INVALID_FORMAT".to_owned());
    let at = Timestamp::from_millis(1_795_293_590_960);
    AccountEvent::Template(TemplateUpdate::new(of, BusinessAccountId::new(102_290_129_340_398), template, at))
}

#[tokio::test]
async fn a_review_is_told_as_an_update_of_the_account() {
    let receiver = Receiver::start().await;
    let sink = local(std::sync::Arc::new(WaitingClock));
    sink.subscribe([business()], webhook(&receiver).account_updates()).unwrap();
    sink.verify().await.unwrap();
    receiver.take();
    sink.forward_account(&rejected(NUMBER)).await.unwrap();
    let seen = receiver.take();
    let [update] = &seen[..] else { panic!("{} requests", seen.len()) };
    let body: Value = serde_json::from_slice(&update.body).unwrap();
    let value = json!({
        "event": "REJECTED",
        "message_template_id": 1_000_000_000_000_001_u64,
        "message_template_name": "hello",
        "message_template_language": "en_US",
        "message_template_category": "MARKETING",
        "reason": "INVALID_FORMAT",
    });
    let change = json!({ "field": "message_template_status_update", "value": value });
    let entry = json!({ "id": "102290129340398", "time": 1_795_293_590, "changes": [change] });
    assert_eq!(body, json!({ "object": "whatsapp_business_account", "entry": [entry] }));

    receiver
        .answer(|seen| if seen.method == http::Method::GET { well_behaved(seen) } else { plain(500, "") });
    assert!(sink.forward_account(&rejected(NUMBER)).await.is_err(), "it comes again");
    assert!(sink.forward_account(&rejected(OTHER_NUMBER)).await.is_err(), "nobody is told");
}

/// Programs that look for a number in every update break at one without.
#[tokio::test]
async fn who_did_not_ask_for_them_is_told_nothing() {
    let receiver = Receiver::start().await;
    let sink = local(std::sync::Arc::new(WaitingClock));
    sink.subscribe([business()], webhook(&receiver)).unwrap();
    sink.forward_account(&rejected(NUMBER)).await.unwrap();
    assert!(receiver.take().is_empty());
}

#[tokio::test]
async fn another_tier_of_a_price_is_told_as_the_original_does() {
    let receiver = Receiver::start().await;
    let sink = local(std::sync::Arc::new(WaitingClock));
    sink.subscribe([business()], webhook(&receiver).account_updates()).unwrap();
    sink.verify().await.unwrap();
    receiver.take();
    let of = (PricingCategory::Utility, Unit::Message, Market::from_code(91).unwrap());
    let update = VolumeTierUpdate::new(
        (NUMBER, BusinessAccountId::new(102_290_129_340_398)),
        LocalDate::parse("2026-11-01").unwrap(),
        ReachedTier::new(of, TierRange::new(25_000_000, Some(50_000_000))),
        Timestamp::from_millis(1_795_293_590_960),
    );
    sink.forward_account(&AccountEvent::VolumeTier(update)).await.unwrap();
    let body: Value = serde_json::from_slice(&receiver.take()[0].body).unwrap();
    let info = json!({
        "tier_update_time": 1_795_293_590,
        "pricing_category": "UTILITY",
        "tier": "25000001:50000000",
        "effective_month": "2026-11",
        "region": "IN",
    });
    let value = json!({ "event": "VOLUME_BASED_PRICING_TIER_UPDATE", "volume_tier_info": info });
    let change = json!({ "field": "account_update", "value": value });
    assert_eq!(body["entry"][0]["changes"], json!([change]));
}

#[tokio::test]
async fn what_restricts_a_number_is_told_as_the_original_does() {
    let receiver = Receiver::start().await;
    let sink = local(std::sync::Arc::new(WaitingClock));
    sink.subscribe([business()], webhook(&receiver).account_updates()).unwrap();
    sink.verify().await.unwrap();
    receiver.take();
    let (at, end) = (Timestamp::from_millis(1_795_293_590_960), Timestamp::from_millis(1_795_379_990_960));
    let account = BusinessAccountId::new(102_290_129_340_398);
    let of_business =
        json!({ "restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": 1_795_379_990 });
    let of_users =
        json!({ "restriction_type": "RESTRICTED_CUSTOMER_INITIATED_MESSAGING", "expiration": 1_795_379_990 });
    let restricted = |info: &[&Value]| json!({ "event": "ACCOUNT_RESTRICTION", "restriction_info": info });
    for (restriction, until, expected) in [
        (Restriction::Limited, Some(end), restricted(&[&of_business])),
        (Restriction::Paused, Some(end), restricted(&[&of_business, &of_users])),
        (
            Restriction::Stopped,
            None,
            json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": "DISABLE" } }),
        ),
    ] {
        let update = RestrictionUpdate::new(NUMBER, account, (restriction, until), at);
        sink.forward_account(&AccountEvent::Restriction(update)).await.unwrap();
        let body: Value = serde_json::from_slice(&receiver.take()[0].body).unwrap();
        let change = &body["entry"][0]["changes"][0];
        assert_eq!(change["field"], "account_update");
        let mut value = change["value"].clone();
        let number = value.as_object_mut().unwrap().remove("phone_number");
        assert_eq!((number, value), (Some(json!(business().display_number().digits())), expected));
    }
}

#[tokio::test]
async fn how_a_number_stands_is_told_as_the_original_does() {
    let receiver = Receiver::start().await;
    let sink = local(std::sync::Arc::new(WaitingClock));
    sink.subscribe([business()], webhook(&receiver).account_updates()).unwrap();
    sink.verify().await.unwrap();
    receiver.take();
    let at = Timestamp::from_millis(1_795_293_590_960);
    let account = BusinessAccountId::new(102_290_129_340_398);
    let number = business().display_number().digits().to_owned();
    let quality = |event: &str, limit: &str| {
        json!({
            "display_phone_number": number,
            "event": event,
            "current_limit": limit,
            "max_daily_conversations_per_business": limit,
        })
    };
    let tier = |event: &str, was: &str, is: &str| {
        json!({
            "display_phone_number": number,
            "event": event,
            "old_limit": was,
            "current_limit": is,
            "max_daily_conversations_per_business": is,
        })
    };
    let (of_account, of_quality) = ("account_update", "phone_number_quality_update");
    for (change, field, value) in [
        (
            StandingChange::Warned,
            of_account,
            json!({
                "phone_number": number,
                "event": "ACCOUNT_VIOLATION",
                "violation_info": { "violation_type": "SPAM" },
            }),
        ),
        (
            StandingChange::RestrictionEnded { was: Restriction::Limited },
            of_account,
            json!({
                "phone_number": number,
                "event": "DISABLED_UPDATE",
                "ban_info": { "waba_ban_state": "REINSTATE" },
            }),
        ),
        (
            StandingChange::Quality { was: Quality::Green, is: Quality::Red, tier: Some(Tier::Users10K) },
            of_quality,
            quality("FLAGGED", "TIER_10K"),
        ),
        (
            StandingChange::Quality { was: Quality::Red, is: Quality::Yellow, tier: None },
            of_quality,
            quality("UNFLAGGED", "TIER_NOT_SET"),
        ),
        (
            StandingChange::Tier { was: Tier::Users250, is: Tier::Users2K },
            of_quality,
            tier("UPGRADE", "TIER_250", "TIER_2K"),
        ),
        (
            StandingChange::Tier { was: Tier::Unlimited, is: Tier::Users100K },
            of_quality,
            tier("DOWNGRADE", "TIER_UNLIMITED", "TIER_100K"),
        ),
    ] {
        let update = StandingUpdate::new(NUMBER, account, change, at);
        sink.forward_account(&AccountEvent::Standing(update)).await.unwrap();
        let body: Value = serde_json::from_slice(&receiver.take()[0].body).unwrap();
        let change = json!({ "field": field, "value": value });
        let entry = json!({ "id": "102290129340398", "time": 1_795_293_590, "changes": [change] });
        assert_eq!(body, json!({ "object": "whatsapp_business_account", "entry": [entry] }));
    }
    // The original has no word for what lies between.
    let between = StandingChange::Quality { was: Quality::Green, is: Quality::Yellow, tier: None };
    let update = StandingUpdate::new(NUMBER, account, between, at);
    sink.forward_account(&AccountEvent::Standing(update)).await.unwrap();
    assert!(receiver.take().is_empty());
}
