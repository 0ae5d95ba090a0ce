//! Requests for approval in Redis: `pcl:{<account>}:a:<binding>` is one (`approval.lua` has the form), and
//! `pcl:{<account>}:o:<grant>` names those of a grant that wait. Both go by themselves a second after they expire.

use domain::{AccountId, ApprovalBinding, ApprovalId, GrantId, Timestamp};
use redis::{FromRedisValue as _, Value};
use redis_kit::Call;

use super::{RedisCounters, not_understood};
use crate::{
    Answered, ApprovalAnswer, ApprovalStanding, ApprovalState, AskApproval, CountersUnavailable, MAX_OPEN_REQUESTS,
    approval::{Request, Stands, TELL_AGAIN_US, Used},
    memory::Place,
};

impl RedisCounters {
    pub(crate) async fn answer_approval(
        &self,
        place: Place,
        id: ApprovalId,
        answer: ApprovalAnswer,
    ) -> Result<Answered, CountersUnavailable> {
        let Some(grant) = self.grant_of(place).await? else { return Ok(Answered::Gone) };
        let mut call = self.scripts.answer.prepare();
        call.key(request_key(place.account, place.binding)).key(open_key(place.account, grant));
        call.text(id).arg(match answer {
            ApprovalAnswer::Approved => "a",
            ApprovalAnswer::Refused => "r",
        });
        match self.script::<i64>(call).await? {
            1 => Ok(Answered::Done),
            _ => Ok(Answered::Gone),
        }
    }

    pub(crate) async fn withdraw_approval(&self, place: Place, id: ApprovalId) -> Result<(), CountersUnavailable> {
        let Some(grant) = self.grant_of(place).await? else { return Ok(()) };
        let mut call = self.scripts.withdraw.prepare();
        call.key(request_key(place.account, place.binding)).key(open_key(place.account, grant)).text(id);
        self.script(call).await
    }

    /// A script may only touch keys that it was given, and one of them is named after the grant. A binding's grant never
    /// changes, so it may be read in a step of its own.
    async fn grant_of(&self, place: Place) -> Result<Option<GrantId>, CountersUnavailable> {
        let key = request_key(place.account, place.binding);
        let value: Option<String> = self.store.run(&key, redis::cmd("GET").arg(&key)).await?;
        value.map(|value| parse(&value).map(|request| request.grant).ok_or_else(not_understood)).transpose()
    }
}

/// The keys that an ask needs, behind all others.
pub(super) fn ask_keys(call: &mut Call<'_>, account: AccountId, ask: &AskApproval) {
    call.key(request_key(account, ask.binding)).key(open_key(account, ask.grant));
}

/// What is asked for, as `approval.lua` reads it.
pub(super) fn ask_text(ask: &AskApproval) -> String {
    let stands_us = i64::from(ask.stands_seconds) * 1_000_000;
    format!("{} {} {stands_us} {MAX_OPEN_REQUESTS} {TELL_AGAIN_US}", ask.id, ask.grant)
}

/// The key and the value that put a used approval back.
pub(super) fn given_back(account: AccountId, used: &Used) -> (String, String) {
    let Request { id, grant, expires_at, told_at, .. } = used.request;
    (request_key(account, used.binding), format!("{id} a {} {} {grant}", expires_at.0, told_at.0))
}

/// The approval that the script says was used up.
pub(super) fn used(ask: Option<&AskApproval>, value: Value) -> Result<Option<Used>, CountersUnavailable> {
    let value = Option::<String>::from_redis_value(value).map_err(|_| not_understood())?;
    let used = |(ask, value): (&AskApproval, String)| {
        parse(&value).map(|request| Used { binding: ask.binding, request }).ok_or_else(not_understood)
    };
    ask.zip(value).map(used).transpose()
}

/// `[what became of it, its id or nothing, when it expires]`
pub(super) fn standing(answer: Vec<Value>) -> Option<ApprovalStanding> {
    let [state, id, expires] = <[Value; 3]>::try_from(answer).ok()?;
    let state = match String::from_redis_value(state).ok()?.as_str() {
        "asked" => ApprovalState::Asked,
        "pending" => ApprovalState::Pending,
        "refused" => ApprovalState::Refused,
        "too many" => ApprovalState::TooMany,
        _ => return None,
    };
    let id = Option::<String>::from_redis_value(id).ok()?.map(|id| id.parse()).transpose().ok()?;
    let expires_at = Timestamp(i64::from_redis_value(expires).ok()?);
    (id.is_some() || state == ApprovalState::TooMany).then_some(ApprovalStanding { id, state, expires_at })
}

pub(crate) fn request_key(account: AccountId, binding: ApprovalBinding) -> String {
    format!("pcl:{{{account}}}:a:{binding}")
}

pub(crate) fn open_key(account: AccountId, grant: GrantId) -> String {
    format!("pcl:{{{account}}}:o:{grant}")
}

/// A request as it is stored.
fn parse(value: &str) -> Option<Request> {
    let mut parts = value.split(' ');
    let id = parts.next()?.parse().ok()?;
    let stands = match parts.next()? {
        "p" => Stands::Pending,
        "a" => Stands::Approved,
        "r" => Stands::Refused,
        _ => return None,
    };
    let expires_at = Timestamp(parts.next()?.parse().ok()?);
    let told_at = Timestamp(parts.next()?.parse().ok()?);
    let grant = parts.next()?.parse().ok()?;
    Some(Request { id, grant, stands, expires_at, told_at })
}
