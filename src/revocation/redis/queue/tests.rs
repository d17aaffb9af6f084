//! Tests of the queue.

use super::*;
use crate::context::RevocationId;
use crate::revocation::redis::entry::encode;

fn record(number: u32) -> Record {
    Record::Entry { id: RevocationId([1, number.into()]), issued_until: 1, expires_at: number }
}

fn id(millis: u64) -> StreamId {
    StreamId { millis, number: 0 }
}

fn read(millis: u64, number: u32) -> RawEntry {
    RawEntry { id: id(millis), value: encode(&record(number)) }
}

async fn take(queue: &WriteQueue) -> Vec<QueuedRecord> {
    queue.take(100, || 0).await
}

/// Takes what waits, without waiting for more.
fn waiting(queue: &WriteQueue) -> Vec<Record> {
    queue.state().waiting.drain(..).map(|queued| queued.record).collect()
}

/// Writes these records, each with its number as the time of its id.
async fn write(queue: &WriteQueue, numbers: &[u32]) {
    for number in numbers {
        queue.push(record(*number)).unwrap();
        for queued in take(queue).await {
            queue.stored(id((*number).into()), queued);
        }
    }
}

#[tokio::test]
async fn a_caller_gets_the_result_when_its_record_is_stored() {
    let queue = WriteQueue::default();
    let mut receiver = queue.push(record(7)).unwrap();
    let queued = take(&queue).await.remove(0);
    assert!(receiver.try_recv().is_err(), "not before it is stored");
    queue.stored(id(5), queued);
    assert!(matches!(receiver.await, Ok(Ok(()))));
}

#[tokio::test]
async fn all_callers_get_a_failure_and_the_records_stay_until_they_expire() {
    let queue = WriteQueue::default();
    let receivers = [1, 2, 3].map(|number| queue.push(record(number)).unwrap());
    let taken = queue.take(2, || 0).await;
    queue.failed(taken, "no disk");
    for receiver in receivers {
        assert!(matches!(receiver.await, Ok(Err(text)) if text == "no disk"));
    }
    let mut again = queue.take(100, || 1).await;
    assert_eq!(again.iter().map(|queued| queued.record).collect::<Vec<_>>(), [record(2), record(3)]);
    again.drain(..).for_each(|queued| queue.stored(id(1), queued));
}

#[tokio::test]
async fn a_record_that_is_not_read_back_is_queued_again() {
    let queue = WriteQueue::default();
    write(&queue, &[10, 20, 30]).await;
    let start = queue.read_start();
    // 20 was replaced by another record with its id, and the read has not reached 30.
    assert_eq!(queue.confirm(start, &[read(10, 10), read(20, 99), read(25, 1)], id(25), false), 1);
    assert_eq!(waiting(&queue), [record(20)]);
    assert_eq!(queue.confirm(start, &[], id(25), true), 1);
    assert_eq!(waiting(&queue), [record(30)]);
    assert_eq!(queue.confirm(start, &[], id(25), true), 0);
}

#[tokio::test]
async fn a_record_that_was_stored_after_a_read_began_may_be_missing_from_it() {
    let queue = WriteQueue::default();
    let start = queue.read_start();
    write(&queue, &[10]).await;
    assert_eq!(queue.confirm(start, &[], id(5), true), 0);
    let start = queue.read_start();
    assert_eq!(queue.confirm(start, &[read(10, 10)], id(10), true), 0);
    assert_eq!(waiting(&queue), []);
}

#[tokio::test]
async fn a_record_may_be_read_back_before_the_reply_to_its_write() {
    let queue = WriteQueue::default();
    queue.push(record(10)).unwrap();
    queue.push(record(20)).unwrap();
    let taken = take(&queue).await;
    assert_eq!(queue.confirm(queue.read_start(), &[read(10, 10), read(20, 99)], id(20), true), 0);
    for queued in taken {
        let millis = queued.record.expires_at().into();
        queue.stored(id(millis), queued);
    }
    queue.end_write();
    assert_eq!(queue.confirm(queue.read_start(), &[], id(20), true), 1, "another record has the id 20");
    assert_eq!(waiting(&queue), [record(20)]);
}

#[tokio::test]
async fn a_full_or_closed_queue_takes_no_records_and_reports_an_overflow_once() {
    let queue = WriteQueue::default();
    let receivers: Vec<_> = (0..MAX_WAITING as u32).map(|number| queue.push(record(number)).unwrap()).collect();
    assert!(queue.push(record(0)).is_none());
    assert!(queue.take_overflow());
    assert!(!queue.take_overflow());
    queue.close();
    for receiver in receivers {
        assert!(receiver.await.is_err());
    }
    assert!(queue.push(record(0)).unwrap().await.is_err());
    assert!(queue.join().is_none() && !queue.take_overflow());
}

#[tokio::test]
async fn a_caller_who_joins_gets_the_result_of_what_was_queued_before() {
    let queue = WriteQueue::default();
    assert!(matches!(queue.join().unwrap().await, Ok(Ok(()))), "nothing is queued");
    for (fails, is_taken) in [(false, false), (false, true), (true, true)] {
        let _first = queue.push(record(1)).unwrap();
        let mut taken = if is_taken { take(&queue).await } else { Vec::new() };
        let mut joined = queue.join().unwrap();
        let _second = queue.push(record(2)).unwrap();
        assert!(joined.try_recv().is_err(), "not before the first record is stored");
        taken = if is_taken { taken } else { queue.take(1, || 0).await };
        if fails {
            queue.failed(taken, "no disk");
            queue.end_write();
            assert!(matches!(joined.await, Ok(Err(text)) if text == "no disk"));
            continue;
        }
        queue.stored(id(1), taken.remove(0));
        queue.end_write();
        assert!(matches!(joined.await, Ok(Ok(()))), "the second record is later");
        take(&queue).await;
        queue.end_write();
    }
    // Those that failed have expired.
    let joined = queue.join().unwrap();
    let wait = queue.take(100, || 9);
    tokio::select! {
        biased;
        taken = wait => panic!("{taken:?}"),
        result = joined => assert!(matches!(result, Ok(Ok(())))),
    }
}

#[test]
fn no_caller_joins_while_the_stream_may_lack_records() {
    let queue = WriteQueue::default();
    queue.set_recovering(true);
    assert!(queue.join().is_none());
    queue.set_recovering(false);
    assert!(queue.join().is_some());
    let receivers: Vec<_> = (0..=MAX_WAITING as u32).map(|number| queue.push(record(number))).collect();
    assert!(receivers.last().unwrap().is_none() && queue.join().is_none());
    assert!(queue.take_overflow());
    assert!(queue.join().is_none(), "the comparison has started");
}

#[tokio::test]
async fn records_that_are_not_read_back_are_bounded_and_more_of_them_are_an_overflow() {
    let queue = WriteQueue::default();
    for number in 0..=MAX_WAITING as u32 {
        assert!(!queue.take_overflow(), "{number}");
        queue.stored(id(number.into()), QueuedRecord { record: record(number), number: number.into(), sender: None });
    }
    assert!(queue.take_overflow());
    assert_eq!(queue.state().unconfirmed.len(), MAX_WAITING);
}

#[tokio::test]
async fn the_writer_is_woken_by_a_new_record() {
    let queue = WriteQueue::default();
    let (taken, _receiver) = tokio::join!(take(&queue), async { queue.push(record(3)) });
    assert_eq!(taken.len(), 1);
}
