//! The log as a page, which fetches nothing.

use std::fmt::Write;

use serde_json::Value;

use super::log::Entry;

const HEAD: &str = include_str!("page/head.html");

/// So many entries stand in the page: the latest.
const MAX_SHOWN: usize = 500;

/// The page at the time `now`.
pub(super) fn write(now: &str, entries: &[Entry]) -> String {
    let mut page = String::from(HEAD);
    // Writing to a string cannot fail.
    let _ = write!(page, "<p>It is {}. The latest stands first.", escaped(now));
    if let Some(last) = entries.iter().rev().nth(MAX_SHOWN) {
        let _ = write!(page, " Those up to {} stand in the log as JSON, as far as they are kept.", last.n);
    }
    page.push_str("</p>\n<table>\n<tr><th>#<th>at<th>what<th>asked<th>answered</tr>\n");
    for entry in entries.iter().rev().take(MAX_SHOWN) {
        let Entry { n, at, kind, method, path, body, status, answer, error, .. } = entry;
        let status = status.map_or_else(|| "–".to_owned(), |status| status.to_string());
        let answer = error.as_ref().map_or_else(|| shown(answer), |error| escaped(error));
        let _ = writeln!(
            page,
            "<tr class=\"{kind}\"><td>{n}<td>{at}<td>{kind}<td><b>{method} {path}</b><pre>{body}</pre>\
             <td><b>{status}</b><pre>{answer}</pre></tr>",
            kind = kind.name(),
            at = escaped(at),
            method = escaped(method),
            path = escaped(path),
            body = shown(body),
        );
    }
    page.push_str("</table>\n");
    page
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escaped(text),
        other => escaped(&serde_json::to_string_pretty(other).unwrap_or_default()),
    }
}

/// `text` as it stands in a page, whatever is in it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::log::Kind;
    use super::*;

    #[test]
    fn nothing_that_was_said_is_part_of_the_page() {
        let evil = "<script>'\"&</script>";
        let entry = Entry {
            n: 1,
            at: evil.to_owned(),
            kind: Kind::Webhook,
            method: evil.to_owned(),
            path: evil.to_owned(),
            body: json!({ evil: evil }),
            status: Some(200),
            answer: json!(evil),
            error: None,
            bytes: 0,
        };
        let failed = Entry { error: Some(evil.to_owned()), ..entry.clone() };
        let page = write(evil, &[entry, failed]);
        let said = page.strip_prefix(HEAD).unwrap();
        assert!(!said.contains("<script") && !said.contains("</script"), "{said}");
        assert!(said.contains("&lt;script&gt;&#39;") && said.contains("&quot;&amp;"));
    }

    #[test]
    fn a_long_log_is_shown_from_its_end() {
        let entry = |n| Entry {
            n,
            at: "now".to_owned(),
            kind: Kind::Request,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            body: Value::Null,
            status: Some(200),
            answer: Value::Null,
            error: None,
            bytes: 0,
        };
        let entries: Vec<Entry> = (1..=MAX_SHOWN + 7).map(entry).collect();
        let page = write("now", &entries);
        assert!(page.contains("Those up to 7 stand in the log"));
        assert_eq!(page.matches("<tr class").count(), MAX_SHOWN);
        assert!(page.contains("<td>8<td>") && !page.contains("<td>7<td>"));
        assert!(!write("now", &entries[7..]).contains("Those up to"));
    }
}
