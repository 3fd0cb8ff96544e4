//! What the kill test looks for is found where it is planted.

use super::carrier_log;
use super::pair::Pair;

const IDS: [&str; 2] = ["01a200450e737a43b7a91aaa03a891c3", "01a20045128b75bca57454c7ea4abd84"];
const WAMID: &str = "wamid.AaIARRKLdbyldFTH6kq9hN26rDW7zzxVTatiOQWUCRY";

fn pair(say: impl FnOnce(&mut Pair)) -> Pair {
    let mut pair = Pair::default();
    say(&mut pair);
    pair
}

#[test]
fn a_sound_conversation_passes() {
    let pair = pair(|pair| {
        pair.accepted(WAMID, "to 1 0");
        pair.received(IDS[1], "to 1 0");
        pair.received(IDS[1], "to 1 0");
        ["sent", "delivered", "delivered", "read"].into_iter().for_each(|status| pair.status(WAMID, status));
    });
    assert_eq!(pair.what_is_missing(), "");
    let sums = pair.check("1");
    assert_eq!((sums.accepted, sums.received_again, sums.statuses, sums.status_repeats), (1, 1, 4, 1));
}

#[test]
#[should_panic(expected = "lost")]
fn an_acknowledged_message_that_never_came_is_found() {
    let pair = pair(|pair| pair.accepted(WAMID, "to 1 0"));
    assert!(pair.what_is_missing().contains("is not with the user"));
    pair.check("1");
}

#[test]
#[should_panic(expected = "lost")]
fn a_message_under_another_id_than_the_sender_knows_is_found() {
    pair(|pair| {
        pair.accepted(WAMID, "to 1 0");
        pair.received(IDS[0], "to 1 0");
    })
    .check("1");
}

#[test]
#[should_panic(expected = "under two ids")]
fn one_text_under_two_ids_is_found() {
    pair(|pair| IDS.iter().for_each(|id| pair.received(id, "to 1 0"))).check("1");
}

#[test]
#[should_panic(expected = "out of order")]
fn messages_out_of_order_are_found() {
    pair(|pair| {
        pair.received(IDS[0], "to 1 1");
        pair.received(IDS[1], "to 1 0");
    })
    .check("1");
}

#[test]
#[should_panic(expected = "went backwards")]
fn a_status_that_goes_backwards_is_found() {
    pair(|pair| ["sent", "read", "delivered"].into_iter().for_each(|status| pair.status(WAMID, status)))
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
