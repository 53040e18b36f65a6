//! What is the verdict? The flow says what it believes, the history says whether that is true, and the
//! proof says whether it means anything. A pure function, so that it can be tested on what never happens.

use super::stage::{Happened, Struck};
use crate::client::record::Exchange;
use crate::cue::Move;
use crate::history::{self, FOREIGN_SESSION, Final, Finding};
use crate::http::NoAnswer;
use crate::results::Observed;
use crate::trouble::Trouble;
use crate::verdict::{Outcome, Verdict};
use crate::way::Way;

/// All that came of one play.
#[derive(Debug, Clone)]
pub struct Played {
    /// By which way the client's requests went.
    pub way: Way,
    /// How the flow ended in its own eyes.
    pub outcome: Outcome,
    /// The moves it made to help itself.
    pub moves: Vec<Move>,
    /// Everything it asked and was answered.
    pub log: Vec<Exchange>,
    /// What happened meanwhile.
    pub happened: Happened,
    /// What the service holds in the end, or why the checker could not read it.
    pub held: Result<Final, String>,
    /// How many calls to Redis the flow took; counted only where nothing happened.
    pub redis_calls: Option<u64>,
}

/// The verdict, and what must be said beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What was seen.
    pub observed: Observed,
    /// The one word for it.
    pub reason: Option<String>,
    /// Why: the flow's own words, and the history's where it overrules them.
    pub notes: Vec<String>,
}

/// Judges a play.
pub fn judge(played: &Played) -> Judged {
    let believed = belief(&played.outcome, &played.moves);
    if let Some(why) = proves_nothing(played) {
        let notes = [Some(why), believed.note.map(|note| format!("the client: {note}"))];
        let notes = notes.into_iter().flatten().collect();
        return Judged { observed: Observed::Inconclusive, reason: None, notes };
    }
    let held = played.held.as_ref().cloned().unwrap_or_default();
    let mut findings = history::check(&played.log, &held);
    findings.sort_by_key(|finding| std::cmp::Reverse((finding.verdict, finding.reason == FOREIGN_SESSION)));
    match findings.into_iter().next() {
        // Losing one's own session may be expected; opening somebody else's never is.
        Some(finding) if finding.verdict > believed.verdict || finding.reason == FOREIGN_SESSION => {
            overrule(&believed, finding)
        }
        _ => Judged {
            observed: Observed::Verdict(believed.verdict),
            reason: believed.reason,
            notes: believed.note.into_iter().collect(),
        },
    }
}

/// What the flow itself would say.
struct Belief {
    verdict: Verdict,
    reason: Option<String>,
    note: Option<String>,
}

fn belief(outcome: &Outcome, moves: &[Move]) -> Belief {
    match (outcome, moves.first()) {
        (Ok(()), None) => Belief { verdict: Verdict::Survived, reason: None, note: None },
        (Ok(()), Some(Move { step, how, after })) => Belief {
            verdict: Verdict::Recovered,
            reason: Some(after.clone()),
            note: Some(format!("{how} at {step} after {after}")),
        },
        (Err(ending), _) => Belief {
            verdict: ending.verdict,
            reason: Some(ending.reason.clone()),
            note: Some(ending.why.clone()),
        },
    }
}

fn overrule(believed: &Belief, finding: Finding) -> Judged {
    Judged {
        observed: Observed::Verdict(finding.verdict),
        reason: Some(finding.reason.to_owned()),
        notes: vec![format!("the client believed {}, but {}", believed.verdict, finding.why)],
    }
}

/// Why this play says nothing, whatever the flow believes. Without these checks a lab in which nothing
/// happens would report that everything survives.
fn proves_nothing(played: &Played) -> Option<String> {
    if played.log.is_empty() {
        return Some("the flow sent no request".to_owned());
    }
    match &played.happened {
        Happened::Nothing => {}
        Happened::Missed(why) => return Some(why.clone()),
        Happened::Struck(struck) if !struck.proven => return Some(format!("not proven: {}", struck.proof)),
        Happened::Struck(struck) => {
            if let Some(why) =
                went_elsewhere(struck, &played.log).or_else(|| was_held_too_long(struck, &played.log))
            {
                return Some(why);
            }
            let witness = |boot_after: &str| {
                played.log.iter().any(|exchange| exchange.http.boot_id.as_deref() == Some(boot_after))
            };
            // Who comes through the gateway need never meet the replica again; the driver has met it.
            if let Some(restart) = &struck.restart
                && played.way == Way::Direct
                && !witness(&restart.boot_after)
            {
                return Some(format!("the client never met {}, the new run", restart.boot_after));
            }
        }
    }
    played.held.as_ref().err().map(|why| format!("the checker could not read the final state: {why}"))
}

/// Through the gateway the fault hits the replica that is next in turn, as far as anybody can know. If the
/// next request was answered by another one all the same, the fault was not where the client was.
fn went_elsewhere(struck: &Struck, log: &[Exchange]) -> Option<String> {
    struck.meant.iter().find_map(|(request, meant)| {
        let next = log.get(*request)?;
        let answered_by = next.http.replica.as_deref().filter(|_| next.http.boot_id.is_some())?;
        (answered_by != meant).then(|| {
            format!(
                "it hit {meant}, but the client's next request was answered by {answered_by}: the gateway took \
                 another turn than expected, knew already, or asked again by itself"
            )
        })
    })
}

/// A client that gives up while the lab still holds its request gives up on the lab: on a busy machine even a
/// Redis takes longer to restart than anybody waits.
fn was_held_too_long(struck: &Struck, log: &[Exchange]) -> Option<String> {
    let (held, until_ms) = (log.get(struck.after_requests)?, struck.held_until_ms?);
    let gave_up = matches!(held.end, Err(Trouble::NoAnswer(NoAnswer::TimedOut)));
    (gave_up && held.ended_at_ms < until_ms).then(|| {
        let took_ms = until_ms - struck.window.from_ms;
        format!("the client gave up while the lab held its request: the fault took {took_ms:.0} ms")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::record::{Ack, Ask, Http};
    use crate::fault::RestartTimes;
    use crate::verdict::{only_once, promise};

    fn exchange(ask: Ask, boot_id: &str) -> Exchange {
        Exchange {
            step: "step".to_owned(),
            ask,
            session: Some("s1".to_owned()),
            sent_at_ms: 0.0,
            ended_at_ms: 1.0,
            end: Ok(Ack::Done),
            http: Http { boot_id: Some(boot_id.to_owned()), ..Http::default() },
        }
    }

    fn restarted(proven: bool) -> Happened {
        let (boot_before, boot_after) = ("a-1.old".to_owned(), "a-1.new".to_owned());
        let restart = RestartTimes { boot_before, boot_after, stop_ms: 1.0, gone_ms: 1.0, ready_ms: 1.0 };
        let proof = "said so".to_owned();
        // What it left in force ended later than what it held.
        let window = crate::results::Window { from_ms: 1.0, until_ms: 9.0 };
        Happened::Struck(Struck {
            proven,
            proof,
            restart: Some(restart),
            after_requests: 1,
            meant: Vec::new(),
            held_until_ms: Some(4.0),
            window,
        })
    }

    fn survived_a_restart() -> Played {
        Played {
            way: Way::Direct,
            outcome: Ok(()),
            moves: Vec::new(),
            log: vec![exchange(Ask::Other, "a-1.old"), exchange(Ask::Other, "a-1.new")],
            happened: restarted(true),
            held: Ok(Final::default()),
            redis_calls: None,
        }
    }

    #[test]
    fn a_kept_promise_is_survived_without_a_move_and_recovered_with_one() {
        assert_eq!(judge(&survived_a_restart()).observed, Observed::Verdict(Verdict::Survived));
        let moves = vec![Move { step: "put", how: "repeat", after: "reset".to_owned() }];
        let recovered = judge(&Played { moves, ..survived_a_restart() });
        assert_eq!(recovered.observed, Observed::Verdict(Verdict::Recovered));
        assert_eq!(recovered.reason.as_deref(), Some("reset"));
    }

    #[test]
    fn zero_operations_are_inconclusive() {
        let judged = judge(&Played { log: Vec::new(), ..survived_a_restart() });
        assert_eq!(judged.observed, Observed::Inconclusive);
    }

    #[test]
    fn an_unproven_restart_is_inconclusive() {
        let judged = judge(&Played { happened: restarted(false), ..survived_a_restart() });
        assert_eq!(judged.observed, Observed::Inconclusive);
        assert!(judged.notes[0].contains("not proven"), "{:?}", judged.notes);
    }

    #[test]
    fn a_restart_the_client_never_met_is_inconclusive() {
        let log = vec![exchange(Ask::Other, "a-1.old")];
        assert_eq!(judge(&Played { log, ..survived_a_restart() }).observed, Observed::Inconclusive);
    }

    #[test]
    fn through_the_gateway_the_client_need_not_meet_the_new_run_but_its_next_request_must_meet_the_fault() {
        let answered_by = |replica: &str| {
            let mut next = exchange(Ask::Other, "b-1.old");
            next.http.replica = Some(replica.to_owned());
            next
        };
        let Happened::Struck(struck) = restarted(true) else { panic!("it is struck") };
        let met = |next: Exchange| {
            let struck = Struck { meant: vec![(1, "a-1".to_owned())], ..struck.clone() };
            let (way, happened) = (Way::Gateway, Happened::Struck(struck));
            let log = vec![exchange(Ask::Other, "a-1.old"), next];
            judge(&Played { way, happened, log, ..survived_a_restart() })
        };
        let elsewhere = met(answered_by("b-1"));
        assert_eq!(elsewhere.observed, Observed::Inconclusive);
        assert!(elsewhere.notes[0].contains("answered by b-1"), "{:?}", elsewhere.notes);
        assert_eq!(met(answered_by("a-1")).observed, Observed::Verdict(Verdict::Survived));
        // The gateway's own answer comes from nobody behind it.
        let mut own = answered_by("gateway");
        own.http.boot_id = None;
        assert_eq!(met(own).observed, Observed::Verdict(Verdict::Survived));
    }

    #[test]
    fn who_gives_up_while_the_lab_holds_the_request_says_nothing_and_who_gives_up_later_does() {
        let gave_up_at = |ended_at_ms: f64| {
            let end = Err(Trouble::NoAnswer(NoAnswer::TimedOut));
            let mut played = survived_a_restart();
            played.log.insert(1, Exchange { end, ended_at_ms, ..exchange(Ask::Other, "a-1.old") });
            judge(&Played { outcome: only_once("it came once", false), ..played })
        };
        let held = gave_up_at(3.0);
        assert_eq!(held.observed, Observed::Inconclusive);
        assert!(held.notes[0].contains("while the lab held its request"), "{:?}", held.notes);
        assert_eq!(gave_up_at(5.0).observed, Observed::Verdict(Verdict::Duplicated));
    }

    #[test]
    fn a_moment_that_never_came_is_inconclusive() {
        let happened = Happened::Missed("the flow never came to before put".to_owned());
        assert_eq!(judge(&Played { happened, ..survived_a_restart() }).observed, Observed::Inconclusive);
    }

    #[test]
    fn a_final_state_that_cannot_be_read_is_inconclusive() {
        let held = Err("no answer".to_owned());
        assert_eq!(judge(&Played { held, ..survived_a_restart() }).observed, Observed::Inconclusive);
    }

    #[test]
    fn the_history_overrules_a_flow_that_believes_too_well_of_itself() {
        let mut played = survived_a_restart();
        played.log.push(exchange(Ask::Logout, "a-1.new"));
        played.log.push(Exchange { sent_at_ms: 5.0, ended_at_ms: 6.0, ..exchange(Ask::Other, "a-1.new") });
        let judged = judge(&played);
        assert_eq!(judged.observed, Observed::Verdict(Verdict::Lost));
        assert_eq!(judged.reason.as_deref(), Some("logout_forgotten"));
        assert!(judged.notes[0].starts_with("the client believed Survived, but"), "{:?}", judged.notes);
    }

    #[test]
    fn a_token_that_opens_somebody_elses_session_is_said_even_where_the_own_one_was_to_be_lost() {
        let outcome = promise("it is there", false);
        let held = Final { opened_last: Some("s2".to_owned()), ..Final::default() };
        let judged = judge(&Played { outcome, held: Ok(held), ..survived_a_restart() });
        assert_eq!(judged.observed, Observed::Verdict(Verdict::Lost));
        assert_eq!(judged.reason.as_deref(), Some(FOREIGN_SESSION));
        let held = Final { opened_last: Some("s1".to_owned()), ..Final::default() };
        let own = judge(&Played { held: Ok(held), ..survived_a_restart() });
        assert_eq!(own.observed, Observed::Verdict(Verdict::Survived));
    }

    #[test]
    fn the_history_does_not_soften_what_the_flow_has_seen() {
        let outcome = only_once("it came once", false);
        let judged = judge(&Played { outcome, ..survived_a_restart() });
        assert_eq!(judged.observed, Observed::Verdict(Verdict::Duplicated));
        let outcome = promise("it is there", false);
        let judged = judge(&Played { outcome, ..survived_a_restart() });
        assert_eq!(judged.observed, Observed::Verdict(Verdict::Lost));
    }
}
