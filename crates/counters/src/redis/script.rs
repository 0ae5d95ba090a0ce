//! The scripts, put together from parts: a clock, the shared arithmetic, and what each does.

use redis_kit::Script;

/// The store's own clock, and expiry by it.
const STORE_CLOCK: &str = include_str!("store_clock.lua");
/// The caller's clock.
const SET_CLOCK: &str = include_str!("set_clock.lua");
const DECIMAL: &str = include_str!("decimal.lua");
const WINDOW: &str = include_str!("window.lua");
const APPROVAL: &str = include_str!("approval.lua");
const RESERVE: &str = include_str!("reserve.lua");
const GIVE_BACK: &str = include_str!("give_back.lua");
const READ: &str = include_str!("read.lua");
const ANSWER: &str = include_str!("answer.lua");
const WITHDRAW: &str = include_str!("withdraw.lua");

pub(super) struct Scripts {
    pub(super) reserve: Script,
    pub(super) give_back: Script,
    pub(super) read: Script,
    pub(super) answer: Script,
    pub(super) withdraw: Script,
}

impl Scripts {
    pub(super) fn with_store_clock() -> Self {
        Self::with_clock(STORE_CLOCK)
    }

    /// Everything the same but for `now()`, which every call brings along, and expiry, which is the store's own.
    pub(super) fn with_set_clock() -> Self {
        Self::with_clock(SET_CLOCK)
    }

    fn with_clock(clock: &str) -> Self {
        let script = |body| Script::new(&[clock, DECIMAL, WINDOW, APPROVAL, body].join("\n"));
        Self {
            reserve: script(RESERVE),
            give_back: script(GIVE_BACK),
            read: Script::new(&[clock, DECIMAL, WINDOW, READ].join("\n")),
            answer: script(ANSWER),
            withdraw: script(WITHDRAW),
        }
    }
}
