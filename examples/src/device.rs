//! A user's device that is a program of its own, and its carrier another.

mod approval;
mod options;

use bulla::Host;
use bulla::base::DeviceId;
use bulla::device::{Device, DeviceError, OnSplitLog};
use bulla::store::Store;
use bulla::transport::NumberProof;
use bulla::transport::grpc::GrpcTransport;
use bulla_example_program::data_folder::DataFolder;
use bulla_example_program::storage::{self, IfLost, SealedStore};
use bulla_example_program::tls;
use tokio::sync::mpsc;

pub use self::options::DeviceOptions;
use crate::attachments::{self, Received};
use crate::device_reader;
use crate::exit_error::ExitError;
use crate::terminal::Terminal;
use crate::typed_content::Offers;
use crate::{reports, stdin};

/// What `--help` prints.
pub const HELP: &str = include_str!("device/help.txt");

type NetworkedDevice = Device<SealedStore, GrpcTransport>;

/// Is the device until `end` is ready.
///
/// # Errors
/// When something cannot be opened, or cannot go on.
pub async fn device(
    options: DeviceOptions,
    terminal: Terminal,
    end: impl Future<Output = ()>,
) -> Result<(), ExitError> {
    let host = Host::new();
    let folder = DataFolder::open(options.data.clone())?;
    // A phone that has lost what was on it is set up anew; nobody waits for its files.
    let store = storage::open(&host, folder.path(), "device", IfLost::BeginAnew).await?;
    let mut lines = stdin::lines()?;
    let outcome = tokio::select! {
        () = end => Ok(()),
        outcome = live(&options, &host, &store, &mut lines, terminal) => outcome,
    };
    let closed = store.close().await.map_err(ExitError::because("the store cannot be closed"));
    outcome.and(closed)?;
    terminal.line("closed");
    Ok(())
}

/// Opens the device, sends what is typed and shows what comes. One that was opened while the carrier was away
/// may hear only then that its number is to be proven: it is opened again.
async fn live(
    options: &DeviceOptions,
    host: &Host,
    store: &SealedStore,
    lines: &mut mpsc::Receiver<String>,
    terminal: Terminal,
) -> Result<(), ExitError> {
    loop {
        live_until_unproven(options, host, store, lines, terminal).await?;
        // It was not meant as a code, which the carrier reads.
        while lines.try_recv().is_ok() {
            terminal.line("what was typed last is not sent");
        }
    }
}

async fn live_until_unproven(
    options: &DeviceOptions,
    host: &Host,
    store: &SealedStore,
    lines: &mut mpsc::Receiver<String>,
    terminal: Terminal,
) -> Result<(), ExitError> {
    let device = open(options, host, store, lines, terminal).await?;
    terminal.line(format_args!("ready as +{}, until Ctrl-C", options.user.digits()));
    if options.device != DeviceId::PRIMARY {
        terminal.line("businesses write to it once this is typed on the first device:");
        terminal.line(approval::line(options.device, &device.identity()));
    }
    if let Some(key) = &options.log_key {
        let checks = device.check_log(key.clone(), OnSplitLog::default()).await;
        checks.map_err(ExitError::because("the log of keys cannot be checked"))?;
    }
    let offers = Offers::default();
    let received = Received::default();
    let reading = device_reader::run(
        device.clone(),
        options.user.clone(),
        terminal,
        (offers.clone(), Some(received.clone())),
    );
    let writing = async {
        while let Some(line) = lines.recv().await {
            write(&device, options, &line, (&offers, &received, terminal)).await;
        }
        // The input may end before the program.
        std::future::pending().await
    };
    let split = async {
        let evidence = device.log_split().await;
        terminal.line(format_args!("{}\n{evidence}", reports::LOG_SPLIT));
        std::future::pending().await
    };
    let outcome = tokio::select! {
        outcome = reading => outcome,
        outcome = writing => outcome,
        outcome = split => outcome,
    };
    device.close().await;
    outcome
}

/// The device, registered with the code that the carrier has sent if it is new.
async fn open(
    options: &DeviceOptions,
    host: &Host,
    store: &SealedStore,
    lines: &mut mpsc::Receiver<String>,
    terminal: Terminal,
) -> Result<NetworkedDevice, ExitError> {
    let tls = tls::client(&options.carrier, &options.authority, host.clock())?;
    let transport = GrpcTransport::new(tls, host.clock(), host.rng());
    let (mut proof, mut ask) = (NumberProof::none(), "the carrier has sent a code to the number; type it");
    loop {
        let (clock, rng, user) = (host.clock(), host.rng(), options.user.clone());
        let opened =
            Device::register_as(store.clone(), transport.clone(), clock, rng, user, options.device, proof);
        match opened.await {
            Err(DeviceError::Unproven) => {
                terminal.line(ask);
                ask = "that is not the code, or not any more; type it again";
                let line = lines.recv().await.ok_or_else(|| ExitError::new("nobody types the code"))?;
                let typed = NumberProof::new(line.trim().as_bytes().to_vec());
                proof = typed.map_err(ExitError::because("no code is that long"))?;
            }
            opened => return opened.map_err(ExitError::because("the device cannot be opened")),
        }
    }
}

async fn write(
    device: &NetworkedDevice,
    options: &DeviceOptions,
    line: &str,
    (offers, received, terminal): (&Offers, &Received, Terminal),
) {
    if line.trim().is_empty() {
        return;
    }
    let user = options.user.digits();
    if let Some(line) = line.strip_prefix("/save ") {
        match attachments::save(device, received, line).await {
            Ok(saved) => terminal.line(format_args!("{user} -- saved {saved}")),
            Err(why) => terminal.line(format_args!("{user} -- not saved: {why}")),
        }
        return;
    }
    if let Some(typed) = line.strip_prefix("/approve ") {
        match approval::approve(device, typed).await {
            Ok(other) => terminal.line(format_args!("{user} -- device {} is one of yours", other.number())),
            Err(why) => terminal.line(format_args!("{user} -- not approved: {why}")),
        }
        return;
    }
    if let Some(path) = line.strip_prefix("/send ") {
        match attachments::send(device, options.business, path).await {
            Ok(id) => terminal.line(format_args!("{user} -> sent {id}")),
            Err(why) => terminal.line(format_args!("{user} -> not sent: {why}")),
        }
        return;
    }
    let sent = match offers.read(&options.user, line) {
        Ok(content) => device.send(options.business, &content).await.map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    match sent {
        Ok(id) => terminal.line(format_args!("{user} -> sent {id}")),
        Err(why) => terminal.line(format_args!("{user} -> not sent: {why}")),
    }
}
