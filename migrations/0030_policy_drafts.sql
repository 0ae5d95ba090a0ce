-- Drafts: one text per policy that is not in force, shared by all who may write policies.
--
-- A policy may now be there before its first version is published (version 0); created_by tells who made it. Policies
-- from before have none, and a first version instead.

alter table policy drop constraint policy_version_check;
alter table policy add column created_by uuid;
-- How many drafts were ever saved; a revision is never given twice, also not after a draft was published or discarded.
alter table policy add column draft_revision integer not null default 0;
alter table policy add constraint policy_version_check check (version > 0 or (version = 0 and created_by is not null));
alter table policy add constraint policy_created_by_fkey
    foreign key (account_id, created_by) references membership (account_id, user_id);

create table policy_draft (
    account_id uuid not null,
    policy_id uuid not null,
    document text not null,
    -- The version that its author had before them; 0: none.
    based_on integer not null,
    revision integer not null,
    author uuid not null,
    saved_at timestamptz not null,
    constraint policy_draft_pkey primary key (account_id, policy_id),
    constraint policy_draft_policy_fkey foreign key (account_id, policy_id) references policy (account_id, id),
    constraint policy_draft_author_fkey foreign key (account_id, author) references membership (account_id, user_id),
    constraint policy_draft_based_on_check check (based_on >= 0),
    constraint policy_draft_revision_check check (revision > 0)
);

alter table policy_draft enable row level security;
alter table policy_draft force row level security;
create policy tenant on policy_draft using (account_id = app_scope_account());
