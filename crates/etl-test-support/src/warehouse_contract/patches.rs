//! Which patches days were counted by.

use domain::{Patch, Timestamp};

use super::Target;

pub(super) async fn a_list_is_kept_as_a_whole(target: &dyn Target) {
    let list = |patches: &[(&str, i64)]| -> Vec<Patch> {
        let patches = patches.iter().map(|(name, since)| Patch {
            name: (*name).to_owned(),
            since: Timestamp::from_unix_seconds(*since),
        });
        patches.collect()
    };
    let store = target.patches();
    let kept = async || store.kept_patches().await.expect("the warehouse answers");
    assert_eq!(kept().await, [], "nobody has kept anything");
    let lists = [
        list(&[("7.39", 1_747_956_962), ("7.40", 1_765_846_241)]),
        // One is gone, one begins earlier, one is new.
        list(&[("7.40", 1_765_846_240), ("7.41", 1_774_313_460)]),
        list(&[("7.40", 1_765_846_240), ("7.41", 1_774_313_460)]),
        list(&[("7.39", 1_747_956_962)]),
    ];
    for list in lists {
        let done = store.keep_patches(&list).await;
        done.expect("the warehouse takes patches");
        assert_eq!(kept().await, list, "the last list, and nothing of others");
    }
}
