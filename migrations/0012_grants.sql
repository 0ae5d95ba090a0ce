-- Grants: who may use which server under which policy. (`grant` is a word of SQL, so the table has another name.)

create table access_grant (
    account_id uuid not null,
    id uuid not null,
    server_id uuid not null,
    team_id uuid,
    user_id uuid,
    agent_id uuid,
    policy_id uuid,
    label text not null,
    state text not null,
    expires_at timestamptz,
    created_by uuid not null,
    created_at timestamptz not null,
    revoked_at timestamptz,
    constraint access_grant_pkey primary key (account_id, id),
    constraint access_grant_server_fkey foreign key (account_id, server_id) references server (account_id, id),
    constraint access_grant_team_fkey foreign key (account_id, team_id) references team (account_id, id),
    constraint access_grant_membership_fkey foreign key (account_id, user_id) references membership (account_id, user_id),
    constraint access_grant_agent_fkey foreign key (account_id, agent_id) references agent (account_id, id),
    constraint access_grant_policy_fkey foreign key (account_id, server_id, policy_id) references policy (account_id, server_id, id),
    constraint access_grant_created_by_fkey foreign key (account_id, created_by) references membership (account_id, user_id),
    constraint access_grant_subject_check check (num_nonnulls(team_id, user_id, agent_id) = 1),
    constraint access_grant_state_check check (state in ('active', 'suspended', 'revoked'))
);
-- At most one grant per subject and server that is not revoked.
create unique index access_grant_subject_key on access_grant
    (account_id, server_id, coalesce(team_id, user_id, agent_id)) where state <> 'revoked';

alter table access_grant enable row level security;
alter table access_grant force row level security;
create policy tenant on access_grant using (account_id = app_scope_account());
