//! Approvals (POLICY.md §7): what one is bound to, and the request for one on its way to the people who may answer it.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::{AppId, ApprovalId, CallId, Client, GrantId, KeyId, PolicyId, Principal, Sealed, ServerId, Timestamp};

/// The exact call that an approval is for: SHA-256 over (grant, tool, canonical arguments, policy version). A changed policy
/// or another grant is another binding, so an approval given before a change never fits after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApprovalBinding([u8; 32]);

/// What is bound.
#[derive(Clone, Copy, Debug)]
pub struct BoundCall<'a> {
    /// The grant that the call is made under.
    pub grant: GrantId,
    /// The policy and version that asks for the approval.
    pub policy: (PolicyId, u32),
    /// The tool, as the upstream knows it.
    pub tool: &'a str,
    /// The raw JSON of `arguments`; none is the same as `{}`.
    pub arguments: Option<&'a str>,
}

/// Somebody has to approve a call: made by a gateway, once for each request. Repeats of the call while it is open make no
/// second one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalAsked {
    /// The request, as the caller was told it.
    pub approval: ApprovalId,
    /// What it is for, in hexadecimal: where the answer is to be put.
    pub binding: ApprovalBinding,
    /// The call that asked first.
    pub call: CallId,
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// From then on it cannot be answered, nor used, by the counter store's clock.
    pub expires_at: Timestamp,
    /// The server.
    pub server: ServerId,
    /// Who called.
    pub principal: Principal,
    /// With which key.
    pub key: Option<KeyId>,
    /// By which app, instead of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// Under which grant.
    pub grant: GrantId,
    /// The policy and version that asks.
    pub policy: (PolicyId, u32),
    /// JSON Pointer of the member that asks.
    pub rule: String,
    /// What the caller was told; never argument values.
    pub message: String,
    /// The tool.
    pub tool: String,
    /// Its risk class at the time.
    pub class: policy::RiskClass,
    /// The exact arguments as they would be sent, sealed under the account's data key for [`ApprovalAsked::context`].
    pub arguments: Sealed,
    /// Who may answer.
    pub approvers: policy::Approvers,
    /// Whether the caller may.
    pub self_approval: policy::SelfApproval,
    /// The client, as it named itself.
    pub client: Option<Client>,
}

impl ApprovalBinding {
    /// The binding of a call; none when the arguments are not strict JSON.
    #[must_use]
    pub fn of(call: &BoundCall<'_>) -> Option<Self> {
        let arguments = policy::canonical_json(call.arguments.unwrap_or("{}"))?;
        let arguments = digest(&SHA256, arguments.as_bytes());
        let mut bound = Vec::with_capacity(96 + call.tool.len());
        bound.extend_from_slice(b"portcullis/approval/1\0");
        bound.extend_from_slice(call.grant.uuid().as_bytes());
        bound.extend_from_slice(call.policy.0.uuid().as_bytes());
        bound.extend_from_slice(&call.policy.1.to_be_bytes());
        bound.extend_from_slice(arguments.as_ref());
        bound.extend_from_slice(call.tool.as_bytes());
        let mut binding = [0; 32];
        binding.copy_from_slice(digest(&SHA256, &bound).as_ref());
        Some(Self(binding))
    }

    /// From the stored form.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The stored form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl ApprovalAsked {
    /// The place that the arguments of a request are sealed for.
    #[must_use]
    pub fn context(approval: ApprovalId) -> String {
        format!("{approval}/arguments")
    }
}

/// In hexadecimal, as it stands in the counter store.
impl fmt::Display for ApprovalBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex(&self.0))
    }
}

impl fmt::Debug for ApprovalBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ApprovalBinding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ApprovalBinding {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let damaged = || serde::de::Error::custom("not 64 lower-case hexadecimal digits");
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(damaged());
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| damaged())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| damaged())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, Entropy};

    fn binding(grant: GrantId, version: u32, tool: &str, arguments: Option<&str>) -> ApprovalBinding {
        let policy = (PolicyId::from_uuid(uuid::Uuid::nil()), version);
        ApprovalBinding::of(&BoundCall { grant, policy, tool, arguments }).unwrap()
    }

    #[test]
    fn the_same_call_has_the_same_binding_and_any_other_has_not() {
        let (clock, entropy) = (Clock::fixed(Timestamp(0)), Entropy::seeded(1));
        let (grant, other) = (GrantId::new(&clock, &entropy), GrantId::new(&clock, &entropy));
        let base = binding(grant, 1, "pay", Some(r#"{"to":"a","amount":1}"#));
        assert_eq!(base, binding(grant, 1, "pay", Some("{ \"amount\": 1, \"to\": \"a\" }")), "order and space");
        for changed in [
            binding(other, 1, "pay", Some(r#"{"to":"a","amount":1}"#)),
            binding(grant, 2, "pay", Some(r#"{"to":"a","amount":1}"#)),
            binding(grant, 1, "pay2", Some(r#"{"to":"a","amount":1}"#)),
            binding(grant, 1, "pay", Some(r#"{"to":"a","amount":2}"#)),
            binding(grant, 1, "pay", None),
        ] {
            assert_ne!(base, changed);
        }
        assert_eq!(binding(grant, 1, "pay", None), binding(grant, 1, "pay", Some("{}")));
    }

    #[test]
    fn arguments_that_are_not_strict_json_have_none() {
        let grant = GrantId::from_uuid(uuid::Uuid::nil());
        let policy = (PolicyId::from_uuid(uuid::Uuid::nil()), 1);
        let arguments = Some(r#"{"a":1,"a":2}"#);
        assert_eq!(ApprovalBinding::of(&BoundCall { grant, policy, tool: "x", arguments }), None);
    }

    #[test]
    fn the_text_form_round_trips() {
        let binding = ApprovalBinding::from_bytes(std::array::from_fn(|i| u8::try_from(i * 7).unwrap()));
        let text = serde_json::to_string(&binding).unwrap();
        assert_eq!(serde_json::from_str::<ApprovalBinding>(&text).unwrap(), binding);
        for odd in ["\"\"", "\"zz\"", &text.replace("00", "+0"), &text.replace('"', "\" ")] {
            assert!(serde_json::from_str::<ApprovalBinding>(odd).is_err(), "{odd}");
        }
    }
}
