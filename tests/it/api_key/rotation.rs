//! Rotation: two texts are valid until the grace period ends.

use portcullis::api_key::Grace;

use super::*;

#[tokio::test]
async fn both_texts_are_valid_until_the_grace_period_ends() {
    let fixture = Fixture::with(|builder| builder.cache_ttl(60 * MINUTE));
    let old = fixture.create().await;
    assert_eq!(fixture.status(old.secret()).await, 200);
    let new = fixture.keys.rotate(old.id(), Grace::hours(1)).await.unwrap().unwrap();
    assert_ne!(old.secret(), new.secret());
    assert_eq!((old.id(), new.record().version()), (new.id(), 2));
    assert_eq!(old.record().scopes(), new.record().scopes());
    assert_eq!([fixture.status(old.secret()).await, fixture.status(new.secret()).await], [200, 200]);
    fixture.clock.advance(60 * MINUTE - Duration::from_millis(1));
    assert_eq!([fixture.status(old.secret()).await, fixture.status(new.secret()).await], [200, 200]);
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!([fixture.status(old.secret()).await, fixture.status(new.secret()).await], [401, 200]);
}

#[tokio::test]
async fn no_grace_ends_the_old_text_at_once() {
    let fixture = Fixture::new();
    let old = fixture.create().await;
    assert_eq!(fixture.status(old.secret()).await, 200);
    let new = fixture.keys.rotate(old.id(), Grace::none()).await.unwrap().unwrap();
    assert_eq!([fixture.status(old.secret()).await, fixture.status(new.secret()).await], [401, 200]);
}

#[tokio::test]
async fn second_rotation_within_the_grace_period_ends_the_oldest_text() {
    let fixture = Fixture::new();
    let first = fixture.create().await;
    let second = fixture.keys.rotate(first.id(), Grace::days(1)).await.unwrap().unwrap();
    let third = fixture.keys.rotate(first.id(), Grace::minutes(1)).await.unwrap().unwrap();
    for (key, status) in [(&first, 401), (&second, 200), (&third, 200)] {
        assert_eq!(fixture.status(key.secret()).await, status);
    }
    fixture.clock.advance(MINUTE);
    for (key, status) in [(&first, 401), (&second, 401), (&third, 200)] {
        assert_eq!(fixture.status(key.secret()).await, status);
    }
}

#[tokio::test]
async fn networks_and_usage_stay() {
    let fixture = Fixture::new();
    let new = NewApiKey::for_user(&ann()).networks(["203.0.113.0/24"]);
    let key = fixture.keys.create(new).await.unwrap();
    fixture.keys.rotate(key.id(), Grace::none()).await.unwrap();
    let record = fixture.keys.find(key.id()).await.unwrap().unwrap();
    assert_eq!(record.networks().collect::<Vec<_>>(), ["203.0.113.0/24"]);

    let used = fixture.create().await;
    assert_eq!(fixture.status(used.secret()).await, 200);
    fixture.keys.flush().await.unwrap();
    let rotated = fixture.keys.rotate(used.id(), Grace::hours(1)).await.unwrap().unwrap();
    assert_eq!(fixture.status(used.secret()).await, 200);
    assert_eq!(fixture.status(rotated.secret()).await, 200);
    fixture.keys.flush().await.unwrap();
    assert_eq!(fixture.keys.find(used.id()).await.unwrap().unwrap().usage_count(), 3);
}

#[tokio::test]
async fn other_processes_accept_a_new_text_and_read_the_record_once_a_second_for_unknown_ones() {
    const SECOND: Duration = Duration::from_secs(1);
    let fixture = Fixture::with(|builder| builder.cache_ttl(60 * MINUTE));
    let other = Fixture::of(fixture.store.clone(), fixture.clock.clone(), |builder| builder.cache_ttl(60 * MINUTE));
    let first = fixture.create().await;
    assert_eq!(other.status(first.secret()).await, 200);
    fixture.clock.advance(SECOND);
    let second = fixture.keys.rotate(first.id(), Grace::none()).await.unwrap().unwrap();
    assert_eq!([other.status(second.secret()).await, other.status(first.secret()).await], [200, 401]);

    for _ in 0..2 {
        let finds = fixture.store.finds();
        fixture.clock.advance(SECOND);
        for _ in 0..100 {
            assert_eq!([other.status(first.secret()).await, other.status(second.secret()).await], [401, 200]);
        }
        assert_eq!(fixture.store.finds() - finds, 1);
    }
    fixture.store.set_down(true);
    fixture.clock.advance(SECOND);
    assert_eq!([other.status(first.secret()).await, other.status(second.secret()).await], [401, 200]);
}
