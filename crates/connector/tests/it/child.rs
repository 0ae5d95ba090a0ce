//! The server that the tests carry: this test binary, started again, speaking MCP on its standard input and output.

use std::{
    io::{BufRead as _, Write as _},
    process::exit,
};

use connector::ChildCommand;
use serde_json::{Value, json};

/// How the process behaves from the start.
pub const BEHAVIOUR: &str = "FIXTURE_CHILD";

/// The command that starts the fixture.
pub fn command(behaviour: &str) -> ChildCommand {
    let program = std::env::current_exe().unwrap().into_os_string();
    let args = ["--exact", "child::fixture_child", "--ignored", "--nocapture", "--quiet"].map(Into::into).to_vec();
    ChildCommand { program, args, env: vec![(BEHAVIOUR.into(), behaviour.into())] }
}

#[test]
#[ignore = "the process that the other tests start"]
fn fixture_child() {
    let behaviour = std::env::var(BEHAVIOUR).expect("only started by the other tests");
    if behaviour == "dies at once" {
        exit(3);
    }
    if behaviour == "launches" {
        launch();
    }
    let mut server = Server { behaviour, seen: Vec::new(), calls: 0, held: Vec::new(), cancelled: 0, asking: None };
    for line in std::io::stdin().lock().lines() {
        server.on_message(&serde_json::from_str(&line.unwrap()).unwrap());
    }
    if server.behaviour == "stays" {
        // The end of its input does not end it.
        loop {
            std::thread::park();
        }
    }
    exit(0);
}

/// A launcher: the server is a process of its own below this one, which waits for it and passes no signal on.
fn launch() -> ! {
    let mut server = std::process::Command::new(std::env::current_exe().unwrap());
    server.args(command("normal").args).env(BEHAVIOUR, "stays");
    exit(server.status().unwrap().code().unwrap_or(1));
}

struct Server {
    behaviour: String,
    seen: Vec<String>,
    calls: u64,
    held: Vec<Value>,
    cancelled: u64,
    asking: Option<Value>,
}

impl Server {
    fn on_message(&mut self, message: &Value) {
        let Some(method) = message["method"].as_str() else { return self.on_answer(message) };
        self.seen.push(method.to_owned());
        match method {
            "initialize" if self.behaviour == "refuses the handshake" => {
                say(&json!({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32602, "message": "no"}}));
            }
            "initialize" => answer(
                &message["id"],
                &json!({"protocolVersion": "2025-11-25", "capabilities": {},
                "serverInfo": {"name": "fixture", "version": "1"}}),
            ),
            "server/discover" if self.behaviour == "speaks both" => answer(
                &message["id"],
                &json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {}}),
            ),
            "subscriptions/listen" => {
                let meta = json!({"io.modelcontextprotocol/subscriptionId": message["id"]});
                notify("notifications/subscriptions/acknowledged", &json!({"_meta": meta}));
                notify("notifications/tools/list_changed", &json!({"_meta": meta}));
                answer(&message["id"], &json!({"resultType": "complete", "_meta": meta}));
            }
            "notifications/cancelled" => self.cancelled += 1,
            "ping" => answer(&message["id"], &json!({})),
            "tools/list" => answer(&message["id"], &json!({"tools": [{"name": "echo"}, {"name": "hold"}]})),
            "tools/call" => self.call(message),
            _ if message.get("id").is_some() => {
                let error = json!({"code": -32601, "message": "Method not found"});
                say(&json!({"jsonrpc": "2.0", "id": message["id"], "error": error}));
            }
            _ => {}
        }
    }

    fn on_answer(&mut self, message: &Value) {
        if let Some(call) = self.asking.take() {
            answer(&call, &message["result"]);
        }
    }

    fn call(&mut self, message: &Value) {
        self.calls += 1;
        let id = &message["id"];
        let arguments = &message["params"]["arguments"];
        match message["params"]["name"].as_str().unwrap() {
            "echo" => answer(id, arguments),
            "state" => answer(
                id,
                &json!({"pid": std::process::id(), "calls": self.calls, "seen": self.seen, "held": self.held.len(), "cancelled": self.cancelled}),
            ),
            "hold" => self.held.push(id.clone()),
            "release" => {
                for held in self.held.drain(..) {
                    answer(&held, &json!({"released": true}));
                }
                answer(id, &json!({}));
            }
            "progress" => {
                let token = &message["params"]["_meta"]["progressToken"];
                for done in 0..3 {
                    notify("notifications/progress", &json!({"progressToken": token, "progress": done}));
                }
                answer(id, &json!({"done": true}));
            }
            "ask" => {
                self.asking = Some(id.clone());
                say(&json!({"jsonrpc": "2.0", "id": "q1", "method": "sampling/createMessage", "params": {}}));
            }
            "chatter" => {
                for _ in 0..arguments["lines"].as_u64().unwrap() {
                    notify("notifications/message", &json!({"level": "info", "data": "x".repeat(10_000)}));
                }
                answer(id, &json!({}));
            }
            "log" => {
                notify("notifications/message", &json!({"level": "info", "data": "hello"}));
                answer(id, &json!({}));
            }
            "big" => {
                answer(id, &json!({"text": "x".repeat(usize::try_from(arguments["bytes"].as_u64().unwrap()).unwrap())}))
            }
            "large" => large(message),
            "complain" => {
                eprintln!("something is wrong");
                answer(id, &json!({}));
            }
            "noise" => {
                println!("this is no message");
                println!("[{}]", json!({"jsonrpc": "2.0", "id": id, "result": {"in": "a batch"}}));
            }
            "die" => exit(7),
            "close" => {
                answer(id, &json!({}));
                exit(0)
            }
            other => panic!("no tool {other}"),
        }
    }
}

/// An answer of many bytes, as the arguments want it.
fn large(message: &Value) {
    let (id, arguments) = (&message["id"], &message["params"]["arguments"]);
    let text = "x".repeat(usize::try_from(arguments["bytes"].as_u64().unwrap()).unwrap());
    if arguments["progress"] == true {
        let token = &message["params"]["_meta"]["progressToken"];
        notify("notifications/progress", &json!({"progressToken": token, "progress": 1}));
    }
    let mut out = std::io::stdout().lock();
    let line = match arguments["how"].as_str() {
        Some("id last") => format!(r#"{{"result":{{"text":"{text}"}},"jsonrpc":"2.0","id":{id}}}"#),
        Some("damaged") => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"text":"{text}"]}}"#),
        _ => format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"text\":\"{text}\"}}}}\r"),
    };
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
    drop(out);
    if arguments["how"] == "damaged" {
        answer(id, &json!({"after": "all"}));
    }
}

fn answer(id: &Value, result: &Value) {
    say(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
}

fn notify(method: &str, params: &Value) {
    say(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
}

fn say(message: &Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{message}").unwrap();
    out.flush().unwrap();
}
