//! The power goes.
//!
//! A file system of its own is mounted from a file, a child writes to it, and at a random moment the kernel
//! is told to shut it down without writing out anything: what was not synced by then is gone, as when the
//! machine loses its power. The child reports through a pipe, which is not on that file system.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::expected::Expected;
use crate::moment;
use crate::process_kill::Writer;

const DISKS: u64 = 5;
const CUTS: u64 = 13;
/// Cuts of a disk that says it has synced and has not.
const LIES: u64 = 6;
const DISK_BYTES: u64 = 1 << 30;

/// Cuts the power of children that write. Then the same with a disk that lies about syncs, which has to be
/// found out: or the cuts would take away nothing, and tell nothing.
pub(crate) fn nothing_acknowledged_is_lost_when_the_power_goes() {
    if !is_root() {
        println!("powercut: NOT RUN, mounting a file system takes root; no power was cut");
        return;
    }
    let began = Instant::now();
    let (mut cuts, mut acknowledged) = (0, 0);
    for disk in 0..DISKS {
        let (disk, mut expected) = (Disk::make(disk), Expected::default());
        for life in 0..CUTS {
            let role = if life % 5 == 2 { "write and compact" } else { "write" };
            let writer = Writer::start(&disk.store(), role);
            thread::sleep(moment(10..400));
            expected.compare(&disk.cut(writer), &disk.store());
            cuts += 1;
        }
        acknowledged += expected.acknowledged();
    }
    assert!(acknowledged > 100, "only {acknowledged} entries were acknowledged: too few to tell");
    let found_out = (0..LIES).filter(|number| is_found_out(*number)).count();
    assert!(found_out > 0, "a disk that does not sync was never found out: the cuts tell nothing");
    println!(
        "powercut: {cuts} cuts on ext4, {acknowledged} entries acknowledged, none lost, doubled or out of order; \
         a lying disk was found out in {found_out} of {LIES} cuts ({} s)",
        began.elapsed().as_secs()
    );
}

fn is_found_out(number: u64) -> bool {
    let (disk, mut expected) = (Disk::make(number), Expected::default());
    // It has to have begun, or there would be nothing to lose.
    Writer::start(&disk.store(), "write").wait(Duration::from_millis(100));
    let mut liar = Command::new("strace");
    let lies = "inject=fsync,fdatasync,sync_file_range:retval=0";
    liar.args(["-f", "-qq", "-o", "/dev/null", "-e", lies]);
    liar.arg(std::env::current_exe().unwrap());
    let writer = Writer::spawn(&mut liar, &disk.store(), "write");
    let began = Instant::now();
    while writer.heard().lines().count() < 100 && began.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(5));
    }
    let report = disk.cut(writer);
    assert!(report.lines().count() > 10, "the liar hardly wrote");
    // The panic is the finding.
    catch_unwind(AssertUnwindSafe(|| expected.compare(&report, &disk.store()))).is_err()
}

/// A file system in a file.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn make(number: u64) -> Self {
        let disk = Self { folder: TempDir::new().unwrap() };
        File::create(disk.image()).unwrap().set_len(DISK_BYTES).unwrap();
        std::fs::create_dir(disk.mount_point()).unwrap();
        // Large blocks and small ones: what one write of the disk takes differs.
        let block = if number.is_multiple_of(2) { "4096" } else { "1024" };
        call("mkfs.ext4", &["-q", "-F", "-b", block, text(&disk.image())]);
        disk.mount();
        disk
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    fn mount_point(&self) -> PathBuf {
        self.folder.path().join("mount")
    }

    fn store(&self) -> PathBuf {
        self.mount_point().join("store")
    }

    fn mount(&self) {
        call("mount", &["-o", "loop", text(&self.image()), text(&self.mount_point())]);
    }

    /// Cuts the power while `writer` writes, and brings it back. Returns what the writer had reported by
    /// then: a machine without power reports nothing. (The kernel may let a sync succeed that is under way
    /// while its file system is shut down, and it did, once in some hundred cuts. That nothing is
    /// acknowledged after a sync that failed is tried elsewhere.)
    fn cut(&self, writer: Writer) -> String {
        let report = writer.heard();
        // Without -f: the file system's own log is not written out either.
        call("xfs_io", &["-x", "-c", "shutdown", text(&self.mount_point())]);
        // It may go on for a while, but can have nothing acknowledged any more.
        thread::sleep(moment(0..10));
        writer.kill();
        self.unmount();
        self.mount();
        report
    }

    fn unmount(&self) {
        for _ in 0..200 {
            let done = Command::new("umount").arg(self.mount_point()).stderr(Stdio::null()).status().unwrap();
            if done.success() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{} stays in use", self.mount_point().display());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").args(["-l", text(&self.mount_point())]).status().ok();
    }
}

pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

pub(crate) fn call(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
