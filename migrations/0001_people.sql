-- People, accounts, and who belongs where.
--
-- Walls between accounts: account_id stands first in every primary and foreign key of a tenant table, so that no row can
-- point into another account; row-level security is forced, so that it holds for the owning role too. A transaction says
-- what it may see by transaction-local settings (app.account, app.user, app.token, app.email, app.job); without them it
-- sees nothing.

create function app_scope_account() returns uuid language sql stable as
$$ select nullif(current_setting('app.account', true), '')::uuid $$;
create function app_scope_user() returns uuid language sql stable as
$$ select nullif(current_setting('app.user', true), '')::uuid $$;
create function app_scope_token() returns bytea language sql stable as
$$ select decode(nullif(current_setting('app.token', true), ''), 'hex') $$;
create function app_scope_email() returns text language sql stable as
$$ select nullif(current_setting('app.email', true), '') $$;
create function app_scope_job() returns boolean language sql stable as
$$ select coalesce(current_setting('app.job', true), '') = 'on' $$;

create table app_user (
    id uuid not null,
    email text not null,
    password_hash text not null,
    created_at timestamptz not null,
    constraint app_user_pkey primary key (id),
    constraint app_user_email_key unique (email)
);

create table account (
    id uuid not null,
    slug text not null,
    name text not null,
    -- The account's data key, sealed under the deployment key.
    data_key text not null,
    -- Grows with every change that a gateway has to know.
    snapshot_version bigint not null default 0,
    created_at timestamptz not null,
    constraint account_pkey primary key (id),
    constraint account_slug_key unique (slug)
);

-- A membership that has ended keeps its row, so that what the person did can still be told.
create table membership (
    account_id uuid not null,
    user_id uuid not null,
    role text not null,
    joined_at timestamptz not null,
    removed_at timestamptz,
    constraint membership_pkey primary key (account_id, user_id),
    constraint membership_account_fkey foreign key (account_id) references account (id),
    constraint membership_user_fkey foreign key (user_id) references app_user (id),
    constraint membership_role_check check (role in ('owner', 'admin', 'policy_manager', 'viewer'))
);
create index membership_user_idx on membership (user_id);

create table session (
    id uuid not null,
    user_id uuid not null,
    token_hash bytea not null,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at timestamptz not null,
    ip text not null,
    user_agent text not null,
    revoked_at timestamptz,
    constraint session_pkey primary key (id),
    constraint session_token_key unique (token_hash),
    constraint session_user_fkey foreign key (user_id) references app_user (id)
);
create index session_user_idx on session (user_id, created_at);

-- Attempts per subject (a SHA-256, so that no address is kept) in its current window.
create table login_throttle (
    subject bytea not null,
    attempts integer not null,
    window_ends_at timestamptz not null,
    constraint login_throttle_pkey primary key (subject)
);
create index login_throttle_window_idx on login_throttle (window_ends_at);

create table team (
    account_id uuid not null,
    id uuid not null,
    slug text not null,
    name text not null,
    created_at timestamptz not null,
    deleted_at timestamptz,
    constraint team_pkey primary key (account_id, id),
    constraint team_account_fkey foreign key (account_id) references account (id)
);
create unique index team_slug_key on team (account_id, slug) where deleted_at is null;

-- position: in which order the grants of a member's teams are tried.
create table team_member (
    account_id uuid not null,
    team_id uuid not null,
    user_id uuid not null,
    position integer not null,
    added_at timestamptz not null,
    constraint team_member_pkey primary key (account_id, team_id, user_id),
    constraint team_member_team_fkey foreign key (account_id, team_id) references team (account_id, id),
    constraint team_member_membership_fkey foreign key (account_id, user_id) references membership (account_id, user_id)
);
create index team_member_user_idx on team_member (account_id, user_id, position);

create table agent (
    account_id uuid not null,
    id uuid not null,
    name text not null,
    created_by uuid not null,
    created_at timestamptz not null,
    removed_at timestamptz,
    constraint agent_pkey primary key (account_id, id),
    constraint agent_account_fkey foreign key (account_id) references account (id),
    constraint agent_created_by_fkey foreign key (account_id, created_by) references membership (account_id, user_id)
);
create unique index agent_name_key on agent (account_id, lower(name)) where removed_at is null;

create table key (
    account_id uuid not null,
    id uuid not null,
    token_hash bytea not null,
    user_id uuid,
    agent_id uuid,
    label text not null,
    purpose text not null,
    created_by uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    constraint key_pkey primary key (account_id, id),
    constraint key_membership_fkey foreign key (account_id, user_id) references membership (account_id, user_id),
    constraint key_agent_fkey foreign key (account_id, agent_id) references agent (account_id, id),
    constraint key_created_by_fkey foreign key (account_id, created_by) references membership (account_id, user_id),
    constraint key_principal_check check (num_nonnulls(user_id, agent_id) = 1),
    constraint key_purpose_check check (purpose in ('call', 'test_call'))
);
create index key_user_idx on key (account_id, user_id);
create index key_agent_idx on key (account_id, agent_id);

create table invite (
    account_id uuid not null,
    id uuid not null,
    token_hash bytea not null,
    role text not null,
    team_id uuid,
    created_by uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_by uuid,
    used_at timestamptz,
    revoked_at timestamptz,
    constraint invite_pkey primary key (account_id, id),
    constraint invite_account_fkey foreign key (account_id) references account (id),
    constraint invite_team_fkey foreign key (account_id, team_id) references team (account_id, id),
    constraint invite_created_by_fkey foreign key (account_id, created_by) references membership (account_id, user_id),
    constraint invite_used_by_fkey foreign key (account_id, used_by) references membership (account_id, user_id),
    constraint invite_role_check check (role in ('owner', 'admin', 'policy_manager', 'viewer'))
);
create index invite_token_idx on invite (token_hash);

-- Snapshots that wait to be published: written in the transaction of the change, removed once the bus has the version.
create table outbox (
    account_id uuid not null,
    version bigint not null,
    created_at timestamptz not null,
    constraint outbox_pkey primary key (account_id, version),
    constraint outbox_account_fkey foreign key (account_id) references account (id)
);

-- What people changed in an account, written in the transaction of the change.
create table admin_event (
    account_id uuid not null,
    id uuid not null,
    at timestamptz not null,
    actor uuid not null,
    action text not null,
    subject text not null,
    detail jsonb not null,
    constraint admin_event_pkey primary key (account_id, id),
    constraint admin_event_actor_fkey foreign key (account_id, actor) references membership (account_id, user_id)
);

alter table membership enable row level security;
alter table membership force row level security;
create policy tenant on membership using (account_id = app_scope_account());
create policy own on membership for select using (user_id = app_scope_user());

alter table account enable row level security;
alter table account force row level security;
create policy tenant on account using (id = app_scope_account());
create policy member on account for select using (
    exists (select from membership m where m.account_id = account.id and m.user_id = app_scope_user())
);
create policy job on account for select using (app_scope_job());

alter table app_user enable row level security;
alter table app_user force row level security;
create policy founding on app_user for insert with check (true);
create policy own on app_user using (id = app_scope_user());
create policy log_in on app_user for select using (email = app_scope_email());
create policy tenant on app_user for select using (
    exists (select from membership m where m.account_id = app_scope_account() and m.user_id = app_user.id)
);

alter table session enable row level security;
alter table session force row level security;
create policy own on session using (user_id = app_scope_user());
create policy bearer on session for select using (token_hash = app_scope_token());

alter table team enable row level security;
alter table team force row level security;
create policy tenant on team using (account_id = app_scope_account());

alter table team_member enable row level security;
alter table team_member force row level security;
create policy tenant on team_member using (account_id = app_scope_account());

alter table agent enable row level security;
alter table agent force row level security;
create policy tenant on agent using (account_id = app_scope_account());

alter table key enable row level security;
alter table key force row level security;
create policy tenant on key using (account_id = app_scope_account());

alter table invite enable row level security;
alter table invite force row level security;
create policy tenant on invite using (account_id = app_scope_account());
create policy bearer on invite for select using (token_hash = app_scope_token());

alter table outbox enable row level security;
alter table outbox force row level security;
create policy tenant on outbox using (account_id = app_scope_account());
create policy job on outbox for select using (app_scope_job());

alter table admin_event enable row level security;
alter table admin_event force row level security;
create policy tenant on admin_event using (account_id = app_scope_account());
