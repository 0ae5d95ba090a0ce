//! Open files: thousands of connections need as many.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as the system lets this process and its children have.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // What cannot be raised stays: opening the connections will tell.
    let _unchanged = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
