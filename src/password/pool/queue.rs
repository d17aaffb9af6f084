//! `Queue`: the jobs that wait, by priority and in the order of their arrival.

use std::collections::VecDeque;

/// The order in which jobs run. All jobs of one priority run before those of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    Login,
    NewPassword,
    Rehash,
}

/// Jobs that wait. It never has more than its capacity.
pub(super) struct Queue<J> {
    by_priority: [VecDeque<(u64, J)>; 3],
    capacity: usize,
    next_id: u64,
}

/// Names a job in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JobId {
    priority: Priority,
    id: u64,
}

impl<J> Queue<J> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { by_priority: [const { VecDeque::new() }; 3], capacity, next_id: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.by_priority.iter().map(VecDeque::len).sum()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// Adds a job behind those of its priority.
    pub(super) fn push(&mut self, priority: Priority, job: J) -> JobId {
        let id = self.next_id;
        self.next_id += 1;
        self.of_priority(priority).push_back((id, job));
        JobId { priority, id }
    }

    /// Returns the job that runs next.
    pub(super) fn first(&self) -> Option<&J> {
        self.by_priority.iter().find_map(VecDeque::front).map(|(_, job)| job)
    }

    /// Removes the job that runs next.
    pub(super) fn pop(&mut self) -> Option<J> {
        self.by_priority.iter_mut().find_map(VecDeque::pop_front).map(|(_, job)| job)
    }

    /// Removes a job that has not started.
    pub(super) fn remove(&mut self, job: JobId) -> Option<J> {
        let queue = self.of_priority(job.priority);
        // Ids grow from front to back.
        let index = queue.binary_search_by_key(&job.id, |(id, _)| *id).ok()?;
        queue.remove(index).map(|(_, job)| job)
    }

    fn of_priority(&mut self, priority: Priority) -> &mut VecDeque<(u64, J)> {
        let [login, new_password, rehash] = &mut self.by_priority;
        match priority {
            Priority::Login => login,
            Priority::NewPassword => new_password,
            Priority::Rehash => rehash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_run_in_order_before_new_passwords_and_both_before_rehashes() {
        let mut queue = Queue::new(9);
        for (priority, job) in [
            (Priority::Rehash, "rehash"),
            (Priority::NewPassword, "new 1"),
            (Priority::Login, "login 1"),
            (Priority::NewPassword, "new 2"),
            (Priority::Login, "login 2"),
        ] {
            queue.push(priority, job);
        }
        assert_eq!(queue.first(), Some(&"login 1"));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, ["login 1", "login 2", "new 1", "new 2", "rehash"]);
    }

    #[test]
    fn a_job_is_removed_once_wherever_it_waits() {
        let mut queue = Queue::new(9);
        let ids: Vec<_> = (0..5).map(|job| queue.push(Priority::Login, job)).collect();
        assert_eq!(queue.remove(ids[3]), Some(3));
        assert_eq!(queue.remove(ids[3]), None);
        assert_eq!(queue.pop(), Some(0));
        assert_eq!(queue.remove(ids[0]), None);
        assert_eq!((queue.remove(ids[1]), queue.len()), (Some(1), 2));
    }

    #[test]
    fn a_queue_is_full_at_its_capacity() {
        let mut queue = Queue::new(2);
        queue.push(Priority::Login, ());
        assert!(!queue.is_full());
        queue.push(Priority::Rehash, ());
        assert!(queue.is_full());
        assert!(Queue::<()>::new(0).is_full());
    }
}
