//! The pages, a file each: struct, handlers, tests. What is posted to a page is in its file too.

use crate::routes::Routes;

mod agent;
mod agents;
mod chooser;
mod invite;
mod key_form;
mod keys;
mod landing;
mod login;
mod members;
mod sessions;
mod signup;
mod team;
mod teams;
mod theme;

/// All of them.
pub(crate) fn routes(routes: Routes) -> Routes {
    let pages: [fn(Routes) -> Routes; 13] = [
        landing::routes,
        theme::routes,
        signup::routes,
        login::routes,
        invite::routes,
        chooser::routes,
        sessions::routes,
        members::routes,
        teams::routes,
        team::routes,
        agents::routes,
        agent::routes,
        keys::routes,
    ];
    pages.into_iter().fold(routes, |routes, add| add(routes))
}
