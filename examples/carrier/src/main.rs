//! The carrier as a program of its own. `carrier --help` tells how it is used.
//!
//! It links the blind side alone: `cargo tree -p bulla-example-carrier` names no crate that could open a
//! message.

mod enforcements;
mod grants;
mod if_missing;
mod key_log;
mod options;
mod terminal_codes;

use std::process::ExitCode;
use std::sync::Arc;

use bulla::Host;
use bulla::carrier::grpc::{GrpcService, Listening, ProvenIdentity, serve};
use bulla::carrier::{BlobSettings, BlobStorage, Carrier, FolderBlobs, GrantVerifier};
use bulla::store::Store;
use bulla_example_program::data_folder::DataFolder;
use bulla_example_program::exit_error::ExitError;
use bulla_example_program::listening::{address_of, listen_on};
use bulla_example_program::observability::{self, Observability};
use bulla_example_program::open_files;
use bulla_example_program::program::{asked_to_end, block_on, run};
use bulla_example_program::terminal::Terminal;
use bulla_example_program::{storage, tls};
use tokio::sync::oneshot;

use self::if_missing::IfMissing;
use self::options::{HELP, Options};
use self::terminal_codes::TerminalCodes;

fn main() -> ExitCode {
    run("carrier", Options::read, |options, terminal| match options {
        Some(Options { grant: Some(number), data, .. }) => {
            let data =
                data.ok_or_else(|| ExitError::new("a grant is made with the key of a --data folder"))?;
            terminal.line(grants::issue(&Host::new(), &data.join(storage::KEYS), number)?);
            Ok(())
        }
        Some(options) => {
            let observability = Observability::begin(terminal)?;
            open_files::allow_all();
            block_on(async { carry(options, terminal, observability, asked_to_end()?).await })
        }
        None => {
            terminal.line(HELP.trim_end());
            Ok(())
        }
    })
}

/// Carries until `end` is ready.
async fn carry(
    options: Options,
    terminal: Terminal,
    observability: Observability,
    end: impl Future<Output = ()>,
) -> Result<(), ExitError> {
    let Options { listen, name, metrics, data, tls, settings, resume, if_lost, new_keys, protect, .. } =
        options;
    let Options { enforcements, lift, .. } = options;
    let host = Host::new();
    let folder = DataFolder::open(data)?;
    let certificates = tls.unwrap_or_else(|| folder.path().join("tls"));
    let tls = tls::server(&certificates, &name, host.clock())?;
    let [listener, metrics] = [listen_on(listen).await?, listen_on(metrics).await?];

    // The keys first: where there is a store, they have been made.
    let has_run = folder.path().join("carrier").exists();
    let if_missing = if has_run && !new_keys { IfMissing::Refuse } else { IfMissing::Make };
    let keys = folder.path().join(storage::KEYS);
    let operator = grants::key(&host, &keys, if_missing)?.public();
    // So that nobody need believe it which key a business has.
    let signer = key_log::signer(&host, &keys, &name, if_missing)?;
    let store = storage::open(&host, folder.path(), "carrier", if_lost).await?;
    // A user's number is whose can tell the code that was sent there; a business's, whose relay has a grant.
    let codes = Arc::new(TerminalCodes::new(terminal, host.clock(), host.rng()));
    let verifier = Arc::new(GrantVerifier::new([operator], host.clock(), codes));
    let blobs = FolderBlobs::open(folder.path().join("blobs"));
    let blobs = blobs.map_err(ExitError::because("the folder of blobs cannot be used"))?;
    let blobs = BlobStorage::new(blobs, BlobSettings::default());
    let (clock, rng) = (host.clock(), host.rng());
    let carrier = Carrier::open_with_blobs(store.clone(), clock, &*rng, verifier, blobs).await;
    let unopened = || ExitError::because("the carrier cannot be opened");
    let log = signer.public().to_string();
    let carrier = carrier.map_err(unopened())?.with_key_log(signer).await.map_err(unopened())?;
    let carrier = Arc::new(if protect { carrier.with_protection(host.rng()) } else { carrier });
    if let Some(newest) = resume {
        key_log::resume(&carrier, &newest).await?;
        terminal.line("the log of keys goes on");
    }
    for business in [enforcements, lift].into_iter().flatten() {
        enforcements::show(&carrier, business, terminal).await?;
    }
    if let Some(business) = lift {
        enforcements::lift(&carrier, business, terminal).await?;
    }

    let fact = |name: &str, value: String| terminal.line(format_args!("{name:<10}  {value}"));
    fact("metrics", format!("http://{}{}", address_of(&metrics)?, observability::PATH));
    // One whose certificate comes from elsewhere has none.
    let authority = certificates.join(tls::AUTHORITY);
    if authority.exists() {
        fact("authority", authority.display().to_string());
    }
    fact("key log", log);
    fact("data", folder.path().display().to_string());
    let address = address_of(&listener)?;

    let identities = ProvenIdentity::new(host.clock(), &*host.rng());
    let service = GrpcService::new(carrier.clone(), identities, settings);
    let (stop, stopped) = oneshot::channel::<()>();
    let listening = Listening::with_tls(listener, tls.config).showing(&tls.certificate);
    let serving = serve(service, listening, async move { drop(stopped.await) });
    let mut serving = tokio::spawn(serving);
    let looked_at = carrier.clone();
    let look = move || {
        let carrier = looked_at.clone();
        // A store that fails is told by whoever cannot do without it.
        async move { drop(carrier.stats().await) }
    };
    let mut counting = tokio::spawn(observability::serve(metrics, observability, look));
    terminal.line(format_args!("ready on {name}:{}, until Ctrl-C", address.port()));

    let outcome = tokio::select! {
        () = end => Ok(()),
        why = carrier.stopped() => Err(ExitError::because("the carrier has stopped")(why)),
        ended = &mut serving => Err(match ended {
            Ok(()) => ExitError::new("the service has ended"),
            Err(error) => ExitError::because("the service has broken off")(error),
        }),
        ended = &mut counting => Err(match ended {
            Ok(Ok(())) => ExitError::new("/metrics has ended"),
            Ok(Err(error)) => error,
            Err(error) => ExitError::because("/metrics has broken off")(error),
        }),
    };
    // Streams are told that it stops, and what was begun is answered.
    let _ = stop.send(());
    if !serving.is_finished() {
        drop(serving.await);
    }
    counting.abort();
    carrier.close().await;
    let closed = store.close().await.map_err(ExitError::because("the store cannot be closed"));
    outcome.and(closed)?;
    terminal.line("closed");
    Ok(())
}
