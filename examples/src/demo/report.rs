//! What is told at the end.

use std::time::Duration;

use bulla::base::PhoneNumberId;
use bulla::content::Progress;
use bulla::meter::{Bill, Flow};

use super::history::Entries;
use super::observers::EnvelopeView;
use crate::disk_search::Search;
use crate::escaped_text::EscapedText;
use crate::exit_error::ExitError;
use crate::terminal::Terminal;

/// One message, as each party saw it.
pub(super) struct Views<'a> {
    pub(super) name: &'a str,
    pub(super) written: &'a str,
    pub(super) relay: (String, String),
    pub(super) carrier: EnvelopeView,
    pub(super) business: &'a str,
}

impl Views<'_> {
    pub(super) fn print(&self, terminal: Terminal) {
        let Self { name, written, relay: (text, number), carrier, business } = self;
        let line =
            |who: &str, what: &str, seen: String| terminal.line(format_args!("  {who:<9}{what:<12}{seen}"));
        terminal.headline("One message, as each party saw it");
        line(name, "wrote", EscapedText::whole(written).to_string());
        line("relay", "text", EscapedText::whole(text).to_string());
        line("", "number", format!("+{number}"));
        line("carrier", "addresses", format!("{} → {}", carrier.from, carrier.to));
        line("", "outside", format!("{}, {} bytes sealed", carrier.kind, carrier.sealed_bytes));
        line("", "ciphertext", format!("{}…", carrier.sealed_start));
        line("shop", "was told", EscapedText::whole(business).to_string());
    }
}

/// What stands on the disks of the relay, the carrier and the devices: the one text, all texts, the users'
/// numbers. Each with a remark, which is made where something was found.
pub(super) fn disk(when: &str, remarks: [&str; 3], searches: &[Search; 3], terminal: Terminal) {
    let row = |what: &str, cells: [String; 3], remark: &str| {
        let [relay, carrier, devices] = cells;
        let line = format!("    {what:<13}{relay:>19}{carrier:>19}{devices:>19}   {remark}");
        terminal.line(line.trim_end());
    };
    terminal.line(format_args!("  {when}"));
    let searched = |search: &Search| format!("{} files, {:.1} MB", search.files, search.bytes as f64 / 1e6);
    row("searched", searches.each_ref().map(searched), "");
    for (place, (what, remark)) in
        ["the text", "all texts", "the numbers"].into_iter().zip(remarks).enumerate()
    {
        let hits = searches.each_ref().map(|search| search.hits.get(place).copied().unwrap_or_default());
        let cells = hits.map(|hits| if hits == 0 { "none".to_owned() } else { format!("{hits} found") });
        row(what, cells, if hits == [0; 3] { "" } else { remark });
    }
}

/// The bills of the two who count. They must be the same.
pub(super) fn bills(
    business: PhoneNumberId,
    carrier: &Bill,
    relay: &Bill,
    terminal: Terminal,
) -> Result<(), ExitError> {
    let totals = |bill: &Bill| [Flow::ToUser, Flow::ToBusiness].map(|flow| bill.total(business, flow));
    let (by_carrier, by_relay) = (totals(carrier), totals(relay));
    let [to_users, to_business] = by_carrier;
    let verdict = if by_carrier == by_relay { "the same" } else { "NOT THE SAME" };
    let [relay_to_users, relay_to_business] = by_relay;
    terminal.headline("Billed, by the carrier and by the relay, each for itself");
    terminal.line(format_args!("  to users       {to_users:>4} and {relay_to_users:>4}   {verdict}"));
    terminal.line(format_args!("  to the shop    {to_business:>4} and {relay_to_business:>4}"));
    if by_carrier == by_relay { Ok(()) } else { Err(ExitError::new("the carrier and the relay disagree")) }
}

/// How many messages came how far.
pub(super) fn counts(entries: &Entries, terminal: Terminal) {
    terminal.headline("Counted");
    let [sent, delivered, read] = ["sent", "delivered", "read"].map(|status| entries.reached(status));
    terminal.line(format_args!(
        "  shop to users  {:>4} texts accepted, {sent} sent, {delivered} delivered, {read} read",
        entries.accepted.len()
    ));
    let [delivered, read] = [Progress::Delivered, Progress::Read].map(|progress| entries.came_to(progress));
    terminal.line(format_args!(
        "  users to shop  {:>4} texts written, {} heard, {delivered} delivered, {read} read",
        entries.said.len(),
        entries.heard
    ));
    terminal.line(format_args!(
        "  both ways      {:>4} reactions sent, {} seen",
        entries.reactions_sent, entries.reactions_seen
    ));
}

/// How long it took.
pub(super) fn times(
    entries: &mut Entries,
    (messages, span): (usize, Duration),
    whole: Duration,
    terminal: Terminal,
) {
    let seconds = span.as_secs_f64();
    let times = &mut entries.accept_times;
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    let millis = |span: Option<&Duration>| span.copied().unwrap_or_default().as_secs_f64() * 1e3;
    terminal.headline("Timed");
    terminal.line(format_args!(
        "  conversation   {messages} messages in {seconds:.2} s: {:.0} a second, as fast as people answer who answer at once",
        messages as f64 / seconds
    ));
    terminal.line(format_args!(
        "  HTTP accept    median {:.1} ms, 99 % within {:.1} ms, of {}",
        millis(at(50)),
        millis(at(99)),
        times.len()
    ));
    terminal.line(format_args!("  everything     {:.1} s", whole.as_secs_f64()));
}
