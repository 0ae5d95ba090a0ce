//! Giving a grant: `/app/{account}/grants/new` to choose the server, then its form, then the key and where to put it.

use accounts::{CreatedGrant, ServerView};
use askama::Template;
use domain::ServerSlug;
use serde::Deserialize;
use web_kit::{Answer, Form, Member, Path, Problem, Query, Visit, go_to};

use super::{
    grant_form::{GrantForm, INPUTS, NEEDS, Subject, Typed},
    server::{FirstCall, Named, base},
};
use crate::{
    form::Errors,
    page::{escape, form_again, id, page, page_with_secret},
    routes::{Routes, Who},
    shell::{Shell, Tab},
    snippets::{Snippet, snippets},
};

/// Which server?
#[derive(Template)]
#[template(path = "grants/choose.html")]
struct ChooseServerPage {
    shell: Shell,
    servers: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "grants/new.html")]
struct NewGrantPage {
    shell: Shell,
    base: String,
    server: String,
    form: GrantForm,
}

/// The grant is given; the key is shown this once.
#[derive(Template)]
#[template(path = "grants/created.html")]
struct CreatedPage {
    shell: Shell,
    base: String,
    address: String,
    server: String,
    subject: Subject,
    key: Option<String>,
    gateway_url: String,
    account_url: String,
    snippets: Vec<Snippet>,
    first_call: FirstCall,
}

/// Presets of the form.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Preset {
    server: String,
    team: String,
    agent: String,
    member: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let give = Who::Member(NEEDS);
    routes
        .get("/app/{account}/grants/new", give, choose)
        .get("/app/{account}/servers/{server}/grants/new", give, show)
        .post("/app/{account}/servers/{server}/grants", give, create)
}

async fn choose(visit: Visit<Member>, Query(preset): Query<Preset>) -> Answer {
    super::needs(&visit, NEEDS)?;
    let servers = visit.accounts().list_servers(visit.caller()).await?;
    let query = preset.query();
    let to = |slug: &ServerSlug| format!("{}/grants/new{query}", base(&visit, slug));
    let chosen = servers.iter().find(|server| server.slug.as_str() == preset.server);
    if let Some(only) = chosen.or_else(|| servers.first().filter(|_| servers.len() == 1)) {
        return Ok(go_to(&to(&only.slug)));
    }
    page(&ChooseServerPage {
        servers: servers.iter().map(|server| (to(&server.slug), server.name.to_string())).collect(),
        shell: Shell::account(&visit, Tab::Grants, "New grant").await?,
    })
}

impl Preset {
    fn query(&self) -> String {
        let named = [("team", &self.team), ("agent", &self.agent), ("member", &self.member)];
        let given = named.into_iter().find(|(_, value)| !value.is_empty());
        given.map(|(name, value)| format!("?{name}={}", escape(value))).unwrap_or_default()
    }

    fn typed(self) -> Typed {
        let subject = match (self.team.is_empty(), self.agent.is_empty(), self.member.is_empty()) {
            (false, _, _) => Subject::Team,
            (_, false, _) => Subject::Agent,
            (_, _, false) => Subject::Member,
            _ => Subject::Me,
        };
        Typed {
            subject,
            team: self.team,
            agent: self.agent,
            member: self.member,
            key: "yes".to_owned(),
            ..Typed::default()
        }
    }
}

async fn show(visit: Visit<Member>, Path(named): Path<Named>, Query(preset): Query<Preset>) -> Answer {
    super::needs(&visit, NEEDS)?;
    let server = found(&visit, &named).await?;
    page(&form(&visit, &server, &preset.typed(), Errors::none()).await?)
}

async fn found(visit: &Visit<Member>, named: &Named) -> Result<ServerView, Problem> {
    let slug: ServerSlug = id(&named.server)?;
    Ok(visit.accounts().server(visit.caller(), &slug).await?)
}

async fn form(
    visit: &Visit<Member>,
    server: &ServerView,
    typed: &Typed,
    errors: Errors,
) -> Result<NewGrantPage, Problem> {
    Ok(NewGrantPage {
        shell: Shell::account(visit, Tab::Grants, &format!("New grant for {}", server.name)).await?,
        base: base(visit, &server.slug),
        server: server.name.to_string(),
        form: GrantForm::with(visit, server, typed, errors).await?,
    })
}

async fn create(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    super::needs(&visit, NEEDS)?;
    let server = found(&visit, &named).await?;
    let mut errors = Errors::none();
    let teams = visit.accounts().teams(visit.caller()).await?;
    let team = teams.into_iter().find(|team| team.slug.as_str() == typed.team).map(|team| team.id);
    let Some(asked) = typed.read(&visit, &server, team, &mut errors) else {
        return form_again(&form(&visit, &server, &typed, errors).await?);
    };
    match visit.accounts().create_grant(visit.caller(), &asked).await {
        Ok(created) => page_with_secret(&created_page(&visit, &server, typed.subject, created).await?),
        Err(refused) => form_again(&form(&visit, &server, &typed, Errors::of(refused, INPUTS)?).await?),
    }
}

async fn created_page(
    visit: &Visit<Member>,
    server: &ServerView,
    subject: Subject,
    created: CreatedGrant,
) -> Result<CreatedPage, Problem> {
    let base = base(visit, &server.slug);
    let key = created.key.map(|key| key.token.expose().to_owned());
    Ok(CreatedPage {
        shell: Shell::account(visit, Tab::Grants, "The grant is in force").await?,
        address: base.clone(),
        server: server.name.to_string(),
        subject,
        snippets: snippets(server.slug.as_str(), &created.gateway_url, key.as_deref().unwrap_or("YOUR_KEY")),
        first_call: FirstCall::of(None, visit, &base),
        gateway_url: created.gateway_url,
        account_url: created.account_gateway_url,
        key,
        base,
    })
}

impl CreatedPage {
    /// Said where no key was made along with the grant.
    fn whose_key(&self) -> &'static str {
        match self.subject {
            Subject::Team => {
                "Each member of the team uses it with a client that logs in as them, or with a key made on their page “My keys”."
            }
            Subject::Member => {
                "They use it with a client that logs in as them, or with a key made on their page “My keys”."
            }
            Subject::Me => "It works with the keys and connected apps that you have already.",
            Subject::NewAgent | Subject::Agent => "It works with the keys that are there already.",
        }
    }
}

#[cfg(test)]
mod tests;
