//! Every list is walked in both directions, and each row is seen once.

use serde_json::{Value, json};

use crate::fake_relay::{ACCOUNT, NUMBER};
use crate::harness::Bench;

/// How many rows each list has.
const ROWS: usize = 5;

/// Makes something of each kind, and says where it is listed and what names it there.
async fn filled(bench: &Bench) -> [(String, &'static str); 4] {
    for row in 0..ROWS {
        let template = json!({
            "name": format!("t{row}"), "language": "en", "category": "UTILITY",
            "components": [{ "type": "BODY", "text": "Hello" }],
        });
        let user = json!({ "messaging_product": "whatsapp", "block_users": [{ "user": format!("1650555000{row}") }] });
        for (path, body) in [
            (format!("/{ACCOUNT}/message_templates"), template),
            (format!("/{ACCOUNT}/flows"), json!({ "name": format!("f{row}") })),
            (format!("/{NUMBER}/message_qrdls"), json!({ "prefilled_message": "Hi" })),
            (format!("/{NUMBER}/block_users"), user),
        ] {
            let reply = bench.ask("POST", &path, body).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.json);
        }
    }
    [
        (format!("/v26.0/{ACCOUNT}/message_templates"), "name"),
        (format!("/v26.0/{ACCOUNT}/flows"), "id"),
        (format!("/{NUMBER}/message_qrdls"), "code"),
        (format!("/{NUMBER}/block_users"), "wa_id"),
    ]
}

/// The rows of the pages from `target` on, as far as the link called `link` leads; and where it ended.
async fn walk(bench: &Bench, mut target: String, (link, name): (&str, &str)) -> (Vec<Vec<String>>, Value) {
    let mut pages = Vec::new();
    loop {
        let page = bench.ask("GET", &target, Value::Null).await.json;
        let rows = page["data"].as_array().unwrap_or_else(|| panic!("{target}: {page}")).iter();
        pages.push(rows.map(|row| row[name].as_str().unwrap().to_owned()).collect());
        let Some(next) = page["paging"][link].as_str() else { return (pages, page["paging"].clone()) };
        target = next.strip_prefix("http://relay.example").unwrap().to_owned();
        assert!(target.contains("limit=") && pages.len() <= ROWS, "{target}");
    }
}

#[tokio::test]
async fn every_list_is_walked_on_and_back_and_shows_each_row_once() {
    let bench = Bench::new();
    for (path, name) in filled(&bench).await {
        for (limit, sizes) in [(2, vec![2, 2, 1]), (ROWS - 1, vec![ROWS - 1, 1]), (ROWS, vec![ROWS])] {
            let (on, end) = walk(&bench, format!("{path}?limit={limit}"), ("next", name)).await;
            assert_eq!(on.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{path}");
            let all = on.concat();
            let mut each = all.clone();
            each.sort();
            each.dedup();
            assert_eq!(each.len(), ROWS, "{path}: {all:?}");
            assert_eq!(end.get("previous").is_some(), sizes.len() > 1, "{path}: {end}");

            // Back from the last of all, which is on none of these pages.
            let before = end["cursors"]["after"].as_str().unwrap();
            let back = format!("{path}?limit={limit}&before={before}");
            let (mut back, begin) = walk(&bench, back, ("previous", name)).await;
            back.reverse();
            assert_eq!(back.concat(), all[..ROWS - 1], "{path}");
            assert!(begin.get("next").is_some(), "{path}: {begin}");
        }
        // What the link back leads to is the page that led here.
        let first = bench.ask("GET", format!("{path}?limit=2"), Value::Null).await.json;
        assert!(first["paging"].get("previous").is_none(), "{first}");
        let link = |page: &Value, link: &str| {
            let link = page["paging"][link].as_str().unwrap();
            link.strip_prefix("http://relay.example").unwrap().to_owned()
        };
        let second = bench.ask("GET", link(&first, "next"), Value::Null).await.json;
        let again = bench.ask("GET", link(&second, "previous"), Value::Null).await.json;
        assert_eq!(again["data"], first["data"]);
        assert_eq!(again["paging"]["cursors"], first["paging"]["cursors"]);
    }
}

#[tokio::test]
async fn a_page_is_asked_for_from_one_side_by_a_cursor_that_was_given() {
    let bench = Bench::new();
    let numbers = (format!("/{ACCOUNT}/phone_numbers"), "id");
    for (path, _) in filled(&bench).await.into_iter().chain([numbers]) {
        for (asked, says) in [
            ("after=AA&before=AA", "before: it cannot be said together with after"),
            ("after=!", "after: it is none of the cursors that were given"),
            ("before=!", "before: it is none of the cursors that were given"),
        ] {
            let refused = bench.ask("GET", format!("{path}?{asked}"), Value::Null).await;
            assert_eq!((refused.code(), refused.details()), (100, says), "{path}?{asked}");
        }
    }
    for list in ["message_templates", "block_users"] {
        let of = if list == "block_users" { NUMBER.to_string() } else { ACCOUNT.to_string() };
        let refused = bench.ask("GET", format!("/{of}/{list}?before=eA"), Value::Null).await;
        assert_eq!(refused.details(), "before: it is none of the cursors that were given", "{list}");
    }
}

#[tokio::test]
async fn numbers_are_listed_from_either_side_of_another() {
    let bench = Bench::new();
    let path = format!("/{ACCOUNT}/phone_numbers");
    let page = bench.ask("GET", &path, Value::Null).await.json;
    let cursor = page["paging"]["cursors"]["before"].as_str().unwrap().to_owned();
    for (asked, count) in [("before=AAAAAAAAAAE", 0), ("before=__________8", 1), ("after=AAAAAAAAAAE", 1)] {
        let page = bench.ask("GET", format!("{path}?{asked}"), Value::Null).await.json;
        assert_eq!(page["data"].as_array().unwrap().len(), count, "{asked}: {page}");
    }
    for side in ["before", "after"] {
        let page = bench.ask("GET", format!("{path}?{side}={cursor}"), Value::Null).await.json;
        assert_eq!(page["data"], json!([]), "{side}");
    }
}
