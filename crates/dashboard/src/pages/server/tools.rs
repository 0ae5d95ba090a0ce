//! The tools of a server: what each is, how risky and why, and what a policy does with it.

use accounts::{PolicySummary, ServerView, ToolStanding, ToolView};
use askama::Template;
use domain::{Permission, ServerSlug};
use policy::{CompiledPolicy, StandingKind};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::{May, Named, base, connect::finished};
use crate::{
    form::Choice,
    page::{escape, id, page},
    routes::{Routes, Who},
    words::{self, Badge, ClassCount},
};

/// Characters of a description that stand in the table itself.
const FIRST_WORDS: usize = 160;

/// The table of tools; while there are none yet, it is asked for again until there are.
#[derive(Template)]
#[template(path = "servers/tools.html")]
pub(crate) struct ToolsPart {
    base: String,
    may: May,
    tools: Vec<ToolLine>,
    split: Vec<ClassCount>,
    under: Under,
    trouble: Option<String>,
}

/// One tool.
pub(crate) struct ToolLine {
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) first_words: String,
    /// The whole description, when there is more of it.
    pub(crate) description: Option<String>,
    pub(crate) class: Badge,
    pub(crate) evidence: Vec<String>,
    /// Why it is held, when it is.
    pub(crate) held: Option<&'static str>,
    /// The name as the server gives it, for forms.
    pub(crate) raw_name: String,
    pub(crate) under: Option<Badge>,
    pub(crate) try_href: String,
    pub(crate) recommended_href: String,
    pub(crate) catalogue_href: Option<String>,
}

/// The policy that the table shows the tools under.
pub(crate) struct Under {
    pub(crate) name: Option<String>,
    pub(crate) choices: Vec<Choice>,
    compiled: Option<CompiledPolicy>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OfTool {
    tool: String,
}

pub(crate) fn routes(routes: Routes) -> Routes {
    let manage = Who::Member(Permission::ManageServers);
    routes
        .get("/app/{account}/servers/{server}/live/tools", Who::Member(Permission::View), live)
        .post("/app/{account}/servers/{server}/tools/refresh", manage, refresh)
        .post("/app/{account}/servers/{server}/tools/accept", manage, accept)
}

impl Under {
    pub(crate) async fn of(visit: &Visit<Member>, policies: &[PolicySummary], asked: &str) -> Result<Self, Problem> {
        let chosen = policies.iter().find(|policy| policy.id.to_string() == asked);
        let Some(chosen) = chosen.or_else(|| policies.iter().max_by_key(|policy| policy.grants)) else {
            return Ok(Self { name: None, choices: Vec::new(), compiled: None });
        };
        let saved = visit.accounts().policy(visit.caller(), chosen.id, None).await?;
        let choice = |policy: &PolicySummary| Choice {
            value: policy.id.to_string(),
            label: policy.name.to_string(),
            selected: policy.id == chosen.id,
        };
        Ok(Self {
            name: Some(chosen.name.to_string()),
            choices: policies.iter().map(choice).collect(),
            compiled: CompiledPolicy::compile(&saved.document).ok(),
        })
    }

    fn on(&self, tool: &ToolView) -> Option<Badge> {
        let compiled = self.compiled.as_ref()?;
        Some(match policy::standings(Some(compiled), &tool.name, tool.class).kind {
            StandingKind::Open => Badge { class: "allowed", sign: "✓", word: "May be called" },
            StandingKind::Approval => Badge { class: "warn", sign: "‖", word: "Needs approval" },
            StandingKind::Denied => Badge { class: "denied", sign: "✕", word: "Denied" },
            StandingKind::Hidden => Badge { class: "denied", sign: "✕", word: "Hidden" },
        })
    }
}

impl ToolsPart {
    pub(crate) fn of(server: &ServerView, under: Under, base: &str, may: May) -> Self {
        Self {
            base: base.to_owned(),
            may,
            tools: lines(server, &under, base),
            split: words::counted(&server.risk),
            under,
            trouble: server.tools_error.as_deref().map(words::visible),
        }
    }

    /// Whether there is something to wait for.
    pub(crate) fn waiting(&self) -> bool {
        self.tools.is_empty()
    }
}

async fn live(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let policies = visit.accounts().list_policies(visit.caller(), server.id).await?;
    let under = Under::of(&visit, &policies, "").await?;
    let part = ToolsPart::of(&server, under, &base(&visit, &slug), May::of(&visit));
    let done = !part.waiting();
    Ok(finished(page(&part)?, done))
}

fn lines(server: &ServerView, under: &Under, base: &str) -> Vec<ToolLine> {
    let catalogue_href =
        |tool: &ToolView| tool.catalogue.as_ref().map(|(server, tool)| format!("/catalogue/{server}/{tool}"));
    let line = |tool: &ToolView| {
        let description = words::visible(tool.description.trim());
        let first = first_words(&description);
        let escaped = escape(&tool.name);
        ToolLine {
            name: words::visible(&tool.name),
            title: tool.title.as_deref().map(words::visible),
            description: (first != description).then_some(description),
            first_words: first,
            class: words::class(tool.class),
            evidence: tool.evidence.clone(),
            held: match tool.standing {
                ToolStanding::Accepted => None,
                ToolStanding::New => Some("New: held until someone accepts it"),
                ToolStanding::Changed => Some("Changed: held until someone accepts it"),
                ToolStanding::LookAlike => Some("Looks like another tool's name: held until someone accepts it"),
            },
            raw_name: tool.name.clone(),
            under: under.on(tool),
            try_href: format!("{base}?tool={escaped}#try"),
            recommended_href: format!("{base}/policies/new?tool={escaped}"),
            catalogue_href: catalogue_href(tool),
        }
    };
    server.tools.iter().map(line).collect()
}

/// The first paragraph, cut.
fn first_words(description: &str) -> String {
    let first = description.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    match first.char_indices().nth(FIRST_WORDS) {
        Some((end, _)) => format!("{}…", first[..end].trim_end()),
        None => first,
    }
}

async fn refresh(visit: Visit<Member>, Path(named): Path<Named>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    let said = match visit.accounts().refresh_tools(visit.caller(), server.id).await? {
        Some(probe) if probe.failed().is_none() => Flash::done("The server was asked for its tools again."),
        Some(_) => Flash::note("The server was asked for its tools again, and did not give them."),
        None => Flash::note("The tools of a server behind a connector are read whenever its connector arrives."),
    };
    Ok(go_to_with(visit.kit(), &format!("{}#tools", base(&visit, &slug)), &said))
}

async fn accept(visit: Visit<Member>, Path(named): Path<Named>, Form(of): Form<OfTool>) -> Answer {
    let slug: ServerSlug = id(&named.server)?;
    let server = visit.accounts().server(visit.caller(), &slug).await?;
    visit.accounts().accept_tool(visit.caller(), server.id, &of.tool).await?;
    Ok(go_to_with(
        visit.kit(),
        &format!("{}#tools", base(&visit, &slug)),
        &Flash::done("The tool is accepted as it is now."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_descriptions_are_cut_at_a_character() {
        assert_eq!(first_words("one\ntwo\n\nthree"), "one two");
        assert_eq!(first_words(&"é".repeat(200)).chars().count(), FIRST_WORDS + 1);
    }
}
