use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bulla_base::{Day, PhoneNumberId};

use crate::limits::MAX_NOTED_ACTIVE;

/// With which businesses it is durably marked that something was exchanged on a day.
///
/// The mark is the same for every message of the day, so that one is enough.
#[derive(Debug, Clone, Default)]
pub(super) struct ActiveBusinesses(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    day: Day,
    businesses: BTreeSet<PhoneNumberId>,
}

impl ActiveBusinesses {
    /// Whether it is marked that something was exchanged with `business` on `day`.
    pub(super) fn contains(&self, day: Day, business: PhoneNumberId) -> bool {
        let noted = self.lock();
        noted.day == day && noted.businesses.contains(&business)
    }

    /// Takes note of durable marks of `day`.
    pub(super) fn note(&self, day: Day, businesses: &[PhoneNumberId]) {
        if businesses.is_empty() {
            return;
        }
        let mut noted = self.lock();
        // Without room all are forgotten: each is marked once more with its next message.
        if noted.day != day || noted.businesses.len() + businesses.len() > MAX_NOTED_ACTIVE {
            noted.businesses.clear();
        }
        noted.day = day;
        noted.businesses.extend(businesses);
    }

    /// Forgets all of them: for before marks are dropped.
    pub(super) fn clear(&self) {
        self.lock().businesses.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY: Day = Day::from_number(20_000);
    const TUESDAY: Day = Day::from_number(20_001);

    #[test]
    fn a_mark_is_known_on_its_day_until_marks_are_dropped() {
        let active = ActiveBusinesses::default();
        let shop = PhoneNumberId::new(1);
        assert!(!active.contains(MONDAY, shop));
        active.note(MONDAY, &[shop]);
        assert!(active.contains(MONDAY, shop));
        assert!(!active.contains(TUESDAY, shop));
        active.note(TUESDAY, &[PhoneNumberId::new(2)]);
        assert!(!active.contains(TUESDAY, shop) && !active.contains(MONDAY, shop));
        active.clear();
        assert!(!active.contains(TUESDAY, PhoneNumberId::new(2)));
    }

    #[test]
    fn so_many_are_noted_at_most() {
        let active = ActiveBusinesses::default();
        let number = |number: usize| PhoneNumberId::new(number as u64);
        for business in 0..MAX_NOTED_ACTIVE {
            active.note(MONDAY, &[number(business)]);
        }
        assert!(active.contains(MONDAY, number(0)));
        active.note(MONDAY, &[number(MAX_NOTED_ACTIVE)]);
        assert!(!active.contains(MONDAY, number(0)));
        assert!(active.contains(MONDAY, number(MAX_NOTED_ACTIVE)));
    }
}
