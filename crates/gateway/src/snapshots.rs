//! The account snapshots in use: loaded on first use, kept while used, replaced when a newer version is heard of.
//!
//! Invariants: a request takes its `Arc<Account>` once and sees no mix; a snapshot that does not verify or read keeps the
//! one before it; versions never go back; an account without a snapshot allows nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bus::{Bus, Notice};
use domain::{AccountSlug, DeploymentKey, SignedSnapshot};
use moka::future::Cache;
use tokio::{sync::watch, time::Instant};

use crate::account::Account;

/// Slugs that no account has are remembered for this long, so that guessing them does not load the bus.
const ABSENT_FOR: Duration = Duration::from_secs(1);
/// How many such slugs are remembered.
const ABSENT_MOST: u64 = 10_000;
/// How many accounts are kept.
const KEPT_MOST: u64 = 100_000;

/// All snapshots in use.
#[derive(Debug)]
pub(crate) struct Snapshots {
    bus: Bus,
    key: DeploymentKey,
    kept: Cache<AccountSlug, Arc<Kept>>,
    absent: Cache<AccountSlug, ()>,
    /// The published versions could not be read the last time.
    blind: AtomicBool,
}

/// Accounts in use are asked for out of turn at most this often.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// One account's newest snapshot, and who waits for newer ones.
#[derive(Debug)]
struct Kept {
    account: ArcSwapOption<Account>,
    version: watch::Sender<u64>,
    loading: tokio::sync::Mutex<()>,
    asked: tokio::sync::Mutex<Option<Instant>>,
}

/// The bus could not be asked for an account that is not in memory.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the account's snapshot cannot be loaded now")]
pub(crate) struct Unavailable;

impl Snapshots {
    pub(crate) fn new(bus: Bus, key: DeploymentKey, idle: Duration) -> Self {
        Self {
            bus,
            key,
            kept: Cache::builder().max_capacity(KEPT_MOST).time_to_idle(idle).build(),
            absent: Cache::builder().max_capacity(ABSENT_MOST).time_to_live(ABSENT_FOR).build(),
            blind: AtomicBool::new(false),
        }
    }

    /// The account with this slug, as of its newest snapshot.
    pub(crate) async fn account(&self, slug: &AccountSlug) -> Result<Option<Arc<Account>>, Unavailable> {
        if let Some(kept) = self.kept.get(slug).await {
            return Ok(kept.account.load_full());
        }
        Box::pin(self.account_not_kept(slug)).await
    }

    async fn account_not_kept(&self, slug: &AccountSlug) -> Result<Option<Arc<Account>>, Unavailable> {
        if self.absent.get(slug).await.is_some() {
            return Ok(None);
        }
        let loaded = self.kept.try_get_with_by_ref(slug, self.first_load(slug)).await;
        match loaded {
            Ok(kept) => Ok(kept.account.load_full()),
            Err(missing) if matches!(*missing, Missing::Absent) => {
                self.absent.insert(slug.clone(), ()).await;
                Ok(None)
            }
            Err(_) => Err(Unavailable),
        }
    }

    /// Follows the versions of an account in use; None when it is not in use.
    pub(crate) async fn follow(&self, slug: &AccountSlug) -> Option<watch::Receiver<u64>> {
        Some(self.kept.get(slug).await?.version.subscribe())
    }

    /// Compares the versions in use with the published ones and loads what is newer. Accounts that were removed are
    /// emptied. A bus that cannot be asked changes nothing.
    pub(crate) async fn check_versions(&self) {
        let in_use: Vec<_> = self.kept.iter().collect();
        if in_use.is_empty() {
            return;
        }
        let slugs: Vec<_> = in_use.iter().map(|(slug, _)| (**slug).clone()).collect();
        let published = match self.bus.versions(&slugs).await {
            Ok(published) => published,
            Err(error) => {
                if !self.blind.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the published snapshot versions cannot be read; the ones in use stay");
                }
                return;
            }
        };
        if self.blind.swap(false, Ordering::Relaxed) {
            tracing::info!("the published snapshot versions can be read again");
        }
        for ((slug, kept), version) in in_use.iter().zip(published) {
            match version {
                Some(version) if version > *kept.version.borrow() => self.reload(slug, kept).await,
                None if kept.account.load().is_some() => self.reload(slug, kept).await,
                _ => {}
            }
        }
    }

    /// The account again, after a look whether there is something newer: for what the snapshot in use does not know, such
    /// as a key made a moment ago. Looks at most so often that guessing does not load the bus.
    pub(crate) async fn account_anew(&self, slug: &AccountSlug) -> Result<Option<Arc<Account>>, Unavailable> {
        let Some(kept) = self.kept.get(slug).await else { return self.account(slug).await };
        let mut asked = kept.asked.lock().await;
        if asked.is_none_or(|at| at.elapsed() >= ASKED_EVERY) {
            let published = self.bus.versions(std::slice::from_ref(slug)).await.unwrap_or_default();
            if published.first().copied().flatten().is_some_and(|version| version > *kept.version.borrow()) {
                self.reload(slug, &kept).await;
            }
            *asked = Some(Instant::now());
        }
        Ok(kept.account.load_full())
    }

    /// A notice came that an account has another version.
    pub(crate) async fn heard(&self, notice: &Notice) {
        self.absent.invalidate(&notice.slug).await;
        let Some(kept) = self.kept.get(&notice.slug).await else { return };
        if notice.version.is_none_or(|version| version > *kept.version.borrow()) {
            self.reload(&notice.slug, &kept).await;
        }
    }

    async fn first_load(&self, slug: &AccountSlug) -> Result<Arc<Kept>, Missing> {
        let signed = self.bus.load(slug).await.map_err(|error| {
            tracing::warn!(account = %slug, %error, "a snapshot cannot be loaded");
            Missing::Unavailable
        })?;
        let signed = signed.ok_or(Missing::Absent)?;
        let account = self.open(slug, signed, None).await.ok_or(Missing::Unavailable)?;
        let version = watch::Sender::new(account.version);
        Ok(Arc::new(Kept {
            account: ArcSwapOption::from_pointee(account),
            version,
            loading: tokio::sync::Mutex::new(()),
            asked: tokio::sync::Mutex::new(None),
        }))
    }

    async fn reload(&self, slug: &AccountSlug, kept: &Kept) {
        let _one_at_a_time = kept.loading.lock().await;
        let signed = match self.bus.load(slug).await {
            Ok(Some(signed)) => signed,
            Ok(None) => {
                kept.account.store(None);
                kept.version.send_replace(0);
                return;
            }
            Err(error) => {
                tracing::warn!(account = %slug, %error, "a newer snapshot cannot be loaded; the one in use stays");
                return;
            }
        };
        let before = kept.account.load_full();
        let Some(account) = self.open(slug, signed, before.clone()).await else { return };
        let newer = before.as_deref().is_none_or(|before| before.id != account.id || before.version < account.version);
        if newer {
            let version = account.version;
            kept.account.store(Some(Arc::new(account)));
            kept.version.send_replace(version);
        }
    }

    /// Verifies, reads and compiles, off the async threads: a large account takes milliseconds.
    async fn open(&self, slug: &AccountSlug, signed: SignedSnapshot, before: Option<Arc<Account>>) -> Option<Account> {
        let (slug, key) = (slug.clone(), self.key.clone());
        let work = move || {
            let snapshot = signed.open(&slug, &key).inspect_err(|error| {
                tracing::error!(account = %slug, %error, "ALARM: a published snapshot is not usable; the one before it stays in force");
            });
            snapshot.ok().map(|snapshot| Account::compile(snapshot, &key, before.as_deref()))
        };
        tokio::task::spawn_blocking(work).await.ok().flatten()
    }
}

#[derive(Debug)]
enum Missing {
    Absent,
    Unavailable,
}
