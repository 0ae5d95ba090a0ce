//! Scripts, sent by their hash.

use redis::{Cmd, ToRedisArgs};

/// A Lua script. All keys of a call have to be in one slot.
#[derive(Debug)]
pub struct Script {
    code: String,
    hash: String,
}

/// A script with its keys and arguments.
#[derive(Debug)]
pub struct Call<'a> {
    script: &'a Script,
    keys: Vec<String>,
    arguments: Arguments,
}

/// Whose text may hold secrets.
struct Arguments(Vec<Vec<u8>>);

impl Script {
    /// A script with this text.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), hash: redis::Script::new(code).get_hash().to_owned() }
    }

    /// A call without keys and arguments yet.
    #[must_use]
    pub fn prepare(&self) -> Call<'_> {
        Call { script: self, keys: Vec::new(), arguments: Arguments(Vec::new()) }
    }
}

impl Call<'_> {
    /// Adds a key. The first tells which node of a cluster runs it.
    pub fn key(&mut self, key: impl Into<String>) -> &mut Self {
        self.keys.push(key.into());
        self
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: impl ToRedisArgs) -> &mut Self {
        argument.write_redis_args(&mut self.arguments.0);
        self
    }

    pub(crate) fn route(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    pub(crate) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    /// For a store that does not know the script; it does afterwards.
    pub(crate) fn in_full(&self) -> Cmd {
        self.command("EVAL", &self.script.code)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.arguments.0);
        command
    }
}

impl std::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} arguments", self.0.len())
    }
}
