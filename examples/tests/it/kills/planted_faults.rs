//! The checks of the kill test find each fault that is planted for them.

use super::carrier_log;
use super::conversation::Conversation;

const IDS: [&str; 2] = ["01a200450e737a43b7a91aaa03a891c3", "01a20045128b75bca57454c7ea4abd84"];
const WAMID: &str = "wamid.AaIARRKLdbyldFTH6kq9hN26rDW7zzxVTatiOQWUCRY";

fn conversation(say: impl FnOnce(&mut Conversation)) -> Conversation {
    let mut conversation = Conversation::default();
    say(&mut conversation);
    conversation
}

#[test]
fn a_sound_conversation_passes() {
    let conversation = conversation(|conversation| {
        conversation.accepted(WAMID, "to 1 0");
        conversation.received(IDS[1], "to 1 0");
        conversation.received(IDS[1], "to 1 0");
        ["sent", "delivered", "delivered", "read"]
            .into_iter()
            .for_each(|status| conversation.status(WAMID, status));
    });
    assert_eq!(conversation.what_is_missing(), "");
    let totals = conversation.check("1");
    assert_eq!(
        (totals.accepted, totals.received_again, totals.statuses, totals.status_repeats),
        (1, 1, 4, 1)
    );
}

#[test]
#[should_panic(expected = "lost")]
fn an_acknowledged_message_that_never_came_is_found() {
    let conversation = conversation(|conversation| conversation.accepted(WAMID, "to 1 0"));
    assert!(conversation.what_is_missing().contains("is not with the user"));
    conversation.check("1");
}

#[test]
#[should_panic(expected = "lost")]
fn a_message_under_another_id_than_the_sender_knows_is_found() {
    conversation(|conversation| {
        conversation.accepted(WAMID, "to 1 0");
        conversation.received(IDS[0], "to 1 0");
    })
    .check("1");
}

#[test]
#[should_panic(expected = "under two ids")]
fn one_text_under_two_ids_is_found() {
    conversation(|conversation| IDS.iter().for_each(|id| conversation.received(id, "to 1 0"))).check("1");
}

#[test]
#[should_panic(expected = "out of order")]
fn messages_out_of_order_are_found() {
    conversation(|conversation| {
        conversation.received(IDS[0], "to 1 1");
        conversation.received(IDS[1], "to 1 0");
    })
    .check("1");
}

#[test]
#[should_panic(expected = "went backwards")]
fn a_status_that_goes_backwards_is_found() {
    conversation(|conversation| {
        ["sent", "read", "delivered"].into_iter().for_each(|status| conversation.status(WAMID, status))
    })
    .check("1");
}

#[test]
#[should_panic(expected = "two ciphertexts")]
fn a_step_of_a_ratchet_taken_twice_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let line = |place: usize| {
        format!(
            "{{\"from\":\"user\",\"ratchet_key\":\"05\",\"counter\":0,\"id\":\"{}\",\"sha256\":\"{place}\"}}\n",
            IDS[place]
        )
    };
    std::fs::write(&path, [line(0), line(0), line(1)].concat()).unwrap();
    carrier_log::check(&path, 0);
}
