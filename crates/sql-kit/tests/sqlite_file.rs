//! A SQLite file as its users meet it.

use std::fs;

use sql_kit::{Fault, OpenError, Schema, SqliteFile};
use sqlx::SqlitePool;

const FIRST: Schema = Schema(&["CREATE TABLE tides (height INTEGER NOT NULL) STRICT"]);
const SECOND: Schema = Schema(&[
    "CREATE TABLE tides (height INTEGER NOT NULL) STRICT",
    "ALTER TABLE tides ADD COLUMN place TEXT; INSERT INTO tides VALUES (1, 'Brest')",
]);
const BROKEN: Schema = Schema(&[
    "CREATE TABLE tides (height INTEGER NOT NULL) STRICT",
    "CREATE TABLE moons (phase INTEGER); CREATE TABLE tides (height INTEGER)",
]);

async fn count(pool: &SqlitePool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM tides")
        .fetch_one(pool)
        .await
}

fn writer(file: &SqliteFile) -> &SqlitePool {
    file.writer().expect("it was opened for writing")
}

#[tokio::test]
async fn what_is_written_is_read_by_another_that_only_reads() {
    let folder = tempfile::tempdir().expect("there is room for tests");
    let path = folder.path().join("not/there/yet.db");
    let missing = SqliteFile::open_read_only(&path, FIRST.version()).await;
    assert!(matches!(missing, Err(OpenError::Missing(_))));

    let file = SqliteFile::open(&path, FIRST).await.expect("it is made");
    let read_only = SqliteFile::open_read_only(&path, FIRST.version()).await;
    let read_only = read_only.expect("it is there");
    sqlx::query("INSERT INTO tides VALUES (3)")
        .execute(writer(&file))
        .await
        .expect("it is taken");
    assert_eq!(count(file.readers()).await.ok(), Some(1));
    assert_eq!(count(read_only.readers()).await.ok(), Some(1));

    assert!(read_only.writer().is_none());
    let refused = sqlx::query("DELETE FROM tides")
        .execute(read_only.readers())
        .await
        .expect_err("readers do not write");
    assert_eq!(Fault::of(&refused), Fault::ReadOnly);
    read_only.close().await;
    file.close().await;
}

#[tokio::test]
async fn settings_that_promises_rest_on_are_in_force() {
    let folder = tempfile::tempdir().expect("there is room for tests");
    let file = SqliteFile::open(&folder.path().join("a.db"), FIRST).await;
    let file = file.expect("it is made");
    let pragma = async |name: &'static str| -> String {
        sqlx::query_scalar::<_, String>(name)
            .fetch_one(writer(&file))
            .await
            .expect("it is known")
    };
    assert_eq!(
        pragma("SELECT journal_mode FROM pragma_journal_mode").await,
        "wal"
    );
    // 2 is FULL: a commit is on the disk.
    assert_eq!(
        pragma("SELECT cast(synchronous AS TEXT) FROM pragma_synchronous").await,
        "2"
    );
    assert_eq!(
        pragma("SELECT cast(foreign_keys AS TEXT) FROM pragma_foreign_keys").await,
        "1"
    );
}

#[tokio::test]
async fn a_schema_grows_and_never_shrinks() {
    let folder = tempfile::tempdir().expect("there is room for tests");
    let path = folder.path().join("a.db");
    let file = SqliteFile::open(&path, FIRST).await.expect("it is made");
    file.close().await;
    let older = SqliteFile::open_read_only(&path, SECOND.version()).await;
    assert!(matches!(
        older,
        Err(OpenError::Older {
            found: 1,
            known: 2,
            ..
        })
    ));

    for _ in 0..2 {
        let file = SqliteFile::open(&path, SECOND).await.expect("it grows");
        assert_eq!(
            count(file.readers()).await.ok(),
            Some(1),
            "a step is taken once"
        );
        file.close().await;
    }
    let newer = SqliteFile::open(&path, FIRST).await;
    assert!(matches!(
        newer,
        Err(OpenError::Newer {
            found: 2,
            known: 1,
            ..
        })
    ));
    let newer = SqliteFile::open_read_only(&path, FIRST.version()).await;
    assert!(matches!(
        newer,
        Err(OpenError::Newer {
            found: 2,
            known: 1,
            ..
        })
    ));
}

#[tokio::test]
async fn steps_are_taken_all_or_none() {
    let folder = tempfile::tempdir().expect("there is room for tests");
    let path = folder.path().join("a.db");
    SqliteFile::open(&path, BROKEN)
        .await
        .expect_err("the second step fails");
    let file = SqliteFile::open(&path, SECOND)
        .await
        .expect("it is as before");
    let moons = sqlx::query("SELECT * FROM moons")
        .execute(file.readers())
        .await;
    let error = moons.expect_err("no part of the step was taken");
    assert_eq!(Fault::of(&error), Fault::Schema);
}

/// A file that is new is the hard case: one of them turns it to the journal that readers do not wait
/// for, with a lock for which SQLite itself does not wait.
#[tokio::test]
async fn who_opens_at_the_same_time_waits() {
    let folder = tempfile::tempdir().expect("there is room for tests");
    for round in 0..50 {
        let path = folder.path().join(format!("{round}.db"));
        let open = (0..8).map(|_| SqliteFile::open(&path, SECOND));
        for file in futures_util::future::join_all(open).await {
            let file = file.expect("each finds it as it should be");
            assert_eq!(count(file.readers()).await.ok(), Some(1));
            file.close().await;
        }
    }
}

#[tokio::test]
async fn errors_name_the_file_and_what_helps() {
    let folder = tempfile::tempdir().expect("there is room for tests");
    let check = async |path: &str, words: &str| {
        let error = SqliteFile::open(&folder.path().join(path), FIRST).await;
        let error = error.expect_err("it is not opened").to_string();
        assert!(error.contains(path) && error.contains(words), "{error}");
    };
    fs::write(
        folder.path().join("text.db"),
        "no database at all ".repeat(100),
    )
    .expect("it is written");
    check("text.db", "move it away").await;
    check("text.db/in-a-file.db", "the right to write").await;
    fs::create_dir(folder.path().join("folder.db")).expect("it is made");
    check("folder.db", "the right to write").await;
}

#[tokio::test]
async fn a_fault_is_known_by_what_helps() {
    let folder = tempfile::tempdir().expect("there is room for tests");
    let path = folder.path().join("a.db");
    let file = SqliteFile::open(&path, FIRST).await.expect("it is made");
    let check = async |statements: &'static str, expected: Fault| {
        let done = sqlx::raw_sql(statements).execute(writer(&file)).await;
        let error = done.expect_err("it fails");
        assert_eq!(Fault::of(&error), expected, "{statements}: {error}");
    };
    check("INSERT INTO tides VALUES (NULL)", Fault::Content).await;
    check("INSERT INTO tides VALUES ('high')", Fault::Content).await;
    check("INSERT INTO moons VALUES (1)", Fault::Schema).await;
    check("SELECT phase FROM tides", Fault::Schema).await;
    check(
        "PRAGMA query_only = 1; INSERT INTO tides VALUES (1)",
        Fault::ReadOnly,
    )
    .await;
    check(
        "PRAGMA query_only = 0; PRAGMA max_page_count = 10; CREATE TABLE much (bytes BLOB);
         INSERT INTO much VALUES (zeroblob(100000))",
        Fault::Full,
    )
    .await;
}
