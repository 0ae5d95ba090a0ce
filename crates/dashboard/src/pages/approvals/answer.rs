//! Approving and refusing.

use accounts::{Answer as Said, AnswerForm};
use domain::{ApprovalId, Permission};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Visit, go_to_with};

use super::request::{Named, load};
use crate::{
    form::{Errors, Input},
    page::{form_again, id},
    routes::{Routes, Who},
};

/// The inputs by the fields of the use case.
const INPUTS: &[Input] = &[Input::same("reason", "The reason")];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    answer: String,
    reason: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    // Whoever sees the account: a policy may leave the answer to a team, whatever its members' roles are.
    routes.post("/app/{account}/approvals/{approval}", Who::Member(Permission::ViewCalls), answer)
}

async fn answer(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    let approval: ApprovalId = id(&named.approval)?;
    let said = if typed.answer == "approve" { Said::Approve } else { Said::Refuse };
    let form = AnswerForm { answer: said, reason: typed.reason.clone() };
    match visit.accounts().answer_approval(visit.caller(), approval, &form).await {
        Ok(_) => {
            let done = match said {
                Said::Approve => "Approved. The same call passes once; the caller only has to repeat it.",
                Said::Refuse => "Refused. The caller is told so when it asks again.",
            };
            Ok(go_to_with(visit.kit(), &format!("{}/approvals/{approval}", visit.home()), &Flash::done(done)))
        }
        Err(refused) => {
            let errors = Errors::of(refused, INPUTS)?;
            let mut made = load(&visit, approval).await?;
            made.errors = errors;
            made.reason = typed.reason;
            form_again(&made)
        }
    }
}
