//! Step 4: waiting for the first call, and then the call.

use accounts::CallView;
use askama::Template;
use domain::{Permission, ServerSlug};
use web_kit::{Answer, Member, Path, Visit};

use super::{Named, base, connect::finished};
use crate::{
    page::{id, page},
    pages::calls::CallLine,
    routes::{Routes, Who},
};

/// The panel.
#[derive(Template)]
#[template(path = "servers/first_call.html")]
pub(crate) struct FirstCall {
    base: String,
    call: Option<CallLine>,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    routes.get("/app/{account}/servers/{server}/live/first-call", Who::Member(Permission::ViewCalls), live)
}

impl FirstCall {
    pub(crate) fn of(call: Option<CallView>, visit: &Visit<Member>, base: &str) -> Self {
        Self { base: base.to_owned(), call: call.map(|call| CallLine::of(call, &visit.home())) }
    }

    /// Whether this step is behind the reader.
    pub(crate) fn done(&self) -> bool {
        self.call.is_some()
    }
}

async fn live(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let call = visit.accounts().first_call(visit.caller(), server.id).await?;
    let panel = FirstCall::of(call, &visit, &base(&visit, &slug));
    let done = panel.done();
    Ok(finished(page(&panel)?, done))
}
