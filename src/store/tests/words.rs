//! How rare words are, against what a restart would read back.

use std::sync::Arc;

use rusqlite::Connection;

use super::*;
use crate::store::story::Stories;

/// Writes a poll to its end in one transaction, which is undone where `is_kept` is false.
fn write(connection: &mut Connection, stories: &mut Stories, mut poll: PollCommit, is_kept: bool) -> Fallible {
    let mut transaction = connection.transaction()?;
    stories.begin(&transaction)?;
    let (mark, savepoint) = (stories.mark(), transaction.savepoint()?);
    commit::advance(&savepoint, stories, &mut poll, &mut None, &|| false)?;
    if is_kept {
        savepoint.commit()?;
    } else {
        stories.undo_to(mark);
        drop(savepoint);
    }
    transaction.commit()?;
    stories.settle(true);
    Ok(())
}

#[tokio::test]
async fn words_are_counted_as_a_restart_counts_them() -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    Store::open(&path)?.close().await;
    let mut connection = Connection::open(&path)?;
    let mut stories = Stories::load(&connection, Arc::default())?;
    let mut check = |connection: &mut Connection, poll: PollCommit, is_kept| -> Fallible {
        let before = stories.rarity().clone();
        write(connection, &mut stories, poll, is_kept)?;
        assert!(is_kept || *stories.rarity() == before, "what is undone was not counted");
        assert!(*Stories::load(connection, Arc::default())?.rarity() == *stories.rarity(), "a restart counts the same");
        Ok(())
    };
    let body = "区领导周一走访了三家企业,了解订单、用工和用电,园区答应在月底前逐条答复企业代表提出的七条建议。";
    let one = |n: usize| Entry {
        content_html: Some(format!("<p>{body}</p>").into()),
        ..entry(&n.to_string(), "区领导到青浦工业园区开展调研")
    };
    let other = |title: &str| vec![entry("1", title)];
    // Some are beyond the limits of the story.
    check(&mut connection, poll("flood", 0, (0..20).map(one).collect())?, true)?;
    // Words that change, of an entry with a story of its own and of one that is beyond.
    check(&mut connection, poll("b", 1, other("天齐锂业:客户进入补贴车型供应链"))?, true)?;
    check(&mut connection, poll("b", 2, other("星河航空宣布暂停北线航班"))?, false)?;
    check(&mut connection, poll("b", 2, other("星河航空宣布暂停北线航班"))?, true)?;
    let edited =
        (0..20).map(|n| if n == 19 { entry("19", "云州大学取消期末考试") } else { one(n) }).collect::<Vec<_>>();
    check(&mut connection, poll("flood", 3, edited.clone())?, false)?;
    check(&mut connection, poll("flood", 3, edited)?, true)?;
    // A month later: days leave the window.
    check(&mut connection, poll("c", 30 * 24 * 60, other("林远山夺得男子百米金牌"))?, false)?;
    check(&mut connection, poll("c", 30 * 24 * 60, other("林远山夺得男子百米金牌"))?, true)?;
    check(&mut connection, poll("b", 30 * 24 * 60 + 1, other("星河航空恢复北线航班"))?, true)?;
    Ok(())
}

/// A store of a version that signed entries otherwise is signed anew once.
#[tokio::test]
async fn signatures_of_before_are_made_anew() -> Fallible {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("r.db");
    let store = Store::open(&path)?;
    store.commit(poll("a", 0, vec![entry("1", "林远山夺得男子百米金牌"), entry("2", "青川湖大桥通车")])?).await?;
    store.close().await;
    drop(store);
    let connection = Connection::open(&path)?;
    let signed = |connection: &Connection| -> rusqlite::Result<Vec<Vec<u8>>> {
        connection.prepare("SELECT signature FROM entries ORDER BY row")?.query_map([], |row| row.get(0))?.collect()
    };
    let before = signed(&connection)?;
    connection.execute("UPDATE entries SET signature = zeroblob(32)", [])?;
    let stories = Stories::load(&connection, Arc::default())?;
    assert_eq!(signed(&connection)?, before);
    assert!(*Stories::load(&connection, Arc::default())?.rarity() == *stories.rarity());
    Ok(())
}

/// A clock that was wrong for a moment leaves entries that were seen in the future, or long ago: what is remembered of
/// the window is as if they had come in time.
#[tokio::test]
async fn a_clock_that_jumps_and_is_set_right_leaves_the_window_as_it_was() -> Fallible {
    const YEARS: i64 = 10 * 365 * 24 * 60;
    let body = "青川湖大桥全长十二公里,今天上午通车,过桥的时间从一小时缩短到十分钟,两岸的居民等了十年。";
    let news = |id: &str| Entry {
        content_html: Some(format!("<p>{body}</p>").into()),
        ..entry(id, "青川湖大桥今日通车")
    };
    for jump in [YEARS, -YEARS] {
        for is_restarted in [false, true] {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("r.db");
            let mut store = Store::open(&path)?;
            store.commit(poll("a", 0, vec![news("1")])?).await?;
            store.commit(poll("other", jump, vec![entry("x", "林远山夺得男子百米金牌")])?).await?;
            if is_restarted {
                store.close().await;
                drop(store);
                store = Store::open(&path)?;
            }
            store.commit(poll("b", 10, vec![news("2")])?).await?;
            store.commit(poll("c", 11, vec![entry("y", "星河航空宣布暂停北线航班")])?).await?;
            let what = format!("{jump} {is_restarted}");
            assert_eq!(store.story_count(), 3, "{what}: what was told before the jump is joined");
            // A document frequency of each word, as in a store whose clock was always right.
            store.close().await;
            let connection = Connection::open(&path)?;
            let mut stories = Stories::load(&connection, Arc::default())?;
            stories.follow_clock(&connection, now() + TimeDelta::minutes(11))?;
            connection.execute("UPDATE entries SET first_seen = ?1", [now().timestamp_millis()])?;
            if jump < 0 {
                // What was seen before the window is not counted.
                connection.execute("DELETE FROM entries WHERE source = 'other'", [])?;
            }
            assert!(*Stories::load(&connection, Arc::default())?.rarity() == *stories.rarity(), "{what}");
        }
    }
    Ok(())
}
