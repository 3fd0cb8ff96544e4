use super::*;

fn pair() -> (Chain, Chain) {
    (Chain::new(Role::Initiator, &[7; 32]), Chain::new(Role::Responder, &[7; 32]))
}

fn send(chain: &mut Chain, epoch: u64) -> (u32, Secret<32>) {
    let sending = chain.try_send(epoch).unwrap();
    chain.sent(sending)
}

fn receive(chain: &mut Chain, epoch: u64, index: u32) -> Result<Secret<32>, ReceiveError> {
    let (key, change) = chain.receive(epoch, index)?;
    chain.accept(change);
    Ok(key)
}

#[test]
fn both_directions_agree_and_differ() {
    let (mut alice, mut bob) = pair();
    let (index, first) = send(&mut alice, 0);
    assert_eq!(index, 1);
    assert_eq!(receive(&mut bob, 0, 1).unwrap().expose(), first.expose());
    let (_, answer) = send(&mut bob, 0);
    assert_eq!(receive(&mut alice, 0, 1).unwrap().expose(), answer.expose());
    assert_ne!(first.expose(), answer.expose());
}

#[test]
fn the_window_keeps_2000_keys_and_not_one_more() {
    let (mut alice, mut bob) = pair();
    let keys: Vec<_> = (0..4_000).map(|_| send(&mut alice, 0).1).collect();
    receive(&mut bob, 0, 2_001).unwrap();
    assert_eq!(bob.links.at(0).unwrap().skipped.len(), 2_000);
    // Index 1 is 2000 behind; as soon as the chain moves on it is one too many.
    let oldest = bob.receive(0, 1).unwrap().0;
    assert_eq!(oldest.expose(), keys[0].expose());
    receive(&mut bob, 0, 2_002).unwrap();
    assert_eq!(bob.receive(0, 1).err(), Some(ReceiveError::UsedUp { index: 1, counter: 2_002 }));
    assert_eq!(receive(&mut bob, 0, 2).unwrap().expose(), keys[1].expose());
    assert!(receive(&mut bob, 0, 2).is_err());
    // One long jump keeps the newest as well.
    receive(&mut bob, 0, 4_000).unwrap();
    let skipped = &bob.links.at(0).unwrap().skipped;
    assert_eq!(skipped.len(), 1_998, "2000 less two that were received");
    assert!(bob.receive(0, 1_999).is_err());
    assert_eq!(receive(&mut bob, 0, 2_000).unwrap().expose(), keys[1_999].expose());
}

#[test]
fn a_jump_of_25_000_is_followed_and_not_one_more() {
    let (_, bob) = pair();
    let beyond = ReceiveError::TooFarAhead { index: 25_001, counter: 0, limit: MAX_SKIP };
    assert_eq!(bob.receive(0, 25_001).err(), Some(beyond));
    assert!(bob.receive(0, 25_000).is_ok());
    assert!(matches!(bob.receive(0, u32::MAX), Err(ReceiveError::TooFarAhead { .. })));
}

#[test]
fn a_chain_at_its_end_gives_no_more_keys() {
    let (mut alice, mut bob) = pair();
    let end = |link: &mut Link| {
        link.receive.counter = u32::MAX - 1;
        if let Some(send) = &mut link.send {
            send.counter = u32::MAX - 1;
        }
    };
    end(alice.links.at_mut(0).unwrap());
    end(bob.links.at_mut(0).unwrap());
    let (index, key) = send(&mut alice, 0);
    assert_eq!(index, u32::MAX);
    assert_eq!(alice.try_send(0).err(), Some(SendError::Exhausted));
    assert_eq!(receive(&mut bob, 0, u32::MAX).unwrap().expose(), key.expose());
    assert!(receive(&mut bob, 0, u32::MAX).is_err());
}

#[test]
fn receiving_chains_live_one_epoch_longer_than_sending_ones() {
    let (mut alice, mut bob) = pair();
    let late: Vec<_> = (0..3)
        .map(|epoch| {
            let key = send(&mut alice, epoch).1;
            for chain in [&mut alice, &mut bob] {
                chain.add(&Secret::new([epoch.to_le_bytes()[0]; 32]));
            }
            key
        })
        .collect();
    assert_eq!((bob.current, bob.oldest()), (3, 1), "three epochs are kept");
    assert_eq!(bob.receive(0, 1).err(), Some(ReceiveError::Past { epoch: 0, oldest: 1 }));
    assert_eq!(bob.receive(1, 1).unwrap().0.expose(), late[1].expose());

    send(&mut bob, 2);
    assert_eq!(bob.oldest(), 1);
    assert!(bob.try_send(1).is_err(), "an epoch left is not sent in again");
    assert_eq!(bob.receive(1, 1).unwrap().0.expose(), late[1].expose());
    send(&mut bob, 3);
    assert_eq!(bob.oldest(), 2);
    assert_eq!(bob.receive(1, 1).err(), Some(ReceiveError::Past { epoch: 1, oldest: 2 }));
    assert_eq!(bob.receive(2, 1).unwrap().0.expose(), late[2].expose());
}
