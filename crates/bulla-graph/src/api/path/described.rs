//! That the description of the API has the paths that are read, and no other.

use std::collections::BTreeSet;

use bulla_base::{MessageId, SeededRng, Timestamp};
use serde_json::Value;

use super::*;

/// Which path it is, whatever it names.
fn kind(path: &Path<'_>) -> String {
    match path {
        Path::Messages(_) => "messages".to_owned(),
        Path::Uploads(_) => "uploads".to_owned(),
        Path::Sessions(_) => "sessions".to_owned(),
        Path::Session(..) => "session".to_owned(),
        Path::Picture(_) => "profile".to_owned(),
        Path::Media(..) => "media".to_owned(),
        Path::Content(..) => "content".to_owned(),
        Path::Templates(_) => "templates".to_owned(),
        Path::Node(_) => "node".to_owned(),
        Path::Edge(_, Edge::QrCode(_)) => "code".to_owned(),
        Path::Edge(_, Edge::QrPicture(_)) => "picture".to_owned(),
        Path::Edge(_, Edge::Template(_)) => "template".to_owned(),
        Path::Edge(_, edge) => format!("{edge:?}"),
        Path::Root => "root".to_owned(),
        Path::DebugToken => "token".to_owned(),
        Path::AppToken => "app token".to_owned(),
        Path::AppSubscriptions(_) => "app subscriptions".to_owned(),
    }
}

#[test]
fn every_path_that_is_read_is_described_and_no_other() {
    let description: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
    let id = MessageId::new(Timestamp::from_millis(9), &SeededRng::new(1));
    let media = media_name::write(PhoneNumberId::new(1), MediaId::from_bytes(*id.as_bytes()).unwrap());
    let mut described = BTreeSet::new();
    for template in description["paths"].as_object().unwrap().keys() {
        // What has an id may be a file.
        for id in ["1", &media] {
            let path = template.replace("{media_id}", &media).replace("{id}", id).replace("{code}", "ABC");
            let path = path.replace("{phone_number_id}", "1").replace("{account_id}", "2");
            let path = path.replace("{upload_id}", &media).replace("{app_id}", "5");
            let path = path.replace("{flow_id}", "3").replace("{template_id}", "4");
            described.insert(kind(&Path::read(&path).unwrap_or_else(|| panic!("{template} is not read"))));
        }
    }
    let others =
        ["messages", "uploads", "media", "content", "templates", "template", "node", "code", "picture"];
    let others = others.into_iter().chain(["root", "token", "sessions", "session", "profile"]);
    let others = others.chain(["app token", "app subscriptions"]);
    let mut read: BTreeSet<String> = others.map(str::to_owned).collect();
    read.extend(EDGES.map(|(_, edge)| kind(&Path::Edge("1", edge))));
    assert_eq!(described, read);
}
