//! A store whose file is taken away while it is open.

use super::*;
use crate::store::{LostFile, StoreProblem};

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
            matches!(store.problem(), Some(StoreProblem::Lost(LostFile { is_replaced: false, saved: Some(at), .. })) if at == path),
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
    assert!(matches!(&lost, Err(StoreError::Lost(lost)) if lost.is_replaced && !lost.is_restored()), "{lost:?}");
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
