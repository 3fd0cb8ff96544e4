//! What the port promises holds over the wire as well.

use std::process::Command;

/// The suites that speak through [`World::transport`](crate::World::transport), and how many tests each has
/// at least.
const SUITES: &[(&str, usize)] = &[
    ("acknowledge::", 5),
    ("device_lists::", 5),
    ("devices::", 5),
    ("directory::", 5),
    ("fencing_token::", 2),
    ("protection::", 6),
    ("queue::", 15),
    ("register::", 3),
    ("reports::", 10),
    ("statements::", 3),
];

/// Who sends without having connected is told to connect. Over the wire the stream has connected them. And
/// what came once and was not acknowledged comes again with another stream alone.
const LEFT_OUT: &[&str] =
    &["caller_that_has_not_connected_is_refused", "a_user_who_complains_again_and_again_counts_once"];

/// Says to the tests that their world is on the other side of a wire.
pub(crate) const OVER_THE_WIRE: &str = "BULLA_TESTS_OVER_THE_WIRE";

#[test]
fn the_suites_of_the_port_hold_over_the_wire() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(OVER_THE_WIRE, "1").args(SUITES.iter().map(|(suite, _)| suite));
    command.args(LEFT_OUT.iter().flat_map(|test| ["--skip", test]));
    let run = command.output().unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{told}");
    for (suite, least) in SUITES {
        let held =
            told.lines().filter(|line| line.starts_with(&format!("test {suite}")) && line.ends_with("ok"));
        assert!(held.count() >= *least, "{suite} did not run:\n{told}");
    }
}
