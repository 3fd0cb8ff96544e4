use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::http::{Answer, ask};

pub const BUSINESS: &str = "106540352242922";
pub const ACCOUNT: &str = "102290129340398";

/// The program, ended with the test.
pub struct Sandbox {
    child: Child,
    address: SocketAddr,
}

impl Sandbox {
    /// Starts it with the example's seed.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts it with this seed.
    pub fn start_on(seed: &Value) -> Self {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(seed.to_string().as_bytes()).unwrap();
        Self::start_with(&["--seed", file.path().to_str().unwrap()])
    }

    /// Starts it with these options.
    pub fn start_with(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sandbox"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let ready = lines.into_iter().find_map(|line| {
            let (_, rest) = line.split_once("ready on http://")?;
            Some(rest.split(',').next().unwrap().parse().unwrap())
        });
        Self { child, address: ready.unwrap() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends the message `body`, without what is the same in each, for the first number.
    pub fn send(&self, body: &Value) -> Answer {
        let mut body = body.clone();
        body["messaging_product"] = json!("whatsapp");
        self.post(&format!("/v26.0/{BUSINESS}/messages"), &body)
    }

    /// Sends a text.
    pub fn say(&self, to: &str, text: &str) -> Answer {
        self.send(&json!({ "to": to, "text": { "body": text } }))
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        ask(self.address, "POST", path, "Authorization: Bearer sandbox-token\r\n", &body.to_string())
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(self.address, "GET", path, "Authorization: Bearer sandbox-token\r\n", "")
    }

    /// Lets time pass.
    pub fn advance(&self, span: &str) {
        let answer = self.post("/sandbox/clock", &json!({ "advance": span }));
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// Has a user write.
    pub fn inbound(&self, message: &Value) {
        let answer = self.post("/sandbox/inbound", message);
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    /// What is in the log.
    pub fn log(&self) -> Vec<Value> {
        let answer = self.get("/sandbox/log").json();
        assert_eq!(answer["settled"], true);
        answer["data"].as_array().unwrap().clone()
    }

    /// What the program was told, without what is around it.
    pub fn updates(&self) -> Vec<Value> {
        let told = self.log().into_iter().filter(|entry| entry["kind"] == "webhook");
        told.map(|entry| entry["body"]["entry"][0]["changes"][0]["value"].clone()).collect()
    }

    /// How far the messages to `user` have come, with the code of an error.
    pub fn statuses(&self, user: &str) -> Vec<String> {
        let lines = self.updates().into_iter().map(|value| value["statuses"][0].clone());
        let of_user = lines.filter(|line| line["recipient_id"] == user);
        of_user
            .map(|line| match line["errors"][0]["code"].as_u64() {
                Some(code) => format!("{} {code}", line["status"].as_str().unwrap()),
                None => line["status"].as_str().unwrap().to_owned(),
            })
            .collect()
    }

    /// What users have said.
    pub fn messages(&self) -> Vec<Value> {
        let values = self.updates().into_iter().map(|value| value["messages"][0].clone());
        values.filter(|message| !message.is_null()).collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
