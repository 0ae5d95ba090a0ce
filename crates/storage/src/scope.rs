//! The proof that one may work in an account.

use domain::AccountId;

/// Leave to work in one account. Only this crate makes one, when it found a membership, a token or a waiting job that
/// belongs to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountScope {
    account: AccountId,
}

impl AccountScope {
    pub(crate) fn found(account: AccountId) -> Self {
        Self { account }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }
}
