-- The arguments of calls and of requests for approval can be forgotten when they are old, and old requests removed.

alter table approval alter column arguments drop not null;

create index call_arguments_idx on call (account_id, decided_at) where arguments is not null;
create index approval_expires_idx on approval (account_id, expires_at);
