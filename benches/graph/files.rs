//! A file up and down over TLS, sealed at rest, beside a server that writes it to the disk as it comes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bulla_graph::{GraphApi, Tls, Tokens};
use bulla_store_fjall::FjallOptions;
use futures_util::{StreamExt, stream};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::Extent;
use crate::clock::{Machine, spent};
use crate::secured::{Client, server};
use crate::speed::http::TOKEN;
use crate::system_under_test::{Readers, SHOP, System};

pub(crate) async fn measured(extent: Extent) -> Vec<String> {
    let system = System::with(1, Readers::None, FjallOptions::default()).await;
    let folder = system.folder().to_owned();
    let [api, plain] = [api(&system, &folder).await, plain(&folder).await];
    let mut file = b"%PDF-1.4\n".to_vec();
    file.resize(extent.file, b'x');
    let mut rows = Vec::new();
    let mut both = [[0.0; 2]; 2];
    for (address, is_api) in [(plain, false), (api, true)] {
        let mut client = Client::connect(address, &folder).await;
        let (mut path, mut times, cpu) = (String::new(), [0.0; 2], spent());
        for _ in 0..extent.files {
            let began = Instant::now();
            path =
                if is_api { bring_form(&mut client, &file).await } else { bring(&mut client, &file).await };
            times[0] += began.elapsed().as_secs_f64();
        }
        for _ in 0..extent.files {
            let began = Instant::now();
            let head =
                format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
            assert_eq!(client.fetch(&head).await, file.len());
            times[1] += began.elapsed().as_secs_f64();
        }
        let megabytes = (extent.file * extent.files) as f64 / 1e6;
        let [up, down] = times.map(|time| megabytes / time);
        both[usize::from(is_api)] = [up, down];
        let name = if is_api { "a file, sealed" } else { "a server of plain files" };
        let cpu = (spent() - cpu) / (2.0 * megabytes) * 1e3;
        rows.push(format!(
            "{name}: {up:.0} MB/s up, {down:.0} MB/s down, {cpu:.1} ms of processor time a MB"
        ));
    }
    let [[plain_up, plain_down], [up, down]] = both;
    rows.push(format!("of the plain server: {:.2} up, {:.2} down", up / plain_up, down / plain_down));
    system.close().await;
    rows
}

/// Brings a file as clients of the API do, and says where its bytes are.
async fn bring_form(client: &mut Client, file: &[u8]) -> String {
    let before = concat!(
        "--b\r\ncontent-disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n",
        "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n",
        "content-type: application/pdf\r\n\r\n"
    );
    let body = [before.as_bytes(), file, b"\r\n--b--\r\n"].concat();
    let head = format!(
        "POST /v26.0/{SHOP}/media HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let answer: serde_json::Value = serde_json::from_slice(&client.bring(&head, &body).await).unwrap();
    format!("/{}/content", answer["id"].as_str().unwrap())
}

async fn bring(client: &mut Client, file: &[u8]) -> String {
    let length = file.len();
    let head = format!("POST /file HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    client.bring(&head, file).await;
    "/file".to_owned()
}

async fn api(system: &System, folder: &Path) -> SocketAddr {
    let tokens = Tokens::new(&Machine);
    tokens.grant(TOKEN, [SHOP]).unwrap();
    let api = GraphApi::new(system.relay.clone(), tokens, Arc::new(Machine), Arc::new(Machine));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, tls) = (listener.local_addr().unwrap(), Tls::new(server(folder)));
    tokio::spawn(async move { api.serve_tls(listener, tls, std::future::pending()).await.unwrap() });
    address
}

/// One that streams what is posted into a file, synced, and back out of it.
async fn plain(folder: &Path) -> SocketAddr {
    let path: Arc<PathBuf> = Arc::new(folder.join("plain"));
    let (to, from) = (Arc::clone(&path), path);
    let router = Router::new()
        .route("/file", post(move |body: Body| write(Arc::clone(&to), body)))
        .route("/file", get(move || read(Arc::clone(&from))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server(folder)));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (acceptor, service) = (acceptor.clone(), TowerToHyperService::new(router.clone()));
            tokio::spawn(async move {
                let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
                // The client hangs up when it is done.
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await;
            });
        }
    });
    address
}

async fn write(path: Arc<PathBuf>, body: Body) -> &'static str {
    let (mut file, mut body) = (File::create(&*path).await.unwrap(), body.into_data_stream());
    while let Some(bytes) = body.next().await {
        file.write_all(&bytes.unwrap()).await.unwrap();
    }
    file.sync_all().await.unwrap();
    "{}"
}

async fn read(path: Arc<PathBuf>) -> ([(&'static str, String); 1], Body) {
    let file = File::open(&*path).await.unwrap();
    let length = file.metadata().await.unwrap().len();
    let chunks = stream::try_unfold(file, async |mut file| {
        let mut chunk = vec![0; 1 << 16];
        let count = file.read(&mut chunk).await?;
        chunk.truncate(count);
        Ok::<_, std::io::Error>((count > 0).then_some((chunk, file)))
    });
    ([("content-length", length.to_string())], Body::from_stream(chunks))
}
