-- A request for an approval may be made by an app instead of with a key.

alter table approval add column app_id uuid;
alter table approval alter column key_id drop not null;
alter table approval add constraint approval_credential_check check (num_nonnulls(key_id, app_id) = 1);
