use bulla_base::ManualClock;
use bulla_meter::Hour;
use tokio::sync::oneshot;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_293_590_960);

struct World {
    sides: Arc<ComparedSides>,
    clock: Arc<dyn Clock>,
    hands: Arc<ManualClock>,
}

impl World {
    fn new() -> Self {
        let hands = Arc::new(ManualClock::new(NOW));
        Self { sides: Arc::default(), clock: hands.clone(), hands }
    }

    fn ask(
        &self,
        business: usize,
        of: Basis,
        making: impl Future<Output = Result<Made, NotMade>> + Send + 'static,
    ) -> Result<Asked, TransportError> {
        self.sides.ask(partition(business), of, &self.clock, making)
    }

    /// Has a side of so many leaves made, and waits for it.
    async fn make(&self, business: usize, leaves: usize) {
        let asked = self.ask(business, hour(0), async move { made(leaves) }).unwrap();
        assert!(outcome(asked).await.is_some_and(|made| made.is_ok()));
        // Its task ends.
        tokio::task::yield_now().await;
    }

    /// Whether there is a side of the business: it would be made of nothing.
    fn has(&self, business: usize) -> bool {
        let kept = self.sides.kept();
        kept.sides.iter().any(|side| side.partition == partition(business) && side.leaves().is_some())
    }
}

fn partition(business: usize) -> Partition {
    Partition::from_bytes((business as u128).to_be_bytes())
}

fn hour(from: u32) -> Basis {
    let [from, to] = [from, from + 1].map(|hour| Hour::from_minutes(60 * hour));
    let period = Period::new(from, to).unwrap();
    Basis { period, account: BusinessAccountId::new(1), zone: Zone::utc(), card: [0; 32] }
}

fn made(leaves: usize) -> Result<Made, NotMade> {
    Ok(Made { side: Arc::new(Side::new(Zone::utc(), Vec::new()).unwrap()), leaves })
}

async fn outcome(asked: Asked) -> Option<Result<usize, String>> {
    let Asked::Itself(mut outcome) = asked else { panic!("another is being made") };
    let outcome = outcome.wait_for(Option::is_some).await.ok()?.clone()?;
    Some(outcome.map(|(made, _)| made.leaves).map_err(|why| format!("{why:?}")))
}

/// Whoever waited left after 30 seconds, and what was made till then was lost: a large one was never made.
#[tokio::test]
async fn a_side_is_made_once_and_goes_on_when_who_asked_leaves() {
    let world = World::new();
    let (open, gate) = oneshot::channel::<()>();
    let making = async move {
        gate.await.unwrap();
        made(7)
    };
    drop(world.ask(1, hour(0), making).unwrap());
    let never = || async { panic!("it is being made") };
    let again = world.ask(1, hour(0), never()).unwrap();
    // Of this business one at a time; others do not wait.
    assert!(matches!(world.ask(1, hour(1), never()).unwrap(), Asked::Another(_)));
    world.make(2, 1).await;
    open.send(()).unwrap();
    assert_eq!(outcome(again).await, Some(Ok(7)));
    assert_eq!(outcome(world.ask(1, hour(0), never()).unwrap()).await, Some(Ok(7)));
    assert_eq!(outcome(world.ask(1, hour(1), async { made(8) }).unwrap()).await, Some(Ok(8)));
    // With another card it is another, and what failed is tried again.
    let otherwise = Basis { card: [1; 32], ..hour(0) };
    let failing = async { Err(NotMade::failed("no price")) };
    assert!(outcome(world.ask(1, otherwise.clone(), failing).unwrap()).await.unwrap().is_err());
    assert_eq!(outcome(world.ask(1, otherwise, async { made(9) }).unwrap()).await, Some(Ok(9)));
}

#[tokio::test]
async fn what_it_is_made_of_has_changed_when_it_is_forgotten_also_while_it_is_made() {
    let world = World::new();
    world.make(1, 1).await;
    world.make(2, 1).await;
    let waiting = world.ask(1, hour(1), std::future::pending()).unwrap();
    world.sides.forget(partition(1));
    assert_eq!((outcome(waiting).await, world.has(1), world.has(2)), (None, false, true));
    let waiting = world.ask(1, hour(1), std::future::pending()).unwrap();
    world.sides.end().await;
    assert_eq!(outcome(waiting).await, None);
}

#[tokio::test]
async fn what_is_kept_is_bounded_in_time_number_and_size() {
    let world = World::new();
    for business in 0..MAX_COMPARED_SIDES {
        world.make(business, 1).await;
    }
    assert!(world.has(0));
    world.make(MAX_COMPARED_SIDES, 1).await;
    assert_eq!((world.has(0), world.has(1)), (false, true));
    world.hands.set(NOW.after(SIDE_KEPT_FOR));
    world.sides.drop_old(world.clock.now());
    assert!(world.sides.kept().sides.is_empty());
    world.make(1, MAX_COMPARED_LEAVES - 1).await;
    world.make(2, 1).await;
    assert!(world.has(1) && world.has(2));
    world.make(3, 1).await;
    assert_eq!((world.has(1), world.has(2), world.has(3)), (false, true, true));
    world.make(4, MAX_COMPARED_LEAVES + 1).await;
    assert_eq!((world.has(2), world.has(3), world.has(4)), (false, false, true));
}

#[tokio::test]
async fn so_many_are_begun_and_who_comes_then_is_to_come_again() {
    let world = World::new();
    for business in 0..MAX_SIDES_BEGUN {
        drop(world.ask(business, hour(0), std::future::pending()).unwrap());
    }
    let refused = world.ask(MAX_SIDES_BEGUN, hour(0), async { made(1) });
    assert!(matches!(refused, Err(TransportError::Unavailable { .. })));
    world.sides.forget(partition(5));
    assert!(world.ask(MAX_SIDES_BEGUN, hour(0), async { made(1) }).is_ok());
}
