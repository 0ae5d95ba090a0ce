//! Scripts, sent by their hash.

use std::fmt::{self, Display};

use redis::{Arg, Cmd, RedisWrite as _, ToRedisArgs};

/// Room for the texts of a usual call, so that they are written without moving what is there already.
const TEXTS: usize = 32;
const BYTES: usize = 1024;

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
    keys: Texts,
    arguments: Texts,
}

/// Texts in one buffer, that of a command without a name. They may hold secrets.
struct Texts(Cmd);

impl Script {
    /// A script with this text.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), hash: redis::Script::new(code).get_hash().to_owned() }
    }

    /// A call without keys and arguments yet.
    #[must_use]
    pub fn prepare(&self) -> Call<'_> {
        Call { script: self, keys: Texts::new(), arguments: Texts::new() }
    }
}

impl Call<'_> {
    /// Adds a key. The first tells which node of a cluster runs it.
    pub fn key(&mut self, key: impl Display) -> &mut Self {
        self.keys.0.write_arg_fmt(key);
        self
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: impl ToRedisArgs) -> &mut Self {
        self.arguments.0.arg(argument);
        self
    }

    /// Adds an argument, as it is displayed.
    pub fn text(&mut self, argument: impl Display) -> &mut Self {
        self.arguments.0.write_arg_fmt(argument);
        self
    }

    pub(crate) fn route(&self) -> &str {
        self.keys.all().next().and_then(|key| str::from_utf8(key).ok()).unwrap_or_default()
    }

    pub(crate) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    /// For a store that does not know the script; it does afterwards.
    pub(crate) fn in_full(&self) -> Cmd {
        self.command("EVAL", &self.script.code)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let texts = || self.keys.all().chain(self.arguments.all());
        let mut command = Cmd::new();
        command.reserve_space_for_args(texts().map(<[u8]>::len).chain([name.len(), script.len(), 8]));
        command.arg(name).arg(script).arg(self.keys.all().len());
        texts().for_each(|text| command.write_arg(text));
        command
    }
}

impl Texts {
    fn new() -> Self {
        Self(Cmd::with_capacity(TEXTS, BYTES))
    }

    fn all(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.args_iter().map(|text| match text {
            Arg::Simple(text) => text,
            // A cursor, of which there is none.
            _ => &[],
        })
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} texts", self.all().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_before_arguments_and_nothing_is_told_of_either() {
        let script = Script::new("return 1");
        let mut call = script.prepare();
        call.key("k{1}").arg(-7).key(format_args!("k{{1}}{}", 2)).text("hidden").arg("");
        let sent = call.in_full();
        let sent: Vec<_> = sent.args_iter().collect();
        let expected = ["EVAL", "return 1", "2", "k{1}", "k{1}2", "-7", "hidden", ""];
        assert_eq!(sent, expected.map(|text| Arg::Simple(text.as_bytes())));
        assert_eq!(call.route(), "k{1}");
        assert!(!format!("{call:?}").contains("hidden"));
    }
}
