//! The command line. Every option can also come from the environment.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use clap::{Args, Parser, Subcommand, builder::BoolishValueParser};

/// The gate between AI agents and MCP servers.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything in one process: dashboard, gateway, a private PostgreSQL, counters in process
    Up(Up),
    /// The control plane: accounts, dashboard, background jobs (needs PostgreSQL and Redis)
    Control(Control),
    /// The data plane (needs Redis)
    Gateway(Gateway),
    /// Connect a stdio server, or a private HTTP server, to its gateway
    Connect(Connect),
    /// Check and test policy files
    #[command(subcommand)]
    Policy(Policy),
    /// Bring the database's schema up to date and exit
    Migrate(Database),
}

#[derive(Debug, Args)]
pub struct Up {
    /// Where to listen; keep it on loopback unless something in front speaks TLS
    #[arg(long, env = "PORTCULLIS_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Folder for all data [default: /var/lib/portcullis as root, ~/.local/share/portcullis otherwise]
    #[arg(long, env = "PORTCULLIS_DATA", value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// The address people and clients use [default: http:// and the listening address]
    #[arg(long, env = "PORTCULLIS_ORIGIN", value_name = "URL")]
    pub origin: Option<String>,
    /// Use this PostgreSQL instead of a private one
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// Use this Redis or Valkey instead of counters in process
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis_url: Option<String>,
    /// Refuse upstream servers on private and loopback addresses
    #[arg(long, env = "PORTCULLIS_REFUSE_PRIVATE_UPSTREAMS", value_parser = BoolishValueParser::new())]
    pub refuse_private_upstreams: bool,
    /// Believe X-Forwarded-For from these networks, for example 10.0.0.0/8 or 10.0.0.5/32
    #[arg(long, env = "PORTCULLIS_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Most connections from one address; this machine and trusted proxies are not counted
    #[arg(long, env = "PORTCULLIS_CONNECTIONS_PER_ADDRESS", default_value_t = 1024, value_name = "NUMBER")]
    pub connections_per_address: usize,
    #[command(flatten)]
    pub answers: Answers,
    #[command(flatten)]
    pub keep: Keep,
}

#[derive(Debug, Args)]
pub struct Control {
    /// Where to listen
    #[arg(long, env = "PORTCULLIS_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// The address people use in the browser
    #[arg(long, env = "PORTCULLIS_ORIGIN", value_name = "URL")]
    pub origin: String,
    /// The address MCP clients use [default: the same as --origin]
    #[arg(long, env = "PORTCULLIS_GATEWAY_ORIGIN", value_name = "URL")]
    pub gateway_origin: Option<String>,
    /// Where the control plane itself reaches a gateway, for test calls [default: --gateway-origin]
    #[arg(long, env = "PORTCULLIS_GATEWAY_INTERNAL", value_name = "URL")]
    pub gateway_internal: Option<String>,
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub shared: Shared,
    /// Believe X-Forwarded-For from these networks, for example 10.0.0.0/8 or 10.0.0.5/32
    #[arg(long, env = "PORTCULLIS_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Most connections from one address; this machine and trusted proxies are not counted
    #[arg(long, env = "PORTCULLIS_CONNECTIONS_PER_ADDRESS", default_value_t = 1024, value_name = "NUMBER")]
    pub connections_per_address: usize,
    #[command(flatten)]
    pub keep: Keep,
}

#[derive(Debug, Args)]
pub struct Gateway {
    /// Where to listen
    #[arg(long, env = "PORTCULLIS_LISTEN", default_value = "127.0.0.1:8081", value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// The address MCP clients use
    #[arg(long, env = "PORTCULLIS_GATEWAY_ORIGIN", value_name = "URL")]
    pub gateway_origin: String,
    /// The address people use in the browser; pages there may call this gateway, and its access
    /// tokens open it [default: --gateway-origin]
    #[arg(long, env = "PORTCULLIS_ORIGIN", value_name = "URL")]
    pub origin: Option<String>,
    /// Folder for records that wait while Redis is away
    #[arg(long, env = "PORTCULLIS_SPOOL", default_value = "/var/lib/portcullis/spool", value_name = "FOLDER")]
    pub spool: PathBuf,
    /// Where to listen for the other gateways of this deployment; `off` for nowhere [default: the address of --listen, on a
    /// free port]
    #[arg(long, env = "PORTCULLIS_MESH_LISTEN", value_name = "ADDRESS:PORT")]
    pub mesh_listen: Option<MeshListen>,
    /// Where the other gateways reach this one [default: where it listens; if that is every address, the one it has
    /// towards Redis]
    #[arg(long, env = "PORTCULLIS_MESH_ADDRESS", value_name = "HOST:PORT")]
    pub mesh_address: Option<String>,
    #[command(flatten)]
    pub shared: Shared,
    /// Believe X-Forwarded-For from these networks, for example 10.0.0.0/8 or 10.0.0.5/32
    #[arg(long, env = "PORTCULLIS_TRUSTED_PROXIES", value_delimiter = ',', value_name = "NETWORK")]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Most connections from one address; this machine and trusted proxies are not counted
    #[arg(long, env = "PORTCULLIS_CONNECTIONS_PER_ADDRESS", default_value_t = 1024, value_name = "NUMBER")]
    pub connections_per_address: usize,
    #[command(flatten)]
    pub answers: Answers,
}

/// How long a gateway waits for answers, and how large they may be.
#[derive(Debug, Args)]
pub struct Answers {
    /// Longest silence of a server that works on a request; progress and anything else it sends begins it anew
    #[arg(long, env = "PORTCULLIS_ANSWER_SILENCE", default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub answer_silence: u64,
    /// Longest time until the whole answer of a server is here, whatever its signs of life
    #[arg(long, env = "PORTCULLIS_ANSWER_WITHIN", default_value_t = 3_600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub answer_within: u64,
    /// Largest answer that may stream through, in MiB
    #[arg(long, env = "PORTCULLIS_LARGEST_ANSWER", default_value_t = 1_024, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub largest_answer: u32,
    /// Largest request that is taken from a client, in MiB
    #[arg(long, env = "PORTCULLIS_LARGEST_REQUEST", default_value_t = 4, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub largest_request: u32,
}

/// How long what callers sent is kept.
#[derive(Clone, Copy, Debug, Args)]
pub struct Keep {
    /// How long the sealed arguments of calls, and of requests for approval after their end, are kept
    #[arg(long, env = "PORTCULLIS_KEEP_ARGUMENTS", default_value_t = 90, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_arguments: u32,
    /// How long requests for approval are kept after their end, with who answered and why
    #[arg(long, env = "PORTCULLIS_KEEP_APPROVALS", default_value_t = 400, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_approvals: u32,
}

impl Keep {
    pub fn retention(self) -> accounts::Retention {
        accounts::Retention { arguments_days: self.keep_arguments, approvals_days: self.keep_approvals }
    }
}

/// What control planes and gateways of one deployment have in common.
#[derive(Debug, Args)]
pub struct Shared {
    /// Redis or Valkey
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis_url: String,
    /// The deployment key: 32 bytes in base64; `openssl rand -base64 32` makes one
    #[arg(
        long,
        env = "PORTCULLIS_KEY",
        hide_env_values = true,
        value_name = "KEY",
        required_unless_present = "key_file"
    )]
    pub key: Option<String>,
    /// File with the deployment key
    #[arg(long, env = "PORTCULLIS_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Allow upstream servers on private and loopback addresses
    #[arg(long, env = "PORTCULLIS_ALLOW_PRIVATE_UPSTREAMS", value_parser = BoolishValueParser::new())]
    pub allow_private_upstreams: bool,
}

#[derive(Debug, Args)]
pub struct Database {
    /// PostgreSQL 15 or newer, as a role that cannot bypass row-level security
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: String,
}

#[derive(Debug, Args)]
pub struct Connect {
    /// The token from the server's page
    #[arg(value_name = "TOKEN", env = "PORTCULLIS_CONNECT_TOKEN", hide_env_values = true)]
    #[arg(required_unless_present = "token_file")]
    pub token: Option<String>,
    /// File with the token, read again before every dial, so that a replaced token is picked up
    #[arg(long, env = "PORTCULLIS_CONNECT_TOKEN_FILE", value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// A private Streamable HTTP server instead of a command
    #[arg(long, env = "PORTCULLIS_CONNECT_URL", value_name = "URL", conflicts_with = "command")]
    pub url: Option<String>,
    /// With --url: dial only this host name, address or network (10.0.0.0/8); may be given several times
    #[arg(long, env = "PORTCULLIS_CONNECT_ALLOW", value_delimiter = ',', value_name = "HOST_OR_NETWORK")]
    // A command dials what it likes: an allow-list beside it would be believed to hold.
    #[arg(conflicts_with = "command")]
    pub allow: Vec<connector::Allowed>,
    /// The stdio server's command and its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "url")]
    pub command: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Validate policy documents; every problem is told with its line
    Check {
        /// Policy documents (JSON)
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Run test vectors, and the tests inside policy documents
    Test {
        /// Vector files, or policy documents with `tests`
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Count in a real store instead of the language's own model: `memory`, or the address of a Redis, Valkey or cluster
        /// (redis://…). Only keys of accounts made up for it are written, and removed again
        #[arg(long, value_name = "STORE")]
        counters: Option<String>,
    },
    /// Print the JSON Schema of the language
    Schema,
}

/// What `--mesh-listen` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeshListen {
    /// The other gateways do not reach this one.
    Off,
    At(SocketAddr),
}

impl FromStr for MeshListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            _ => text.parse().map(Self::At).map_err(|_| "give ADDRESS:PORT, or off".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_is_an_address_or_off() {
        assert_eq!("off".parse(), Ok(MeshListen::Off));
        assert_eq!("[::]:7000".parse(), Ok(MeshListen::At("[::]:7000".parse().expect("an address"))));
        assert!("7000".parse::<MeshListen>().is_err());
    }

    fn connect(words: &[&str]) -> Result<Cli, clap::error::ErrorKind> {
        let line = ["portcullis", "connect", "TOKEN"].iter().chain(words);
        Cli::try_parse_from(line).map_err(|error| error.kind())
    }

    #[test]
    fn an_allow_list_that_would_not_be_kept_is_refused() {
        let refused = connect(&["--allow", "10.0.0.0/8", "--", "uvx", "mlflow-mcp"]);
        assert_eq!(refused.map(drop), Err(clap::error::ErrorKind::ArgumentConflict));
        assert!(connect(&["--allow", "10.0.0.0/8", "--url", "http://10.0.0.7/mcp"]).is_ok());
        assert!(connect(&["--", "uvx", "mlflow-mcp"]).is_ok());
    }
}
