//! Lines of the standard input, sent as messages of users.

use std::io::{self, BufRead, BufReader, Read};

use bulla::base::{Number, PhoneNumberId};
use bulla::content::{Content, MAX_TEXT_CHARS};
use bulla::device::Device;
use bulla::store::Store;
use bulla::transport::{Blobs, Transport};
use tokio::sync::mpsc;

use crate::attachments;
use crate::escaped_text::EscapedText;
use crate::exit_error::ExitError;
use crate::terminal::Terminal;
use crate::typed_content::Offers;

/// The longest line, in bytes: a number and the longest text. Of a longer one nothing is sent.
const MAX_LINE_BYTES: u64 = 64 + 4 * MAX_TEXT_CHARS as u64;

/// What people type, as messages of users.
pub(crate) struct Stdin<S, T> {
    devices: Vec<(Number, Device<S, T>)>,
    business: PhoneNumberId,
    terminal: Terminal,
    offers: Offers,
}

impl<S: Store, T: Transport + Blobs + Clone> Stdin<S, T> {
    pub(crate) const fn new(
        devices: Vec<(Number, Device<S, T>)>,
        business: PhoneNumberId,
        terminal: Terminal,
        offers: Offers,
    ) -> Self {
        Self { devices, business, terminal, offers }
    }

    /// Sends every line of the standard input, for as long as the program runs.
    pub(crate) async fn follow(self) -> Result<(), ExitError> {
        let mut lines = lines()?;
        while let Some(line) = lines.recv().await {
            if !line.trim().is_empty() {
                self.take(&line).await;
            }
        }
        std::future::pending().await
    }

    async fn take(&self, line: &str) {
        let not_sent = |user: &str, why: &str| self.terminal.line(format_args!("{user} -> not sent: {why}"));
        let (user, text) = line.split_once(' ').unwrap_or((line, ""));
        let Ok(number) = Number::parse(user) else {
            let user = EscapedText::start(user, 20);
            return self.terminal.line(format_args!(
                "not sent: a line is a user's number, a space and a text, and {user} is not a number"
            ));
        };
        if let Some(path) = text.strip_prefix("/send ") {
            return self.send_file(&number, path).await;
        }
        match self.offers.read(&number, text) {
            Ok(content) => self.send(&number, &content).await,
            Err(error) => not_sent(number.digits(), &error),
        }
    }

    /// Sends `content` by the device of `number`, and shows what became of it.
    pub(crate) async fn send(&self, number: &Number, content: &Content) {
        let Some(device) = self.device(number) else { return };
        let sent = device.send(self.business, content).await;
        self.tell(number, sent.map(|id| id.to_string()).map_err(|error| error.to_string()));
    }

    /// Sends the file at `path` by the device of `number`, and shows what became of it.
    async fn send_file(&self, number: &Number, path: &str) {
        let Some(device) = self.device(number) else { return };
        self.tell(number, attachments::send(device, self.business, path).await);
    }

    fn device(&self, number: &Number) -> Option<&Device<S, T>> {
        let device = self.devices.iter().find(|(known, _)| known == number).map(|(_, device)| device);
        if device.is_none() {
            self.tell(number, Err("this user has no device here; name it with --user".to_owned()));
        }
        device
    }

    fn tell(&self, number: &Number, sent: Result<String, String>) {
        let user = number.digits();
        match sent {
            Ok(id) => self.terminal.line(format_args!("{user} -> sent {id}")),
            Err(why) => self.terminal.line(format_args!("{user} -> not sent: {why}")),
        }
    }
}

/// The lines of the standard input, for as long as the program runs.
pub(crate) fn lines() -> Result<mpsc::Receiver<String>, ExitError> {
    let (sender, lines) = mpsc::channel(16);
    // A thread of its own, and not one of the runtime's, which would wait for the next line when the program
    // ends.
    let spawned = std::thread::Builder::new().name("input".into()).spawn(move || read_lines(&sender));
    spawned.map_err(ExitError::because("the standard input cannot be read"))?;
    Ok(lines)
}

/// Reads until the input or the program ends.
fn read_lines(lines: &mpsc::Sender<String>) {
    let mut input = BufReader::new(io::stdin().lock());
    loop {
        let mut line = Vec::new();
        match input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == MAX_LINE_BYTES {
            line = b"(a line that is too long)".to_vec();
            if input.skip_until(b'\n').is_err() {
                return;
            }
        }
        let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        if lines.blocking_send(line).is_err() {
            return;
        }
    }
}
