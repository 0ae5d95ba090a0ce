-- A call's record may name the approval it waited for, was refused by or used up, and carry, sealed under the account's
-- data key, the arguments that the policy which decided looks at.

alter table call add column approval_id uuid;
alter table call add column arguments text;
create index call_approval_idx on call (account_id, approval_id) where approval_id is not null;
