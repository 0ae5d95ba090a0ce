//! The real MLflow server and a real client, on either side of the tunnel.

use std::{process::Stdio, time::Duration};

use connector::ChildCommand;
use serde_json::{Value, json};
use tokio::{process::Command, time::timeout};

use crate::{
    front,
    gateway::Gateway,
    rig::{carry_child, limits},
};

/// The programs' folders: a Python with `mlflow-mcp`, and one with the SDK `mcp`.
const MLFLOW_VENV: &str = "MLFLOW_VENV";
const CLIENT_VENV: &str = "MCP_CLIENT_VENV";

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../portcullis/tests/mlflow/client_python.py");

#[tokio::test]
#[ignore = "needs the real programs; set MLFLOW_VENV and MCP_CLIENT_VENV to their folders"]
async fn mlflow_mcp_serves_the_python_sdk_in_both_modes() {
    let (mlflow, client) = (std::env::var(MLFLOW_VENV).unwrap(), std::env::var(CLIENT_VENV).unwrap());
    let folder = std::env::temp_dir().join(format!("connector-real-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let gateway = Gateway::start().await;
    let command = ChildCommand {
        program: format!("{mlflow}/bin/mlflow-mcp").into(),
        args: Vec::new(),
        env: vec![("MLFLOW_TRACKING_URI".into(), format!("sqlite:///{}/mlflow.db", folder.display()).into())],
    };
    let mut connector = carry_child(&gateway, limits(), command);
    let url = front::serve(gateway.accept().await).await;
    for mode in ["legacy", "auto"] {
        let seen = run(&client, &[CLIENT, &url, "no-key", mode, "get_experiments", "{}", "2"]).await;
        assert_eq!(seen["tools"].as_array().unwrap().len(), 40, "{mode}");
        assert_eq!(seen["calls"].as_array().unwrap().len(), 2, "{mode}");
        assert_eq!(seen["calls"][1]["isError"], false, "{mode}: {seen}");
        connector.wait_for_line("server lists 40 tools").await;
        connector.wait_for_line("tools/call get_experiments").await;
    }
    connector.stop().await.unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
#[ignore = "needs the real programs; set MCP_CLIENT_VENV to the folder of a Python with the SDK `mcp`"]
async fn a_server_of_both_eras_serves_clients_of_each() {
    let venv = std::env::var(CLIENT_VENV).unwrap();
    let gateway = Gateway::start().await;
    let command = ChildCommand {
        program: format!("{venv}/bin/python").into(),
        args: vec![concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/both_eras.py").into()],
        env: Vec::new(),
    };
    let connector = carry_child(&gateway, limits(), command);
    let url = front::serve(gateway.accept().await).await;
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/both_eras_client.py");
    for (mode, version) in [("legacy", "2025-11-25"), ("auto", "2026-07-28"), ("2026-07-28", "2026-07-28")] {
        let seen = run(&venv, &[client, &url, mode]).await;
        let sums: Vec<u32> = (1..=20).collect();
        let expected =
            json!({"version": version, "tools": ["add", "count"], "sums": sums, "progress": [0.0, 1.0, 2.0]});
        assert_eq!(seen, expected, "{mode}");
    }
    connector.stop().await.unwrap();
}

/// Runs a Python program that prints one JSON document.
async fn run(venv: &str, args: &[&str]) -> Value {
    let mut client = Command::new(format!("{venv}/bin/python"));
    client.args(args).stderr(Stdio::inherit());
    let output = timeout(Duration::from_secs(240), client.output()).await.expect("ends in time").unwrap();
    assert!(output.status.success(), "{args:?} ended with {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}
