use bulla::base::Number;
use bulla::content::{Body, Content, Progress};
use bulla::device::{Device, DeviceError, News, Notice, SendError};
use bulla::store::Store;
use bulla::transport::Transport;

use crate::problem::Problem;
use crate::quoted::Quoted;
use crate::terminal::Terminal;

/// A user who reads whatever the device receives, as soon as it does.
pub(super) async fn read<S: Store, T: Transport>(
    device: Device<S, T>,
    number: Number,
    terminal: Terminal,
) -> Result<(), Problem> {
    loop {
        let notice = match device.next().await {
            Ok(notice) => notice,
            Err(why) if matches!(&*why, DeviceError::Replaced(_)) => {
                terminal.line(format_args!("{}: {why}", number.digits()));
                // The others go on.
                return std::future::pending().await;
            }
            Err(why) => return Err(Problem::because("a user's device has stopped")(why)),
        };
        for line in in_words(&notice, number.digits()) {
            terminal.shown(line).await;
        }
        match device.finish(notice).await {
            Ok(()) => {}
            Err(error @ SendError::Store(_)) => {
                return Err(Problem::because("a user's device has stopped")(error));
            }
            // It stays in the mailbox and is shown again when the program is started the next time.
            Err(error) => terminal.line(format_args!("{}: not marked as read: {error}", number.digits())),
        }
    }
}

fn in_words(notice: &Notice, user: &str) -> Vec<String> {
    let business = notice.business();
    let told = |news: &str| format!("{user} <- {business} {news}");
    match notice.news() {
        News::Said(content) => vec![told(&format!("{} {}", notice.id(), said(content)))],
        News::Progress(receipt) => {
            let progress = match receipt.progress() {
                Progress::Delivered => "delivered",
                Progress::Read => "read",
                _ => "(a progress this program does not know)",
            };
            receipt.messages().iter().map(|id| told(&format!("{progress} {id}"))).collect()
        }
        News::IdentityChanged => vec![told(&format!("has another identity, since {}", notice.id()))],
        News::Failed => vec![told(&format!("failed {}", notice.id()))],
        News::Lost => vec![told(&format!("lost {}", notice.id()))],
        _ => vec![told("(news this program does not know)")],
    }
}

fn said(content: &Content) -> String {
    match content.body() {
        Body::Text(text) => {
            let context = content.in_reply_to().map(|id| format!(" re {id}")).unwrap_or_default();
            format!("{}{context}", Quoted::whole(text.body()))
        }
        Body::Reaction(reaction) => {
            format!("reaction {} on {}", Quoted::whole(reaction.emoji().unwrap_or_default()), reaction.to())
        }
        _ => "(something this program does not know)".to_owned(),
    }
}
