//! What a business does, by the day: a week of counts, and four weeks of its busiest hours.

use bulla_base::{Day, Timestamp};

use crate::InvalidForm;
use crate::byte_reader::ByteReader;
use crate::limits::{HISTORY_DAYS, RATED_DAYS};

/// Counts of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DayCounts {
    pub(super) sent: u32,
    pub(super) templates: u32,
    /// Users whom it had not written to for a day, and who had not written.
    pub(super) new: u32,
    pub(super) delivered: u32,
    pub(super) replies: u32,
    /// Users who complained.
    pub(super) complaints: u32,
    pub(super) pair_rate: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Activity {
    today: Day,
    /// Today's, yesterday's and so on.
    days: [DayCounts; RATED_DAYS],
    /// New users in the busiest hour to which there was time to react: today's, yesterday's and so on.
    busiest: [u32; HISTORY_DAYS],
}

impl Activity {
    pub(super) fn read(reader: &mut ByteReader<'_>) -> Result<Self, InvalidForm> {
        let mut read = Self { today: Day::from_number(reader.u32()?), ..Self::default() };
        for day in &mut read.days {
            *day = DayCounts {
                sent: reader.u32()?,
                templates: reader.u32()?,
                new: reader.u32()?,
                delivered: reader.u32()?,
                replies: reader.u32()?,
                complaints: reader.u32()?,
                pair_rate: reader.u32()?,
            };
        }
        for hour in &mut read.busiest {
            *hour = reader.u32()?;
        }
        Ok(read)
    }

    /// Goes on to `now`. A clock that goes back changes nothing.
    pub(super) fn go_on(&mut self, now: Timestamp) {
        let days = now.day().number().saturating_sub(self.today.number());
        let days = usize::try_from(days).unwrap_or(usize::MAX);
        if days > 0 {
            self.today = now.day();
            shift(&mut self.days, days);
            shift(&mut self.busiest, days);
        }
    }

    pub(super) fn today(&mut self) -> &mut DayCounts {
        let [today, ..] = &mut self.days;
        today
    }

    /// So many new users were reached in an hour to which there was time to react.
    pub(super) fn note_hour(&mut self, reached: u32) {
        let [today, ..] = &mut self.busiest;
        *today = reached.max(*today);
    }

    pub(super) fn busiest_hour(&self) -> u32 {
        self.busiest.iter().copied().max().unwrap_or_default()
    }

    /// The counts of a week together.
    pub(super) fn week(&self) -> DayCounts {
        self.days.iter().fold(DayCounts::default(), |sum, day| DayCounts {
            sent: sum.sent.saturating_add(day.sent),
            templates: sum.templates.saturating_add(day.templates),
            new: sum.new.saturating_add(day.new),
            delivered: sum.delivered.saturating_add(day.delivered),
            replies: sum.replies.saturating_add(day.replies),
            complaints: sum.complaints.saturating_add(day.complaints),
            pair_rate: sum.pair_rate.saturating_add(day.pair_rate),
        })
    }

    /// Those of each day, from today's.
    pub(super) const fn days(&self) -> &[DayCounts; RATED_DAYS] {
        &self.days
    }

    /// Whether nothing has happened for as long as anything is remembered.
    pub(super) fn is_empty(&self) -> bool {
        self.days == [DayCounts::default(); RATED_DAYS] && self.busiest == [0; HISTORY_DAYS]
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let Self { today, days, busiest } = self;
        bytes.extend_from_slice(&today.number().to_be_bytes());
        for DayCounts { sent, templates, new, delivered, replies, complaints, pair_rate } in days {
            let counts = [sent, templates, new, delivered, replies, complaints, pair_rate];
            counts.iter().for_each(|count| bytes.extend_from_slice(&count.to_be_bytes()));
        }
        busiest.iter().for_each(|hour| bytes.extend_from_slice(&hour.to_be_bytes()));
    }
}

/// Makes room at the front for so many days on which nothing was counted yet.
fn shift<T: Copy + Default, const N: usize>(days: &mut [T; N], by: usize) {
    let by = by.min(N);
    days.rotate_right(by);
    days.iter_mut().take(by).for_each(|day| *day = T::default());
}
