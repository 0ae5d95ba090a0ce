-- Makes the role and the database of Portcullis on a Postgres server (15 or newer). Run once as a superuser:
--
--   psql -v ON_ERROR_STOP=1 -v password=… -f deploy/postgres/roles.sql
--
-- then start the product with DATABASE_URL=postgres://portcullis:…@host:5432/portcullis
--
-- The role owns the tables and migrates them. It is no superuser and may not bypass row-level security, which every tenant
-- table forces on its owner too; the product refuses to start as a role that may.

create role portcullis login password :'password'
    nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
create database portcullis owner portcullis encoding 'UTF8' template template0;
revoke all on database portcullis from public;
