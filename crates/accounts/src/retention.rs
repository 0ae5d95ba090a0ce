//! How long the values that callers sent are kept, and forgetting them when their time is over.

use domain::Timestamp;
use storage::AccountScope;

use crate::{Accounts, Error};

/// Rows in one transaction.
const BATCH: u32 = 500;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// How long what callers sent is kept. Recorded calls stay without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days that the sealed arguments of a call are kept after it, and those of a request for approval after its end.
    pub arguments_days: u32,
    /// Days that a request for approval is kept after its end, with who answered and why.
    pub approvals_days: u32,
}

/// What is forgotten, each before its own time.
#[derive(Clone, Copy)]
enum Kind {
    CallArguments,
    ApprovalArguments,
    Approvals,
}

impl Default for Retention {
    /// Three months, and a bit over a year.
    fn default() -> Self {
        Self { arguments_days: 90, approvals_days: 400 }
    }
}

impl Retention {
    fn before(self, kind: Kind, now: Timestamp) -> Timestamp {
        let days = match kind {
            Kind::CallArguments | Kind::ApprovalArguments => self.arguments_days,
            Kind::Approvals => self.approvals_days,
        };
        now.plus_seconds(-DAY_SECONDS * i64::from(days))
    }
}

impl Accounts {
    /// Forgets what is older than the operator keeps, in every account; of how many rows. An account that fails is logged
    /// and keeps no other waiting.
    ///
    /// # Errors
    /// [`Error::Storage`] when it cannot be seen which accounts there are.
    pub async fn forget_old(&self) -> Result<u64, Error> {
        let mut job = self.db().job().await?;
        let accounts = job.accounts().await?;
        job.commit().await?;
        let mut forgotten = 0;
        for scope in &accounts {
            for kind in [Kind::Approvals, Kind::ApprovalArguments, Kind::CallArguments] {
                match self.forget_in(scope, kind).await {
                    Ok(rows) => forgotten += rows,
                    Err(error) => tracing::warn!(
                        account = %scope.account(),
                        error = &error as &dyn std::error::Error,
                        "what is old could not be forgotten"
                    ),
                }
            }
        }
        Ok(forgotten)
    }

    async fn forget_in(&self, scope: &AccountScope, kind: Kind) -> Result<u64, Error> {
        let before = self.retention().before(kind, self.now());
        let mut forgotten = 0;
        loop {
            let mut tx = self.db().account(scope).await?;
            let rows = match kind {
                Kind::CallArguments => tx.forget_call_arguments(before, BATCH).await?,
                Kind::ApprovalArguments => tx.forget_approval_arguments(before, BATCH).await?,
                Kind::Approvals => tx.remove_approvals(before, BATCH).await?,
            };
            tx.commit().await?;
            forgotten += rows;
            if rows < u64::from(BATCH) {
                return Ok(forgotten);
            }
        }
    }
}
