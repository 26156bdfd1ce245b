#!/bin/sh
# Read once by PostgreSQL's image, in an empty volume: the two roles of docs/deploy.md.
set -eu
psql --set ON_ERROR_STOP=1 --set owner="$OWNER_PASSWORD" --set app="$APP_PASSWORD" --username postgres <<'SQL'
CREATE ROLE thinkrr_owner LOGIN PASSWORD :'owner';
CREATE ROLE thinkrr_app LOGIN PASSWORD :'app';
CREATE DATABASE thinkrr OWNER thinkrr_owner;
SQL
