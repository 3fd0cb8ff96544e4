//! The page says what the terminal says.

use super::*;

fn page(folder: &Path, more: &[&str]) -> String {
    let show = ["show", "--statement", "@statement", "--html", "@page.html"];
    told(folder, &[&show[..], more].concat()).unwrap();
    std::fs::read_to_string(folder.join("page.html")).unwrap()
}

#[test]
fn it_needs_nothing_else_and_says_what_was_checked() {
    let folder = folder();
    let bare = page(folder.path(), &[]);
    assert!(bare.contains("<li>Not checked: whose signature it is") && bare.contains("Not drawn"), "{bare}");
    let all = ["--leaves", "@leaves", "--card", "@card", "--issuer", "!", "--theirs", "@theirs"];
    let full = page(folder.path(), &all);
    assert!(
        full.contains("<li>Checked: the statement is signed by the issuer.") && !full.contains("Not checked")
    );
    assert!(full.contains("3 messages differ"));
    for page in [bare, full] {
        assert!(!page.contains("<script") && !page.contains("http"), "{page}");
    }
}

#[test]
fn corrections_stand_in_it() {
    let folder = folder();
    let sample = Sample::read(folder.path());
    let month = sample.statement.zone().month(LocalDate::new(2026, 10, 1).unwrap());
    let credit = sample.adjustment(Direction::Credit, "billed <twice>", &issuer());
    let (statement, leaves) = sample.state(month, None, vec![credit]);
    assert!(leaves.is_empty());
    put(folder.path(), ("statement", &statement), ("leaves", &leaves));
    let page = page(folder.path(), &["--leaves", "@leaves", "--issuer", "!"]);
    for part in [
        "<h2>Corrections</h2>",
        "correction, of 2026-08-01 00:00 to 2026-09-01 00:00",
        "<td class=k>the issuer<br><small>&quot;billed &lt;twice&gt;&quot;</small><td class=n>-0.060400",
        "corrections, see below<td class=n>-0.060400",
        "to be paid<td class=n>-0.060400 EUR",
    ] {
        assert!(page.contains(part), "{part} is missing in\n{page}");
    }
}

#[test]
fn each_day_has_its_place_with_a_message_or_without() {
    let folder = folder();
    let mut sample = Sample::read(folder.path());
    let is_quiet = |leaf: &Leaf| {
        let date = sample.statement.zone().date(leaf.hour);
        date == LocalDate::new(2026, 9, 10).unwrap()
    };
    let loud: Vec<_> = sample.leaves.iter().filter(|leaf| !is_quiet(leaf)).copied().collect();
    sample.leaves = loud;
    let (statement, leaves) = sample.state(sample.statement.period(), None, Vec::new());
    put(folder.path(), ("statement", &statement), ("leaves", &leaves));
    let page = page(folder.path(), &["--leaves", "@leaves"]);
    assert!(page.matches("<rect ").count() > 190, "bars of 29 days and categories");
    let left = |day: u8| page.find(&format!("<title>2026-09-{day:02} utility"));
    assert!(left(9).is_some() && left(10).is_none() && left(11).is_some());
    // 27 of 810 a day.
    for (day, x) in [(9, 90 + 8 * 27), (11, 90 + 10 * 27)] {
        let (before, _) = page.split_at(left(day).unwrap());
        let (_, bar) = before.rsplit_once("<rect ").unwrap();
        assert!(bar.starts_with(&format!("x={x} ")), "{day}: {bar}");
    }
    for part in [
        ">2026-09-01</text>",
        ">2026-09-29</text>",
        " EUR</title>",
        " units</title>",
        "text-anchor=end>0.00<",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
}
