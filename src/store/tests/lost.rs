//! A store whose file is taken away while it is open.

use super::*;
use crate::store::{LossCause, LostFile, StoreProblem};

async fn filled(path: &Path) -> Result<Store, Box<dyn std::error::Error>> {
    let store = Store::open(path)?;
    store.commit(poll("a", 0, vec![entry("1", "one"), entry("2", "two")])?).await?;
    Ok(store)
}

fn titles(store: &Store) -> Result<Vec<String>, StoreError> {
    let stories = store.river(&Selection::All, &|_| true, &top(), 10)?.stories;
    Ok(stories.into_iter().map(|story| story.entry.title).collect())
}

#[tokio::test]
async fn one_that_is_deleted_is_written_again_and_goes_on() -> Fallible {
    for with_log in [true, false] {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("r.db");
        let store = filled(&path).await?;
        assert_eq!((titles(&store)?.len(), store.problem()), (2, None));
        std::fs::remove_file(&path)?;
        if with_log {
            std::fs::remove_file(folder.path().join("r.db-wal"))?;
            std::fs::remove_file(folder.path().join("r.db-shm"))?;
        }
        let committed = store.commit(poll("a", 1, vec![entry("1", "one"), entry("3", "three")])?).await?;
        assert_eq!(committed.counts, Counts { new: 1, changed: 0, unchanged: 1 });
        assert!(
            matches!(store.problem(), Some(StoreProblem::Lost(LostFile { cause: LossCause::Deleted, saved: Some(at), .. })) if at == path),
            "{:?}",
            store.problem()
        );
        let expected = ["one", "two", "three"];
        let here = |store: &Store| {
            titles(store).map(|mut all| {
                all.sort_by_key(|t| expected.iter().position(|e| e == t));
                all
            })
        };
        assert_eq!(here(&store)?, expected);
        store.close().await;
        drop(store);
        let store = Store::open(&path)?;
        assert_eq!((here(&store)?, store.problem()), (expected.map(str::to_owned).to_vec(), None));
        assert!(store.integrity()?.is_empty());
        let left: Vec<_> = std::fs::read_dir(folder.path())?.flatten().map(|file| file.file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("saved")), "{left:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_file_that_was_put_in_its_place_is_left_alone() -> Fallible {
    let folder = tempfile::tempdir()?;
    let (path, other) = (folder.path().join("r.db"), folder.path().join("other.db"));
    let foreign = Store::open(&other)?;
    foreign.commit(poll("b", 0, vec![entry("9", "nine")])?).await?;
    foreign.close().await;
    drop(foreign);
    let bytes = std::fs::read(&other)?;
    let store = filled(&path).await?;
    std::fs::rename(&other, &path)?;
    let looked = store.clone();
    let lost = tokio::task::spawn_blocking(move || looked.look_after_file()).await?;
    assert!(
        matches!(&lost, Err(StoreError::Lost(lost)) if lost.cause == LossCause::Replaced && !lost.is_restored()),
        "{lost:?}"
    );
    let refused = store.commit(poll("a", 1, vec![entry("4", "four")])?).await;
    assert!(matches!(refused, Err(StoreError::Lost(_))), "{refused:?}");
    assert!(titles(&store).is_err(), "what is there is not ours");
    store.close().await;
    drop(store);
    assert_eq!(std::fs::read(&path)?, bytes, "it is as it was put there");
    assert_eq!(titles(&Store::open(&path)?)?, ["nine"]);
    let saved = Store::open(&folder.path().join("r.db.saved-1"))?;
    assert_eq!(titles(&saved)?.len(), 2);
    Ok(())
}

/// What is not folded in stands in the write-ahead log alone, and the database looks as it was.
#[tokio::test]
async fn a_log_that_is_deleted_beside_its_database_is_noticed_and_what_it_held_saved() -> Fallible {
    for ends in [&["-wal"][..], &["-wal", "-shm"]] {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("r.db");
        let store = filled(&path).await?;
        assert_eq!(titles(&store)?.len(), 2);
        for end in ends {
            std::fs::remove_file(folder.path().join(format!("r.db{end}")))?;
        }
        let looked = store.clone();
        tokio::task::spawn_blocking(move || looked.look_after_file()).await??;
        assert!(
            matches!(store.problem(), Some(StoreProblem::Lost(LostFile { saved: Some(at), .. })) if at == path),
            "{:?}",
            store.problem()
        );
        store.commit(poll("a", 1, vec![entry("1", "one"), entry("3", "three")])?).await?;
        assert_eq!(titles(&store)?.len(), 3);
        store.close().await;
        drop(store);
        let store = Store::open(&path)?;
        assert_eq!((titles(&store)?.len(), store.integrity()?), (3, Vec::new()));
    }
    Ok(())
}

/// Looks after the file as the daemon does each second; what was found.
async fn looked(store: &Store) -> Result<Option<LostFile>, Box<dyn std::error::Error>> {
    let at_work = store.clone();
    match tokio::task::spawn_blocking(move || at_work.look_after_file()).await? {
        Ok(()) => Ok(match store.problem() {
            Some(StoreProblem::Lost(lost)) => Some(lost),
            _ => None,
        }),
        Err(StoreError::Lost(lost)) => Ok(Some(lost)),
        Err(error) => Err(error.into()),
    }
}

/// SQLite does not see that its file is cut in place: what is in the log and the cache is saved.
#[tokio::test]
async fn one_that_is_cut_in_place_is_written_again_where_it_can_be_read() -> Fallible {
    for left in [0, 50, 4096] {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("r.db");
        let store = filled(&path).await?;
        std::fs::OpenOptions::new().write(true).open(&path)?.set_len(left)?;
        let lost = looked(&store).await?.ok_or("not noticed")?;
        assert!(lost.cause == LossCause::Cut && lost.is_whole && lost.is_restored(), "{left}: {lost:?}");
        store.commit(poll("a", 1, vec![entry("1", "one"), entry("3", "three")])?).await?;
        store.close().await;
        drop(store);
        let store = Store::open(&path)?;
        assert_eq!((titles(&store)?.len(), store.integrity()?), (3, Vec::new()), "{left}");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_left_of_one_that_was_cut_is_kept() -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    let store = Store::open(&path)?;
    for n in 0..20 {
        let entries =
            (0..50).map(|i| entry(&format!("{n}-{i}"), &format!("title {n} {i} {}", "x".repeat(400)))).collect();
        store.commit(poll("a", n, entries)?).await?;
    }
    store.close().await;
    drop(store);
    // All of it is in the database, and none of it in the log or a cache.
    let store = Store::open(&path)?;
    store.commit(poll("a", 30, vec![entry("last", "the last one")])?).await?;
    assert_eq!(looked(&store).await?, None);
    let file = std::fs::OpenOptions::new().write(true).open(&path)?;
    file.set_len(file.metadata()?.len() / 2 / 4096 * 4096)?;
    let lost = looked(&store).await?.ok_or("not noticed")?;
    assert!(lost.cause == LossCause::Cut && !lost.is_restored(), "{lost:?}");
    let saved = lost.saved.clone().ok_or("not saved")?;
    let refused = store.commit(poll("a", 31, vec![entry("4", "four")])?).await;
    assert!(matches!(refused, Err(StoreError::Lost(_))), "{refused:?}");
    store.close().await;
    let connection = Connection::open(saved)?;
    let last = connection
        .query_row("SELECT data ->> 'title' FROM entries ORDER BY row DESC LIMIT 1", [], |row| row.get::<_, String>(0));
    assert_eq!(last.as_deref(), Ok("the last one"), "what was written last is in the log");
    Ok(())
}

/// Copies over the open file: another store, an older copy, a backup of this moment, and no database at all.
#[tokio::test]
async fn what_is_written_over_it_is_left_alone_and_what_it_held_saved() -> Fallible {
    for what in ["another", "older", "backup", "junk", "zeros"] {
        let folder = tempfile::tempdir()?;
        let (path, other) = (folder.path().join("r.db"), folder.path().join("other.db"));
        let store = filled(&path).await?;
        assert_eq!(looked(&store).await?, None);
        match what {
            "another" => filled(&other).await?.close().await,
            "older" => {
                let checkpoint = || Connection::open(&path)?.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()));
                checkpoint()?;
                std::fs::copy(&path, &other)?;
                assert_eq!(looked(&store).await?, None);
                store.commit(poll("a", 1, vec![entry("1", "one, again"), entry("2", "two")])?).await?;
                checkpoint()?;
                assert_eq!(looked(&store).await?, None);
            }
            "backup" => drop(store.backup(&other)?),
            "junk" => {
                std::fs::write(&other, "not a database at all, and longer than the header of one would be".repeat(9))?
            }
            _ => std::fs::write(&other, vec![0; usize::try_from(std::fs::metadata(&path)?.len())?])?,
        }
        // The same file, in which another content stands.
        let bytes = std::fs::read(&other)?;
        std::fs::write(&path, &bytes)?;
        let lost = looked(&store).await?.ok_or(format!("{what} was not noticed"))?;
        assert!(lost.cause == LossCause::Overwritten && !lost.is_restored(), "{what}: {lost:?}");
        let refused = store.commit(poll("a", 2, vec![entry("4", "four")])?).await;
        assert!(matches!(refused, Err(StoreError::Lost(_))), "{what}: {refused:?}");
        assert!(titles(&store).is_err(), "{what}");
        store.close().await;
        drop(store);
        assert!(std::fs::read(&path)? == bytes, "{what} is as it was put there");
        assert!(!folder.path().join("r.db-wal").exists(), "{what}: the log would be taken for that of the other");
        let saved = lost.saved.filter(|_| lost.is_whole).ok_or(format!("{what}: not saved"))?;
        assert_eq!(titles(&Store::open(&saved)?)?.len(), 2, "{what}");
    }
    Ok(())
}

/// Others write, fold the log in and shrink the file beside us: none of that is a loss.
#[tokio::test]
async fn what_other_programs_of_sqlite_do_is_no_loss() -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    let store = filled(&path).await?;
    let beside = Store::open(&path)?;
    for n in 1..20 {
        let entries = (0..20).map(|i| entry(&format!("{n}-{i}"), &format!("title {n} {i}"))).collect();
        if n % 2 == 0 { &store } else { &beside }.commit(poll("b", n, entries)?).await?;
        let other = Connection::open(&path)?;
        other.busy_timeout(std::time::Duration::from_secs(10))?;
        match n % 4 {
            0 => other.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?,
            1 => {
                other.execute_batch("DELETE FROM entries WHERE row % 3 = 0; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?
            }
            2 => other.execute_batch("BEGIN IMMEDIATE; INSERT INTO meta VALUES (hex(randomblob(9)), 'x'); COMMIT")?,
            _ => {}
        }
        assert_eq!((looked(&store).await?, looked(&beside).await?), (None, None), "{n}");
    }
    Ok(())
}
