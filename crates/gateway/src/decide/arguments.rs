//! Arguments: held against the tool's schema before the judgement, and what a record keeps of them after it.

use domain::{CallDecided, Sealed};
use policy::{Arguments, Code, Verdict, Visibility};

use super::Work;
use crate::{account::Grant, failure::Failure, lists, schemas};

/// Most bytes of arguments' values that a record keeps.
const MOST_KEPT_BYTES: usize = 16 << 10;

impl Work<'_> {
    /// Holds the arguments against the tool's schema. Step 5 of POLICY.md §3, found out before: the judge says when it
    /// counts. Tools that every grant denies anyway are not worth the work.
    pub(super) async fn check_arguments(&mut self) -> Result<(), Failure> {
        let Some(tool) = self.place.server.tools.get(self.call.tool) else { return Ok(()) };
        let Some(schema) = &tool.schema else { return Ok(()) };
        if lists::visibility(self.place, self.call.tool) == Visibility::Listed {
            let (turns, account) = (&self.shared.checking, self.place.caller.account.id);
            self.misfit = schemas::check(turns, account, schema, self.call.arguments).await?.err();
        }
        Ok(())
    }

    pub(super) fn arguments(&self) -> Arguments {
        if self.misfit.is_some() { Arguments::Invalid } else { Arguments::Acceptable }
    }

    /// The verdict with the place and the rule of a misfit in its words.
    pub(super) fn explained(&self, mut verdict: Verdict) -> Verdict {
        if let (Verdict::Deny(denial), Some(misfit)) = (&mut verdict, &self.misfit)
            && denial.code == Code::InvalidArguments
        {
            denial.message = misfit.told();
        }
        verdict
    }

    /// What the grant's policy looks at in the arguments, sealed.
    pub(super) fn kept_arguments(&self, grant: &Grant) -> Option<Sealed> {
        let policy = grant.policy.as_ref()?.compiled.as_ref()?;
        let kept = policy.project(self.call.arguments?).filter(|kept| kept.len() <= MOST_KEPT_BYTES)?;
        let data_key = self.place.caller.account.data_key()?;
        Some(data_key.seal(&CallDecided::arguments_context(self.id), kept.as_bytes(), &self.shared.entropy))
    }
}
