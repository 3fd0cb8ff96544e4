use std::fmt;

use bulla_base::Timestamp;
use jiff::tz::TimeZone;

use crate::error::{at_most, invalid};
use crate::form::{Reader, is_ascending, put_count, put_text};
use crate::limits::{MAX_ZONE_CHANGES, MAX_ZONE_NAME_BYTES};
use crate::{Hour, InvalidForm, LocalDate, Period};

/// An account's time zone: the offsets from UTC that apply, and from when.
///
/// Written out rather than named, because the database of time zones changes: two sides with different
/// editions of it would put a message into different hours, and the one statement that both sign says which
/// it was.
///
/// ```text
///   name      text             at most 64 bytes
///   changes   u32, then each
///     from      u32            in minutes since the Unix epoch; the first is 0
///     offset    i16            in minutes, east of UTC
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: Box<str>,
    /// Ascending by their minute, the first at 0, and none with the offset of the one before.
    changes: Vec<(u32, i16)>,
}

impl Zone {
    /// The zone without an offset.
    #[must_use]
    pub fn utc() -> Self {
        Self { name: "UTC".into(), changes: vec![(0, 0)] }
    }

    /// What `zone` is called and does between two dates. Before and after them, its first and last offset
    /// apply.
    ///
    /// # Errors
    /// When there are more than [`MAX_ZONE_CHANGES`] changes between them, or one that is not at a whole
    /// minute; so was the case nowhere since 1972. As for [`Zone::from_bytes`] with the name.
    pub fn between(name: &str, zone: &TimeZone, from: LocalDate, to: LocalDate) -> Result<Self, InvalidForm> {
        let whole = || invalid("offset of the zone", "whole minutes");
        let instant = |date: LocalDate| jiff::Timestamp::from_second(i64::from(date.days()) * 86_400);
        let (from, to) = (instant(from).map_err(|_| whole())?, instant(to).map_err(|_| whole())?);
        let minutes = |offset: jiff::tz::Offset| match offset.seconds() % 60 {
            0 => i16::try_from(offset.seconds() / 60).map_err(|_| whole()),
            _ => Err(whole()),
        };
        let mut changes = vec![(0, minutes(zone.to_offset(from))?)];
        for change in zone.following(from).take_while(|change| change.timestamp() < to) {
            let at = change.timestamp().as_second();
            let at = u32::try_from(at / 60).ok().filter(|_| at % 60 == 0).ok_or_else(whole)?;
            let offset = minutes(change.offset())?;
            if changes.last().is_none_or(|(_, before)| *before != offset) {
                changes.push((at, offset));
                at_most("changes of the zone", MAX_ZONE_CHANGES, changes.len())?;
            }
        }
        Self::checked(name, changes)
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// When the name is empty, longer than [`MAX_ZONE_NAME_BYTES`] or has other than letters, digits and
    /// `/_+-`, when there are more than [`MAX_ZONE_CHANGES`], or they are not as [`Zone`] has them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidForm> {
        let mut reader = Reader::of(bytes, "zone");
        let zone = Self::read(&mut reader)?;
        reader.end().map(|()| zone)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidForm> {
        let name = reader.text("name of the zone", MAX_ZONE_NAME_BYTES)?;
        let count = reader.count("changes of the zone", MAX_ZONE_CHANGES, 6)?;
        let mut changes = Vec::with_capacity(count);
        for _ in 0..count {
            changes.push((reader.u32()?, i16::from_be_bytes(reader.array()?)));
        }
        Self::checked(name, changes)
    }

    fn checked(name: &str, changes: Vec<(u32, i16)>) -> Result<Self, InvalidForm> {
        at_most("name of the zone, in bytes", MAX_ZONE_NAME_BYTES, name.len())?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(invalid("name of the zone", "letters, digits and /_+-"));
        }
        let moves = changes.windows(2).all(|pair| matches!(pair, [(_, a), (_, b)] if a != b));
        let is_offset = |(_, offset): &(u32, i16)| offset.unsigned_abs() < 26 * 60;
        if changes.first().is_none_or(|(from, _)| *from != 0)
            || !moves
            || !is_ascending(&changes, |(from, _)| *from)
            || !changes.iter().all(is_offset)
        {
            return Err(invalid("changes of the zone", "ascending from minute 0, each another offset"));
        }
        Ok(Self { name: name.into(), changes })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hour by the account's clock that `at` falls in. The hour that is repeated in autumn is two hours,
    /// and one that a change cuts in two as well.
    ///
    /// # Cost
    /// A binary search among the changes.
    #[must_use]
    pub fn hour(&self, at: Timestamp) -> Hour {
        let minute = u32::try_from(at.as_secs() / 60).unwrap_or(u32::MAX);
        let (from, offset) = self.change_at(minute);
        let local = i64::from(minute) + i64::from(offset);
        let begin = i64::from(minute) - local.rem_euclid(60);
        Hour::from_minutes(u32::try_from(begin).unwrap_or(0).max(from))
    }

    /// The date on which `hour` begins by the account's clock.
    #[must_use]
    pub fn date(&self, hour: Hour) -> LocalDate {
        LocalDate::from_days(self.local(hour) / (24 * 60))
    }

    /// The time at which `hour` begins by the account's clock, in minutes since its midnight.
    #[must_use]
    pub fn minute_of_day(&self, hour: Hour) -> u32 {
        self.local(hour) % (24 * 60)
    }

    /// The first instant of `date`: midnight, or what follows where the clock skips it. Rates change then.
    #[must_use]
    pub fn midnight(&self, date: LocalDate) -> Hour {
        let local = i64::from(date.days()) * 24 * 60;
        let ends = self.changes.iter().skip(1).map(|(from, _)| i64::from(*from)).chain([i64::MAX]);
        let reached = self.changes.iter().zip(ends).find_map(|((from, offset), until)| {
            let at = (local - i64::from(*offset)).max(i64::from(*from));
            (at < until).then_some(at)
        });
        Hour::from_minutes(reached.and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX))
    }

    /// The month that `date` is in, from its first midnight to that of the next.
    #[must_use]
    pub fn month(&self, date: LocalDate) -> Period {
        let (first, next) = date.month();
        Period::between(self.midnight(first), self.midnight(next))
    }

    /// The encoded form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(6 + self.name.len() + 6 * self.changes.len());
        put_text(&mut bytes, &self.name);
        put_count(&mut bytes, self.changes.len());
        for (from, offset) in &self.changes {
            bytes.extend(from.to_be_bytes());
            bytes.extend(offset.to_be_bytes());
        }
        bytes
    }

    fn local(&self, hour: Hour) -> u32 {
        let (_, offset) = self.change_at(hour.minutes());
        hour.minutes().saturating_add_signed(i32::from(offset))
    }

    fn change_at(&self, minute: u32) -> (u32, i16) {
        let place = self.changes.partition_point(|(from, _)| *from <= minute);
        self.changes.get(place.saturating_sub(1)).copied().unwrap_or_default()
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({}, {} changes)", self.name, self.changes.len())
    }
}

#[cfg(test)]
mod tests;
