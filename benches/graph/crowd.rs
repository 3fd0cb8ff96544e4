//! What one request costs when there are ten thousand templates and tokens, and what it is to fill one.

use std::sync::Arc;

use bulla_base::Category;
use bulla_graph::{GraphApi, Tokens};
use bulla_relay::{OutgoingTemplate, TemplateDefinition, TemplateParameters, TemplateText, TextParameter};
use bulla_store_fjall::FjallOptions;

use crate::Extent;
use crate::clock::{Machine, spent};
use crate::speed::http::{Server, TOKEN};
use crate::system_under_test::{Readers, SHOP, System};

pub(crate) async fn measured(extent: Extent) -> Vec<String> {
    let system = System::with(1, Readers::None, FjallOptions::default()).await;
    let body = TemplateText::new("Hi {{1}}, your order {{2}} is on its way and will be with you {{3}}.");
    let definition = |name: &str| TemplateDefinition::new(name, "en", Category::Utility, body.clone());
    system.relay.create_template(SHOP, definition("order_update")).await.unwrap();
    let mut rows = Vec::new();
    let alone = (filled(&system, extent).await, asked(&system, 0, extent).await);
    for place in 0..extent.crowd {
        system.relay.create_template(SHOP, definition(&format!("template_{place}"))).await.unwrap();
        if place % 1_000 == 999 {
            eprintln!("{} templates", place + 1);
        }
    }
    let among = (filled(&system, extent).await, asked(&system, extent.crowd, extent).await);
    rows.push(format!("a template filled: {:.1} µs", alone.0));
    rows.push(format!("the same among {}: {:.1} µs", extent.crowd + 1, among.0));
    rows.push(format!("a number asked about by its token: {:.1} µs", alone.1));
    rows.push(format!(
        "the same with {} tokens and as many templates: {:.1} µs, {:.2} of that",
        extent.crowd + 1,
        among.1,
        among.1 / alone.1
    ));
    system.close().await;
    rows
}

/// Of how many rounds the least counts: the engine's own work goes on beside.
const ROUNDS: usize = 20;

/// Microseconds of processor time of one `call`, of which each round makes some.
async fn least(extent: Extent, mut call: impl AsyncFnMut()) -> f64 {
    let (mut least, calls) = (f64::INFINITY, extent.fillings.div_ceil(ROUNDS));
    for _ in 0..ROUNDS {
        let cpu = spent();
        for _ in 0..calls {
            call().await;
        }
        least = least.min((spent() - cpu) * 1e6 / calls as f64);
    }
    least
}

/// Microseconds of processor time to say what a user would see.
async fn filled(system: &System, extent: Extent) -> f64 {
    let texts = ["Ann", "4711", "tomorrow"].map(TextParameter::new).into();
    let message = OutgoingTemplate::new("order_update", "en").with(TemplateParameters::new().body(texts));
    least(extent, async || {
        system.relay.preview_template(SHOP, message.clone()).await.unwrap();
    })
    .await
}

/// Microseconds of processor time of a request that only asks, with so many tokens beside its own, the
/// client's part as well.
async fn asked(system: &System, others: usize, extent: Extent) -> f64 {
    let tokens = Tokens::new(&Machine);
    tokens.grant(TOKEN, [SHOP]).unwrap();
    (0..others).for_each(|other| tokens.grant(&format!("another-token-{other}"), [SHOP]).unwrap());
    let api = GraphApi::new(system.relay.clone(), tokens, Arc::new(Machine), Arc::new(Machine));
    let server = Server::serving(api).await;
    let mut connection = server.connect().await;
    let request =
        format!("GET /v26.0/{SHOP} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
    connection.ask(&request).await;
    least(extent, async || {
        let answer = connection.ask(&request).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    })
    .await
}
