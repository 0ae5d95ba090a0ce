//! Probes a URL and prints what was found: `cargo run -p upstream --example probe -- http://127.0.0.1:5001/mcp`.

use upstream::{Dialer, DialerConfig, Egress, Limits, StepOutcome, Target, UpstreamUrl, probe};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("say which URL")?;
    let dialer = Dialer::new(DialerConfig::new(Egress::PRIVATE_ALLOWED))?;
    let uri = UpstreamUrl::parse_for(&url, dialer.egress())?.to_uri()?;
    let client = mcp::OwnClient { name: "portcullis", version: env!("CARGO_PKG_VERSION") };
    let found =
        probe(&dialer, Target { uri, headers: http::HeaderMap::new(), client, limits: Limits::default() }).await;
    for step in &found.steps {
        match &step.outcome {
            StepOutcome::Ok(words) => println!("{}: {words}", step.name.title()),
            StepOutcome::Failed { words, upstream_words } => {
                println!("{}: FAILED: {words} {}", step.name.title(), upstream_words.as_deref().unwrap_or_default());
            }
        }
    }
    for tool in &found.tools {
        println!("  {} ({} bytes)", tool.name, tool.definition.len());
    }
    Ok(())
}
