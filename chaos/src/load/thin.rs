//! Which requests of a load are kept one by one, or drawn, where there is no room for all? Those that failed first; of
//! the others some of every second, so that no part of the time looks as if nobody had asked.

/// What a request looks like from afar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was done.
    Done,
    /// It was told no.
    Refused,
    /// Nobody answered, or it was told not now.
    Failed,
}

impl Kind {
    /// By the status of its answer, and whether that is what was hoped for.
    pub fn of(status: Option<u64>, done: bool) -> Kind {
        match status {
            Some(_) if done => Kind::Done,
            Some(status) if status < 500 => Kind::Refused,
            _ => Kind::Failed,
        }
    }
}

/// About `most` of these, in their order: all that failed, and of those that were done, and of those that were refused,
/// one in so many. A picture of refusals alone would look like a service that is down.
pub fn thinned<T>(mut all: Vec<T>, most: usize, kind: impl Fn(&T) -> Kind) -> Vec<T> {
    let count = |of| all.iter().filter(|one| kind(one) == of).count();
    let (done, refused) = (count(Kind::Done), count(Kind::Refused));
    let room = most.saturating_sub(count(Kind::Failed));
    // Each gets half, and what the other one leaves.
    let room_for_refused = refused.min((room / 2).max(room.saturating_sub(done)));
    let mut of_done = (0..).map(one_in(room - room_for_refused, done));
    let mut of_refused = (0..).map(one_in(room_for_refused, refused));
    all.retain(|one| match kind(one) {
        Kind::Failed => true,
        Kind::Done => of_done.next() == Some(true),
        Kind::Refused => of_refused.next() == Some(true),
    });
    all
}

/// At most so many of these, whatever they are, in their order.
pub fn at_most<T>(mut all: Vec<T>, most: usize) -> Vec<T> {
    let mut kept = (0..).map(one_in(most, all.len()));
    all.retain(|_| kept.next() == Some(true));
    all
}

/// Which ones of so many find room, spread over all of them.
fn one_in(room: usize, of: usize) -> impl Fn(usize) -> bool {
    let before = move |number: usize| number * room.min(of) / of.max(1);
    move |number| before(number + 1) > before(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [(Kind, usize); 3] = [(Kind::Done, 900), (Kind::Refused, 300), (Kind::Failed, 10)];

    fn all() -> Vec<Kind> {
        KINDS.iter().flat_map(|(kind, times)| vec![*kind; *times]).collect()
    }

    fn counts(kept: &[Kind]) -> [usize; 3] {
        KINDS.map(|(kind, _)| kept.iter().filter(|one| **one == kind).count())
    }

    #[test]
    fn a_large_load_still_shows_what_went_well_and_every_request_that_failed() {
        let kept = |most| counts(&thinned(all(), most, |kind| *kind));
        assert_eq!(kept(110), [50, 50, 10]);
        assert_eq!(kept(1_110), [800, 300, 10], "all the room is used");
        assert_eq!(kept(2_000), [900, 300, 10], "where there is room nothing is left out");
        assert_eq!(kept(5), [0, 0, 10]);
        assert_eq!(counts(&at_most(all(), 121)).iter().sum::<usize>(), 121);
    }

    #[test]
    fn what_is_kept_is_from_all_of_the_time() {
        let kept = at_most((0..1_000).collect(), 30);
        assert_eq!(kept.len(), 30);
        assert!(kept.windows(2).all(|pair| pair[1] - pair[0] <= 34), "{kept:?}");
        assert!(kept[0] < 34 && kept[29] > 965, "{kept:?}");
    }

    #[test]
    fn a_kind_is_told_by_the_answer() {
        for (status, done, kind) in [
            (Some(200), true, Kind::Done),
            (Some(401), true, Kind::Done),
            (Some(401), false, Kind::Refused),
            (Some(503), false, Kind::Failed),
            (None, false, Kind::Failed),
        ] {
            assert_eq!(Kind::of(status, done), kind);
        }
    }
}
