//! Whether anything secret decides a branch or an address: README.md says how to run it.
//!
//! ```text
//! bulla-constant-time case NAME                 one case, under the memory checker
//! bulla-constant-time check X25519=BINARY …     all cases of one build, and of others those that touch X25519
//! ```

mod cases;
mod driver;
mod layout;
mod lock_files;
mod allowed_findings;
mod report;
mod secret;

use std::process::ExitCode;

use cases::CASES;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["case", name] => run(name),
        ["check", ref builds @ ..] if !builds.is_empty() => driver::check(builds),
        _ => {
            eprintln!("usage: bulla-constant-time (case NAME | check X25519=BINARY ...)");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str) -> ExitCode {
    let Some(case) = CASES.iter().find(|case| case.name == name) else {
        eprintln!("error: no case is called {name}");
        return ExitCode::FAILURE;
    };
    let operations = (case.run)();
    println!("{operations} operations, X25519 {}", x25519());
    ExitCode::SUCCESS
}

/// Which implementation `bulla-session` chooses here, by the same questions.
fn x25519() -> &'static str {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        #[cfg(target_arch = "x86_64")]
        let complete = std::arch::is_x86_feature_detected!("bmi2");
        #[cfg(target_arch = "aarch64")]
        let complete = true;
        if complete && graviola::util::is_cpu_supported() {
            return "assembled";
        }
    }
    "portable"
}
