-- Approvals: requests for a person's answer to one exact call, and the answer.
--
-- No foreign keys to what a request speaks of: like a call's record, it outlives that. Whether an approval was used is not
-- kept here: the calls' records tell it, in whatever order they come.

create table approval (
    account_id uuid not null,
    id uuid not null,
    -- The exact call: SHA-256, the place of the answer in the counter store.
    binding bytea not null,
    call_id uuid not null,
    asked_at timestamptz not null,
    expires_at timestamptz not null,
    server_id uuid not null,
    user_id uuid,
    agent_id uuid,
    key_id uuid not null,
    grant_id uuid not null,
    policy_id uuid not null,
    policy_version integer not null,
    rule text not null,
    message text not null,
    tool text not null,
    class text not null,
    -- Sealed under the account's data key.
    arguments text not null,
    approvers text not null,
    -- The team's slug, where a team answers.
    approvers_team text,
    self_approval boolean not null,
    client_name text,
    client_version text,
    -- The answer; given only once the counter store has taken it.
    answer text,
    answer_state text,
    answered_by uuid,
    answered_at timestamptz,
    reason text,
    constraint approval_pkey primary key (account_id, id),
    constraint approval_account_fkey foreign key (account_id) references account (id),
    constraint approval_answered_by_fkey foreign key (account_id, answered_by)
        references membership (account_id, user_id),
    constraint approval_principal_check check (num_nonnulls(user_id, agent_id) = 1),
    constraint approval_binding_check check (octet_length(binding) = 32),
    constraint approval_approvers_check check (
        approvers in ('admin', 'policy_manager', 'team') and (approvers = 'team') = (approvers_team is not null)
    ),
    constraint approval_answer_check check (answer in ('approved', 'refused')),
    constraint approval_answer_state_check check (answer_state in ('putting', 'given', 'not_given', 'gone')),
    constraint approval_answered_check check (
        num_nulls(answer, answer_state, answered_by, answered_at, reason) in (0, 5)
    )
);
create index approval_asked_idx on approval (account_id, asked_at desc, id desc);
create index approval_open_idx on approval (account_id, expires_at) where answer is null or answer_state = 'not_given';

-- Answers on their way into the counter store: written in the transaction of the answer, removed once the store has told
-- what became of it.
create table approval_outbox (
    account_id uuid not null,
    approval_id uuid not null,
    since timestamptz not null,
    constraint approval_outbox_pkey primary key (account_id, approval_id),
    constraint approval_outbox_approval_fkey foreign key (account_id, approval_id) references approval (account_id, id)
);

alter table approval enable row level security;
alter table approval force row level security;
create policy tenant on approval using (account_id = app_scope_account());

alter table approval_outbox enable row level security;
alter table approval_outbox force row level security;
create policy tenant on approval_outbox using (account_id = app_scope_account());
create policy job on approval_outbox for select using (app_scope_job());
