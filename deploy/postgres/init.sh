#!/bin/sh
# Run once by the postgres image: makes the role and the database that Portcullis uses.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$PORTCULLIS_DB_PASSWORD" --username postgres --file /portcullis/roles.sql
