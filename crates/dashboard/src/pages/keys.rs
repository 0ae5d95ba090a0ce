//! `/app/{account}/keys`: the reader's own keys.

use askama::Template;
use domain::{KeyId, Permission, Principal};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::key_form::{INPUTS, KeyLine, NewKey, Typed};
use crate::{
    form::{Choice, Errors},
    page::{form_again, id, page, page_with_secret},
    routes::{Routes, Who},
    shell::{Shell, Tab},
};

#[derive(Template)]
#[template(path = "people/keys.html")]
struct KeysPage {
    shell: Shell,
    errors: Errors,
    may_revoke: bool,
    keys_path: String,
    keys: Vec<KeyLine>,
    new_key: Option<NewKey>,
    label: String,
    expiries: Vec<Choice>,
}

#[derive(Deserialize)]
struct Named {
    key: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let own = Who::Member(Permission::OwnKeys);
    routes.get("/app/{account}/keys", own, show).post("/app/{account}/keys", own, create).post(
        "/app/{account}/keys/{key}/revoke",
        own,
        revoke,
    )
}

fn path(visit: &Visit<Member>) -> String {
    format!("{}/keys", visit.home())
}

async fn load(
    visit: &Visit<Member>,
    typed: &Typed,
    new_key: Option<NewKey>,
    errors: Errors,
) -> Result<KeysPage, Problem> {
    let now = visit.kit().now();
    let keys = visit.accounts().my_keys(visit.caller()).await?;
    Ok(KeysPage {
        shell: Shell::account(visit, Tab::Keys, "My keys"),
        errors,
        may_revoke: true,
        keys_path: path(visit),
        keys: keys.into_iter().map(|key| KeyLine::of(key, now)).collect(),
        new_key,
        label: typed.label.clone(),
        expiries: typed.expiries(),
    })
}

async fn show(visit: Visit<Member>) -> Answer {
    page(&load(&visit, &Typed::default(), None, Errors::none()).await?)
}

async fn create(visit: Visit<Member>, Form(typed): Form<Typed>) -> Answer {
    let me = Principal::Member(visit.caller().user());
    let asked = match typed.read(me, visit.kit().now()) {
        Ok(asked) => asked,
        Err(errors) => return form_again(&load(&visit, &typed, None, errors).await?),
    };
    match visit.accounts().new_key(visit.caller(), &asked).await {
        Ok(created) => {
            let new_key = NewKey::of(&visit, &asked.label, &created.token);
            page_with_secret(&load(&visit, &Typed::default(), Some(new_key), Errors::none()).await?)
        }
        Err(refused) => form_again(&load(&visit, &typed, None, Errors::of(refused, &INPUTS)?).await?),
    }
}

async fn revoke(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let key: KeyId = id(&named.key)?;
    visit.accounts().revoke_key(visit.caller(), key).await?;
    Ok(go_to_with(visit.kit(), &path(&visit), &Flash::done("The key is revoked.")))
}
