//! What `--serve` prints at the start.

use std::net::SocketAddr;
use std::path::Path;

use super::authority;
use crate::options::Options;
use crate::terminal::Terminal;

/// Prints the values in use, how to talk to the relay, and at last that it can be talked to.
pub(super) fn print(
    options: &Options,
    [address, metrics]: [SocketAddr; 2],
    folder: &Path,
    terminal: Terminal,
) {
    let Options {
        listen: _,
        metrics: _,
        data,
        begin_anew: _,
        token,
        phone_number_id,
        business_account_id,
        webhook,
        networks: _,
        users,
        say: _,
        carrier_log,
        tls,
        client_callbacks,
        protect,
        app_secret: _,
        app_owner_secret,
        trust: _,
    } = options;
    let fact = |name: &str, value: String| terminal.line(format_args!("{name:<20}  {value}"));
    let origin = match tls {
        Some(name) => format!("https://{name}:{}", address.port()),
        None => format!("http://{address}"),
    };
    fact("Graph API", origin.clone());
    let authority = tls.is_some().then(|| authority(folder));
    if let Some(authority) = &authority {
        fact("its authority", authority.clone());
    }
    fact("metrics", format!("http://{metrics}{}", crate::observability::PATH));
    fact("phone number id", phone_number_id.to_string());
    fact("business account id", business_account_id.to_string());
    fact("token", token.clone());
    fact("webhook", webhook.as_ref().map_or("none: shown here".into(), |webhook| format!("{webhook:?}")));
    if *client_callbacks {
        fact("callbacks", "clients may set their own, which go before the webhook".into());
    }
    if app_owner_secret.is_some() {
        fact("the app", "its own secret opens what is told of it, and where webhooks of all go".into());
    }
    if *protect {
        fact("users are protected", "from who writes to too many, or what nobody wants".into());
    }
    let users: Vec<String> = users.iter().map(|user| format!("+{}", user.digits())).collect();
    fact("users", users.join(", "));
    let fate = if data.is_some() { "" } else { " (removed at the end)" };
    fact("data", format!("{}{fate}", folder.display()));
    if let Some(log) = carrier_log {
        fact("carrier log", log.display().to_string());
    }
    let trusting = authority.map_or_else(String::new, |authority| format!(" --cacert {authority}"));
    let first = options.users.first().map_or("", |user| user.digits());
    terminal.line(format_args!(
        "
write to a user:

    curl{trusting} {origin}/v26.0/{phone_number_id}/messages -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\
        -d '{{\"messaging_product\": \"whatsapp\", \"to\": \"{first}\", \"text\": {{\"body\": \"hello\"}}}}'

or with pywa:

    wa = WhatsApp(phone_id=\"{phone_number_id}\", token=\"{token}\")
    wa.api._session.base_url = f\"{origin}{{wa.api._session.base_url.path}}\"
    wa.send_message(to=\"{first}\", text=\"hello\")

write as a user: type {first} hello
"
    ));
    terminal.line(format_args!("ready on {origin}, until Ctrl-C"));
}
