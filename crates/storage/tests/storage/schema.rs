//! The schema keeps the rules that the code relies on, and every statement of the code fits it.

use std::{collections::BTreeSet, fs, path::Path};

use sqlx::{Executor as _, SqlSafeStr as _};
use storage::{Constraint, statements};

use crate::support::World;

/// Tables that belong to no account, each with its reason.
const OUTSIDE_ACCOUNTS: &[(&str, &str)] = &[
    ("_sqlx_migrations", "the migrator's own"),
    ("account", "the tenant itself; its id is the account"),
    ("app_user", "a person may belong to several accounts"),
    ("login_throttle", "counts hashes, before anybody is known"),
    ("oauth_client", "registered before anybody is known; public clients, nothing secret"),
    ("session", "a person's, across accounts"),
];

/// Of those, the ones without row-level security.
const OPEN: &[&str] = &["_sqlx_migrations", "login_throttle", "oauth_client"];

const TABLES: &str = "select c.relname, c.relrowsecurity and c.relforcerowsecurity, \
     exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'account_id' and not a.attisdropped), \
     exists (select from pg_policy p where p.polrelid = c.oid) \
     from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1";
const KEYS: &str = "select c.relname, k.conname, k.contype::text, \
     (select a.attname from pg_attribute a where a.attrelid = k.conrelid and a.attnum = k.conkey[1]), \
     (select r.relname from pg_class r where r.oid = k.confrelid) \
     from pg_constraint k join pg_class c on c.oid = k.conrelid \
     where c.relnamespace = 'public'::regnamespace and k.contype in ('p', 'f') order by 1, 2";
const NAMES: &str =
    "select conname::text from pg_constraint union select indexname::text from pg_indexes where schemaname = 'public'";
const ROLE: &str =
    "select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb from pg_roles where rolname = current_user";

#[tokio::test]
async fn every_statement_fits_the_schema() {
    let world = World::new().await;
    let mut connection = world.raw().await;
    let mut wrong = Vec::new();
    for (file, name, sql) in statements::all() {
        if let Err(error) = connection.prepare(sql.into_sql_str()).await {
            wrong.push(format!("{file} {name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn statements_list_their_columns() {
    let all = statements::all().into_iter();
    let open: Vec<_> =
        all.filter(|(.., sql)| ["select *", "returning *"].iter().any(|star| sql.contains(star))).collect();
    assert_eq!(open, [], "name the columns: a new one must not come into a row that nobody reads it from");
}

#[test]
fn every_file_with_statements_is_listed() {
    let listed: BTreeSet<String> = statements::all().iter().map(|(file, ..)| (*file).to_owned()).collect();
    let mut found = BTreeSet::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    collect(&source, &source, &mut found);
    assert_eq!(found, listed, "list each file with a `statements!` block in FILES_WITH_STATEMENTS");
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let name = path.strip_prefix(root).expect("below the root").display().to_string();
        if text.contains("\nstatements! {") {
            found.insert(name);
        } else if name != "cluster/bootstrap.rs" {
            assert_eq!(stray_sql(&text), None, "{name} has SQL outside a `statements!` block");
        }
    }
}

/// A query given as a literal or made at run time, or a constant with SQL that no `statements!` block lists.
fn stray_sql(text: &str) -> Option<&str> {
    let literal = |line: &str| line.contains("sqlx::query") && line.contains("(\"");
    let constant = |line: &str| {
        let sql = line.split_once("&str = \"").map_or("", |(_, sql)| sql);
        ["select ", "insert ", "update ", "delete ", "with "].iter().any(|verb| sql.starts_with(verb))
    };
    text.lines().find(|line| literal(line) || line.contains("AssertSqlSafe(") || constant(line))
}

#[tokio::test]
async fn every_tenant_table_is_walled() {
    let world = World::new().await;
    let mut connection = world.raw().await;
    let tables: Vec<(String, bool, bool, bool)> =
        sqlx::query_as(TABLES).fetch_all(&mut connection).await.expect("tables");
    assert!(tables.len() > 8, "the migrations ran");
    for (table, forced, has_account, has_policy) in tables {
        let outside = OUTSIDE_ACCOUNTS.iter().any(|(name, _)| *name == table);
        assert_ne!(has_account, outside, "{table}: has an account_id column, or a reason in OUTSIDE_ACCOUNTS");
        if !OPEN.contains(&table.as_str()) {
            assert!(forced && has_policy, "{table}: enable and force row-level security, and create a policy");
        }
    }
}

#[tokio::test]
async fn account_id_comes_first_in_every_key() {
    let world = World::new().await;
    let mut connection = world.raw().await;
    let keys: Vec<(String, String, String, String, Option<String>)> =
        sqlx::query_as(KEYS).fetch_all(&mut connection).await.expect("keys");
    let outside = |table: &str| OUTSIDE_ACCOUNTS.iter().any(|(name, _)| *name == table);
    for (table, key, kind, first, target) in keys {
        // The only way out of an account is from a membership to its person.
        let to_person = table == "membership" && target.as_deref() == Some("app_user");
        if outside(&table) || to_person {
            continue;
        }
        assert_eq!(first, "account_id", "{table}: {key} ({kind})");
        assert!(
            target.is_none_or(|target| target == "account" || !outside(&target)),
            "{table}: {key} leaves the account"
        );
    }
}

#[tokio::test]
async fn constraint_names_in_the_code_are_in_the_schema() {
    let world = World::new().await;
    let mut connection = world.raw().await;
    let names: Vec<String> = sqlx::query_scalar(NAMES).fetch_all(&mut connection).await.expect("names");
    for (constraint, name) in Constraint::ALL {
        assert!(names.iter().any(|known| known == name), "{constraint:?}: {name} is not in the schema");
    }
}

#[tokio::test]
async fn the_products_role_has_no_powers() {
    let world = World::new().await;
    let mut connection = world.raw().await;
    let powerful: bool = sqlx::query_scalar(ROLE).fetch_one(&mut connection).await.expect("the role");
    assert!(!powerful);
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let world = World::new().await;
    world.test.db.migrate().await.expect("the migrations are already there");
}
