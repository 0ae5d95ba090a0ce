//! A policy's name, and its removal.

use domain::Permission;
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::{Bench, Extra, Named, Subject, Typed};
use crate::{
    form::{Errors, Input},
    page::form_again,
    routes::{Routes, Who},
};

/// The input of the name by the field of the use case.
const INPUTS: &[Input] = &[Input { field: "name", id: "new_name", called: "The name" }];

#[derive(Deserialize, Default)]
#[serde(default)]
struct NewName {
    new_name: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let write = Who::Member(Permission::WritePolicies);
    routes.post("/app/{account}/servers/{server}/policies/{policy}/rename", write, rename).post(
        "/app/{account}/servers/{server}/policies/{policy}/remove",
        write,
        remove,
    )
}

async fn rename(visit: Visit<Member>, Path(named): Path<Named>, Form(asked): Form<NewName>) -> Answer {
    let subject = Subject::find(&visit, &named, None).await?;
    let policy = subject.id().ok_or(Problem::NotFound)?;
    match visit.accounts().rename_policy(visit.caller(), policy, &asked.new_name).await {
        Ok(()) => Ok(go_to_with(visit.kit(), &subject.path, &Flash::done("The policy is renamed."))),
        Err(refused) => {
            let extra =
                Extra { errors: Errors::of(refused, INPUTS)?, new_name: Some(asked.new_name), ..Extra::default() };
            opened(&visit, subject, extra).await
        }
    }
}

async fn remove(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let subject = Subject::find(&visit, &named, None).await?;
    let view = subject.view.as_ref().ok_or(Problem::NotFound)?;
    match visit.accounts().remove_policy(visit.caller(), view.policy.id).await {
        Ok(()) => {
            let done = Flash::done(format!("The policy “{}” is removed.", view.policy.name));
            Ok(go_to_with(visit.kit(), &format!("{}#policy-step", subject.base), &done))
        }
        Err(refused) => {
            let extra = Extra { errors: Errors::of(refused, INPUTS)?, ..Extra::default() };
            opened(&visit, subject, extra).await
        }
    }
}

/// The workbench as it is saved, with why this was refused.
async fn opened(visit: &Visit<Member>, subject: Subject, extra: Extra) -> Answer {
    let typed = subject.view.as_ref().map(Typed::of).unwrap_or_default();
    form_again(&Bench::make(visit, subject, typed, extra).await?)
}
