//! What an app that may only read is refused besides calls of tools, whose class `decide` knows: what could change something
//! without being a call.

use domain::Access;
use mcp::{Message, Method};

use crate::{
    authenticate::Caller,
    failure::{Failure, Recorded},
};

/// Whether the caller may send this message at all, to a server whose settings treat unknown methods like that. Calls of tools are looked at once their class is known.
pub(crate) fn check(caller: &Caller, unknown_methods: Access, message: &Message<'_>) -> Result<(), Failure> {
    let kind = match message {
        Message::Request(request) => request.kind,
        Message::Notification(notification) => notification.kind,
        Message::Response(_) => return Ok(()),
    };
    if changes(kind, unknown_methods) && !caller.scopes.contains(domain::Scope::Write) {
        return Err(Failure::Scope(Recorded::No));
    }
    Ok(())
}

/// A method that nobody knows could do anything, where such pass at all; a task may be another app's of the same person.
fn changes(kind: Method, unknown_methods: Access) -> bool {
    match kind {
        Method::Unknown => unknown_methods == Access::On,
        Method::TasksUpdate | Method::TasksCancel => true,
        _ => false,
    }
}
