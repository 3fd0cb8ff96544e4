//! The relay's reports to its host, on the standard error.

use std::error::Error;
use std::fmt::Display;

use bulla::relay::{Report, Reports, SuspendedPart};

use crate::terminal::Terminal;

/// What is said of a carrier that has shown two histories; the evidence follows.
pub(crate) const LOG_SPLIT: &str = "the carrier has signed two histories of its log of keys; the example \
    verify_evidence of bulla-transparency checks this:";

/// Prints what the relay reports to its host, a line each, until the relay has stopped.
pub(crate) async fn tell(mut reports: Reports, terminal: Terminal) {
    while let Some(report) = reports.next().await {
        terminal.error_line(line(&report));
    }
}

/// One line. Users are named as the business knows them, never by their number.
fn line(report: &Report) -> String {
    let told = match report {
        Report::Missed { count } => format!("{count} reports were missed"),
        Report::Suspended(suspended) => {
            because(format!("{} is suspended", part(suspended.part)), &*suspended.why)
        }
        Report::Resumed(resumed) => format!("{} goes on", part(*resumed)),
        Report::SinkFails { business, kind } => {
            format!("the number {business} does not take its events: {}", kind.name())
        }
        Report::SinkRecovers { business } => format!("the number {business} takes its events again"),
        Report::IdentityChanged { business, user, is_held, .. } => {
            let held = if *is_held { "; nothing is sent to them until it is approved" } else { "" };
            format!("the number {business}: user {user} has another identity than before{held}")
        }
        Report::DeadLetter { business, user, .. } => {
            format!(
                "the number {business} did not take an event about user {user}, however often; it is a dead letter"
            )
        }
        Report::ForeignKey { business, foreign } => format!(
            "leaf {} of the carrier's log of keys is about the number {business}, and is not its doing: look at it",
            foreign.leaf
        ),
        Report::LogNotShown { size } => {
            format!("the carrier does not show the {size} leaves of its log of keys that it has signed")
        }
        Report::LogSplit { evidence } => format!("{LOG_SPLIT}\n{evidence}"),
        Report::Stopped { why } => because("the relay has stopped", &**why),
        _ => "something that this program does not know".to_owned(),
    };
    format!("report: {told}")
}

fn part(part: SuspendedPart) -> String {
    match part {
        SuspendedPart::Conversation { business, user } => {
            format!("the number {business}: the conversation with user {user}")
        }
        part => part.to_string(),
    }
}

/// With every cause, down to the first.
fn because(what: impl Display, why: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(why), |cause| (*cause).source());
    causes.fold(what.to_string(), |story, cause| format!("{story}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bulla::base::PhoneNumberId;
    use bulla::relay::{RelayError, SinkErrorKind, UserId};
    use bulla::store::StoreError;

    use super::*;

    #[test]
    fn a_report_is_one_line_that_says_whose_move_it_is() {
        let (business, user) = (PhoneNumberId::new(7), UserId::from_bytes([0xab; 16]));
        let disk = std::io::Error::other("the disk is gone");
        let why = Arc::new(RelayError::Store(StoreError::Poisoned { source: Some(disk) }));
        let stopped = "report: the relay has stopped: the relay's store failed: the store has stopped after a failed \
                       write; free space or replace the disk, then open it again: the disk is gone";
        let conversation = SuspendedPart::Conversation { business, user };
        for (report, expected) in [
            (Report::Stopped { why }, stopped.to_owned()),
            (Report::Missed { count: 3 }, "report: 3 reports were missed".to_owned()),
            (
                Report::SinkFails { business, kind: SinkErrorKind::TimedOut },
                "report: the number 7 does not take its events: timed_out".to_owned(),
            ),
            (
                Report::Resumed(conversation),
                format!("report: the number 7: the conversation with user {} goes on", "ab".repeat(16)),
            ),
        ] {
            assert_eq!(line(&report), expected);
        }
    }
}
