#![doc = include_str!("../README.md")]

mod address;
mod answer;
mod config;
pub mod cookies;
mod extract;
mod flash;
mod form_target;
mod guard;
mod kit;
mod local_path;
mod problem;
mod rescue;
mod stage;
mod visit;

pub use address::client_ip;
pub use answer::{Answer, Keep, go_to, go_to_with, html};
pub use config::{Config, Origin, OriginError};
pub use extract::{Form, Path, Query};
pub use flash::{Flash, FlashKind};
pub use form_target::FormTarget;
pub use kit::{ErrorPage, Kit};
pub use local_path::LocalPath;
pub use problem::{ErrorView, LostForm, Problem};
pub use rescue::MAX_FORM_BYTES;
pub use stage::{Purpose, Stage, Theme};
pub use visit::{Anyone, Member, Visit, Visitor};
