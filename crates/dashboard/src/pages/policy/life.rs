//! The life of a policy: draft, published, watching only, restored, discarded.

use accounts::{Conflicting, DraftEdit, FirstVersion, OldDraft, PolicyEdit, Restore, SaveError};
use domain::{Permission, PolicyId};
use serde::Deserialize;
use web_kit::{Answer, Flash, Form, Member, Path, Problem, Visit, go_to_with};

use super::{
    Bench, Extra, INPUTS, Named, Subject, Typed,
    check::CheckPart,
    conflict::{Clash, Conflict, words},
    lift::Lift,
    version::VersionPage,
};
use crate::{
    form::Errors,
    page::form_again,
    routes::{Routes, Who},
};

/// The name of a policy that was given none.
pub(crate) const FIRST_NAME: &str = "First policy";

/// What is done with a text, in the words of its answers.
#[derive(Clone, Copy)]
enum Deed {
    Publish,
    Shadow,
    Draft,
    Discard,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Restored {
    version: u32,
    based_on: u32,
    /// The draft to throw away with it; sent when the box is checked.
    discard: u32,
}

pub(super) fn routes(routes: Routes) -> Routes {
    let write = Who::Member(Permission::WritePolicies);
    routes
        .post("/app/{account}/servers/{server}/policies/{policy}/publish", write, publish)
        .post("/app/{account}/servers/{server}/policies/{policy}/shadow", write, shadow)
        .post("/app/{account}/servers/{server}/policies/{policy}/draft", write, draft)
        .post("/app/{account}/servers/{server}/policies/{policy}/discard", write, discard)
        .post("/app/{account}/servers/{server}/policies/{policy}/restore", write, restore)
}

async fn publish(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    act(&visit, &named, typed, Deed::Publish).await
}

async fn shadow(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    act(&visit, &named, typed, Deed::Shadow).await
}

async fn draft(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    act(&visit, &named, typed, Deed::Draft).await
}

async fn discard(visit: Visit<Member>, Path(named): Path<Named>, Form(typed): Form<Typed>) -> Answer {
    act(&visit, &named, typed, Deed::Discard).await
}

async fn act(visit: &Visit<Member>, named: &Named, typed: Typed, deed: Deed) -> Answer {
    super::super::needs(visit, Permission::WritePolicies)?;
    let subject = Subject::find(visit, named, None).await?;
    let typed = typed.pasted();
    if let (Deed::Shadow, Some(lift)) = (deed, Lift::of(&subject))
        && typed.lift != lift.version
    {
        // What cannot be published lifts nothing.
        if let Err(refused) = visit.accounts().check_policy(&typed.document).await {
            return again(visit, named, typed, deed, refused).await;
        }
        let errors = Errors::whole(lift.asks());
        let extra = Extra { errors, lift: Some(lift), ..Extra::default() };
        return form_again(&Bench::make(visit, subject, typed, extra).await?);
    }
    let done = match subject.id() {
        Some(policy) => saved(visit, &subject, policy, &typed, deed).await,
        None => created(visit, &subject, &typed, deed).await,
    };
    match done {
        Ok((path, flash)) => Ok(go_to_with(visit.kit(), &path, &flash)),
        Err(refused) => again(visit, named, typed, deed, refused).await,
    }
}

/// Where to go on, and what to say there.
type Done = (String, Flash);

async fn saved(
    visit: &Visit<Member>,
    subject: &Subject,
    policy: PolicyId,
    typed: &Typed,
    deed: Deed,
) -> Result<Done, SaveError> {
    let (accounts, caller) = (visit.accounts(), visit.caller());
    let flash = match deed {
        Deed::Publish => published(accounts.publish_policy(caller, policy, &typed.edit()).await?),
        Deed::Shadow => watching(accounts.publish_in_shadow(caller, policy, &typed.edit()).await?),
        Deed::Draft => {
            accounts.save_draft(caller, policy, &typed.draft()).await?;
            Flash::done("The draft is saved. It decides nothing until it is published.")
        }
        Deed::Discard => {
            accounts.discard_draft(caller, policy, typed.revision).await?;
            Flash::done("The draft is discarded.")
        }
    };
    Ok((subject.path.clone(), flash))
}

async fn created(visit: &Visit<Member>, subject: &Subject, typed: &Typed, deed: Deed) -> Result<Done, SaveError> {
    let (accounts, caller) = (visit.accounts(), visit.caller());
    let name = if typed.name.trim().is_empty() { FIRST_NAME } else { typed.name.as_str() };
    let (server, document) = (subject.server.id, typed.document.as_str());
    let path = |policy: PolicyId| format!("{}/policies/{policy}", subject.base);
    match deed {
        Deed::Publish => {
            let first = FirstVersion { document, note: &typed.note };
            let policy = accounts.create_policy_with(caller, server, name, first).await?;
            let grants = accounts.list_grants(caller, Some(server)).await?;
            let next = if grants.is_empty() { format!("{}#grant-step", subject.base) } else { path(policy) };
            Ok((next, Flash::done("The policy is published. A grant puts it in force.")))
        }
        Deed::Shadow => {
            // Checked before anything is made, so that a refused text leaves no policy behind.
            accounts.check_policy(document).await?;
            let policy = accounts.create_draft_policy(caller, server, name, document).await?;
            let edit = PolicyEdit { based_on: 0, revision: 1, ..typed.edit() };
            let version = accounts.publish_in_shadow(caller, policy, &edit).await?;
            Ok((path(policy), watching(version)))
        }
        Deed::Draft => {
            let policy = accounts.create_draft_policy(caller, server, name, document).await?;
            Ok((path(policy), Flash::done("The draft is saved. It decides nothing until it is published.")))
        }
        // What is not saved yet has no draft.
        Deed::Discard => Err(accounts::Error::NotFound.into()),
    }
}

fn published(version: u32) -> Flash {
    Flash::done(format!("Version {version} is published, and in force on every gateway within seconds."))
}

fn watching(version: u32) -> Flash {
    Flash::done(format!(
        "Version {version} is published in shadow: it watches and lets everything pass. Your text is the draft."
    ))
}

/// The workbench with everything that was typed, and why nothing was done.
async fn again(visit: &Visit<Member>, named: &Named, mut typed: Typed, deed: Deed, refused: SaveError) -> Answer {
    // Read again: a conflict is about what was saved meanwhile.
    let subject = Subject::find(visit, named, None).await?;
    let mut extra = Extra::default();
    match refused {
        SaveError::Problems(problems) => {
            extra.errors = Errors::one(
                "document",
                match deed {
                    Deed::Publish | Deed::Shadow => not_published(problems.0.len()),
                    Deed::Draft | Deed::Discard => stopped("The draft was not saved", problems.0.len()),
                },
            );
            extra.check = CheckPart::wrong(&typed.document, &problems);
        }
        SaveError::Conflict { what, version, by, at } => {
            let clash = Clash { what, version, by, at };
            extra.errors = Errors::whole(words(&clash));
            let view = subject.view.as_ref().ok_or(Problem::Internal)?;
            extra.conflict = Some(Conflict::of(&clash, view, &subject.path, &typed.document));
            // Only what the reader is shown here counts as seen; if the other changed too, the next try tells that.
            match clash.what {
                Conflicting::Published => typed.based_on = clash.version,
                Conflicting::Draft => typed.revision = clash.version,
            }
        }
        SaveError::Other(refused) => extra.errors = Errors::of(refused, INPUTS)?,
    }
    form_again(&Bench::make(visit, subject, typed, extra).await?)
}

/// "The policy was not published: 2 problems stand below the text, each with its line".
pub(super) fn not_published(problems: usize) -> String {
    stopped("The policy was not published", problems)
}

fn stopped(not: &str, problems: usize) -> String {
    match problems {
        1 => format!("{not}: one problem stands below the text, with its line"),
        many => format!("{not}: {many} problems stand below the text, each with its line"),
    }
}

impl Typed {
    fn edit(&self) -> PolicyEdit {
        PolicyEdit {
            based_on: self.based_on,
            revision: self.revision,
            document: self.document.clone(),
            note: self.note.clone(),
        }
    }

    fn draft(&self) -> DraftEdit {
        DraftEdit { based_on: self.based_on, revision: self.revision, document: self.document.clone() }
    }
}

fn restored(old: u32, new: u32, draft_stays: bool) -> Flash {
    let stays = " The draft of before stays, and is the text below: discard it to see what is in force.";
    let stays = if draft_stays { stays } else { "" };
    Flash::done(format!("Version {old} is restored, as version {new}: it decides the next request.{stays}"))
}

async fn restore(visit: Visit<Member>, Path(named): Path<Named>, Form(asked): Form<Restored>) -> Answer {
    let subject = Subject::find(&visit, &named, None).await?;
    let policy = subject.id().ok_or(Problem::NotFound)?;
    let draft = if asked.discard > 0 { OldDraft::Goes { seen: asked.discard } } else { OldDraft::Stays };
    let restore = Restore { version: asked.version, based_on: asked.based_on, draft };
    let refused = match visit.accounts().restore_policy(visit.caller(), policy, &restore).await {
        Ok(version) => {
            let done = restored(asked.version, version, subject.has_draft() && draft == OldDraft::Stays);
            return Ok(go_to_with(visit.kit(), &subject.path, &done));
        }
        Err(refused) => refused,
    };
    let subject = Subject::find(&visit, &named, Some(asked.version)).await?;
    let view = subject.view.as_ref().ok_or(Problem::NotFound)?;
    let mut made = VersionPage::of(&visit, &subject, view, None).await?;
    made.errors = match refused {
        SaveError::Problems(problems) => Errors::whole(format!(
            "Version {} cannot be restored as it is: {}",
            asked.version,
            problems.0.first().map_or_else(String::new, |first| first.message.clone())
        )),
        SaveError::Conflict { what, version, by, at } => Errors::whole(words(&Clash { what, version, by, at })),
        SaveError::Other(refused) => Errors::of(refused, INPUTS)?,
    };
    form_again(&made)
}
