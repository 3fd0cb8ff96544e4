//! The tables.

use std::io::{self, Write};

use crate::bulla_sessions::steps::{STEPS, Steps};
use crate::measurements::{Measurements, Who};
use crate::row_names;
use crate::x25519::Choices;

/// What a row of ours may cost, as a multiple of the floor.
const TARGETS: [(&str, f64); 8] = [
    ("seal 100 B", 1.8),
    ("open 100 B", 1.8),
    ("seal 1 KiB", 1.5),
    ("open 1 KiB", 1.5),
    (row_names::PING_PONG, 1.25),
    (row_names::SETUP, 1.25),
    (row_names::FIRST_OPEN, 1.25),
    (row_names::SKIP, 1.3),
];

/// What the next open may cost with 500 seeds stored, as a multiple of the one without.
const STORED_TARGET: f64 = 1.1;

const SIZES: [&str; 5] = [
    row_names::RECORD,
    row_names::RECORD_FIRST,
    row_names::RECORD_STORED,
    row_names::WIRE_FIRST,
    row_names::WIRE,
];

pub(crate) fn times(board: &Measurements, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "| µs | held | read | vodozemac | floor | held / floor | read / floor | target | held | read |"
    )?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---:|---:|---|---|")?;
    for row in board.rows().filter(|row| !SIZES.contains(row)) {
        let all = [Who::Ours, Who::Read, Who::Olm, Who::Floor].map(|who| board.median(row, who));
        let ours = [Who::Ours, Who::Read];
        let (over, target) = if row == row_names::STORED {
            // Of the same without any stored.
            (
                ours.map(|who| ratio(board.median(row, who), board.median(row_names::UNSTORED, who))),
                Some(STORED_TARGET),
            )
        } else {
            let target = TARGETS.iter().find(|(name, _)| *name == row).map(|(_, target)| *target);
            (ours.map(|who| ratio(board.median(row, who), board.median(row, Who::Floor))), target)
        };
        write!(out, "| {row} |")?;
        for time in all {
            write!(out, " {} |", number(time))?;
        }
        for over in over {
            write!(out, " {} |", times_of(over))?;
        }
        write!(out, " {} |", target.map(|target| target.to_string()).unwrap_or_default())?;
        for over in over {
            write!(out, " {} |", verdict(over, target))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

pub(crate) fn sizes(board: &Measurements, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "| bytes | ours | vodozemac |\n|---|---:|---:|")?;
    for row in SIZES {
        let [ours, olm] = [Who::Ours, Who::Olm].map(|who| board.median(row, who).unwrap_or(f64::NAN));
        writeln!(out, "| {row} | {ours:.0} | {olm:.0} |")?;
    }
    Ok(())
}

pub(crate) fn steps(steps: &Steps, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "| ours, 100 B, µs by the clock on the wall | seal | open |\n|---|---:|---:|")?;
    for ((step, seal), open) in STEPS.iter().zip(steps.seal_medians()).zip(steps.open_medians()) {
        writeln!(out, "| {step} | {} | {} |", number(seal), number(open))?;
    }
    let [send, receive] = steps.ratchet_medians();
    writeln!(out, "| in the step: post-quantum ratchet | {} | {} |", number(send), number(receive))
}

pub(crate) fn choices(choices: &Choices, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "| X25519, µs | agreement | key generation |\n|---|---:|---:|")?;
    for (name, agree, public) in choices.medians() {
        writeln!(out, "| {name} | {} | {} |", number(agree), number(public))?;
    }
    Ok(())
}

fn ratio(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one? / other?)
}

/// Three digits, or nothing.
fn number(value: Option<f64>) -> String {
    let Some(value) = value else { return String::new() };
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$}")
}

fn times_of(ratio: Option<f64>) -> String {
    ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default()
}

fn verdict(ratio: Option<f64>, target: Option<f64>) -> String {
    let (Some(ratio), Some(target)) = (ratio, target) else { return String::new() };
    let reached = if ratio <= target { "reached" } else { "NOT reached" };
    format!("{reached} ({ratio:.3})")
}
