//! Two people edited one policy: what the second sees. Neither text is lost.

use accounts::{Conflicting, PolicyView};
use domain::{Email, Timestamp};

use crate::{
    diff::Diff,
    show::Time,
    source::{self, Line},
};

/// Both texts, and the ways on.
pub(crate) struct Conflict {
    pub(super) words: String,
    pub(super) keeps: String,
    pub(super) theirs_href: String,
    pub(super) theirs: Vec<Line>,
    pub(super) diff: Diff,
}

/// What the use case said of it.
pub(super) struct Clash {
    pub(super) what: Conflicting,
    /// The version, or the draft's revision, that is there now.
    pub(super) version: u32,
    pub(super) by: Email,
    pub(super) at: Timestamp,
}

impl Conflict {
    /// `newest` is read after the clash.
    pub(super) fn of(clash: &Clash, newest: &PolicyView, path: &str, yours: &str) -> Self {
        let (theirs, theirs_href) = match clash.what {
            Conflicting::Published => (newest.document.as_str(), format!("{path}?version={}", clash.version)),
            Conflicting::Draft => (newest.draft.as_ref().map_or("", |draft| draft.document.as_str()), path.to_owned()),
        };
        Self {
            words: words(clash),
            keeps: match clash.what {
                Conflicting::Published => {
                    format!("Yours becomes the next version; version {} stays in the list of versions.", clash.version)
                }
                Conflicting::Draft => "Yours takes the place of their draft.".to_owned(),
            },
            diff: Diff::of(theirs, yours),
            theirs: source::lines(theirs, &[]),
            theirs_href,
        }
    }
}

/// For the summary at the top.
pub(super) fn words(clash: &Clash) -> String {
    let at = Time::from(clash.at).utc;
    match clash.what {
        Conflicting::Published => format!(
            "{} published version {} meanwhile ({at}). Nothing of yours was saved, and nothing of it is lost",
            clash.by, clash.version
        ),
        Conflicting::Draft => format!(
            "{} saved the draft meanwhile ({at}). Nothing of yours was saved, and nothing of it is lost",
            clash.by
        ),
    }
}
