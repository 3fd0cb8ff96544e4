//! What the page shows is what is run.

#[test]
fn the_page_shows_the_tests_that_are_run() {
    let page = include_str!("../../../README.md");
    for script in
        [include_str!("../../../python/sandbox_test.py"), include_str!("../../../node/sandbox.test.mjs")]
    {
        assert!(page.contains(script), "not in the page:\n{script}");
    }
}
