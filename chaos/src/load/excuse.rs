//! What does a fault excuse? A service may fail while it is hit, and it may lose what it never claimed to keep.
//! Nothing else: an outage that is over excuses no session that is refused today, unless it ended that session.

use super::outages::Outage;
use crate::client::record::{Ask, Exchange};
use crate::fault::{Fault, Hits};
use crate::service::{Keys, Service, Twin};
use crate::trouble::Trouble;

/// Which sessions a fault ends, at a service that is what it claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// None: nothing is gone from where they live.
    Nothing,
    /// Those whose token was issued by a run of a replica that it ended. The client is told this word.
    OfEndedRuns(&'static str),
    /// Those whose token was issued before it, or by a run that it ended. The client is told this word.
    Earlier(&'static str),
    /// All that were in the store. The client is told this word.
    InTheStore(&'static str),
}

/// Whether one of these outages is the reason why this request failed; `log` is all that its client asked.
pub fn excused(failed: &Exchange, log: &[Exchange], service: &Service, outages: &[Outage]) -> bool {
    let proven = || outages.iter().filter(|outage| outage.proven);
    match &failed.end {
        Err(Trouble::Told(problem)) if problem.status == 401 => {
            let word = problem.reason.as_deref().unwrap_or(&problem.code);
            proven().any(|outage| ended_its_session(outage, failed, word, log, service))
        }
        // No process is so far gone that it says "you may not" or "what is that?" for "I cannot".
        Err(Trouble::Told(problem)) if problem.status < 500 => false,
        Err(Trouble::Nonsense(_)) | Ok(_) => false,
        Err(Trouble::Told(_) | Trouble::NoAnswer(_) | Trouble::Gateway(_)) => {
            let (replica, sent, ended) =
                (failed.http.replica.as_deref(), failed.sent_at_ms, failed.ended_at_ms);
            proven().any(|outage| reaches(outage.fault, service) && outage.met(replica, sent, ended))
        }
    }
}

/// Whether an outage ended the session that a request was refused with, and the client was told so.
fn ended_its_session(
    outage: &Outage,
    refused: &Exchange,
    word: &str,
    log: &[Exchange],
    service: &Service,
) -> bool {
    let Some(issued) = issued_by(refused, log) else { return false };
    let began_before = outage.from_ms <= refused.ended_at_ms;
    let by_an_ended_run = || issued.http.boot_id.as_ref().is_some_and(|run| outage.ended.contains(run));
    began_before
        && match ends(outage.fault, service) {
            Ends::Nothing => false,
            Ends::OfEndedRuns(told) => word == told && by_an_ended_run(),
            Ends::Earlier(told) => word == told && (issued.ended_at_ms < outage.from_ms || by_an_ended_run()),
            Ends::InTheStore(told) => word == told && issued.sent_at_ms <= outage.until_ms,
        }
}

/// The answer that gave the client the token it was refused with: its last login or renewal.
fn issued_by<'l>(refused: &Exchange, log: &'l [Exchange]) -> Option<&'l Exchange> {
    refused.session.as_ref()?;
    let gave_a_token =
        |exchange: &&Exchange| exchange.acknowledged() && matches!(exchange.ask, Ask::Login | Ask::Renew);
    log.iter().filter(|exchange| exchange.ended_at_ms <= refused.sent_at_ms).rfind(gave_a_token)
}

fn ends(fault: Fault, service: &Service) -> Ends {
    match fault {
        Fault::Graceful
        | Fault::Kill
        | Fault::Rolling
        | Fault::Drain
        | Fault::KillSibling
        | Fault::RotateKey => match (service.keys, service.twin) {
            (Keys::MadeAtBoot, _) => Ends::OfEndedRuns("token_invalid"),
            (_, Twin::Stateful) => Ends::OfEndedRuns("restart"),
            (_, Twin::Stateless) => Ends::Nothing,
        },
        Fault::RotateKeyHard => match service.twin {
            Twin::Stateful => Ends::OfEndedRuns("restart"),
            // The key is gone, whichever run has signed with it.
            Twin::Stateless => Ends::Earlier("token_invalid"),
        },
        Fault::RedisLose if service.uses_redis => Ends::InTheStore("store_reset"),
        // What stands still or is away comes back with all that it had.
        Fault::RedisLose | Fault::Pause | Fault::RedisRestart | Fault::RedisPause | Fault::RedisDown => {
            Ends::Nothing
        }
    }
}

/// Whether a service can notice a fault at all.
fn reaches(fault: Fault, service: &Service) -> bool {
    fault.row().hits != Hits::Redis || service.uses_redis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::record::{Ack, Http};
    use crate::http::NoAnswer;
    use crate::service;
    use crate::trouble::Problem;

    fn exchange(ask: Ask, at: f64, end: Result<Ack, Trouble>, boot: &str) -> Exchange {
        Exchange {
            step: "look".to_owned(),
            ask,
            session: Some("s".to_owned()),
            sent_at_ms: at,
            ended_at_ms: at + 1.0,
            end,
            http: Http { boot_id: Some(boot.to_owned()), replica: Some("a-1".to_owned()), ..Http::default() },
        }
    }

    fn told(status: u16, code: &str, reason: &str) -> Trouble {
        let reason = (!reason.is_empty()).then(|| reason.to_owned());
        Trouble::Told(Problem { status, code: code.to_owned(), reason, retryable: false })
    }

    fn refused(at: f64, reason: &str) -> Exchange {
        let trouble = match reason {
            "token_invalid" => told(401, reason, ""),
            _ => told(401, "session_lost", reason),
        };
        exchange(Ask::Other, at, Err(trouble), "a-1.new")
    }

    fn token(ask: Ask, at: f64, boot: &str) -> Exchange {
        exchange(ask, at, Ok(Ack::Session("s".to_owned())), boot)
    }

    fn login(at: f64) -> Exchange {
        token(Ask::Login, at, "a-1.old")
    }

    /// From 10 to 20 ms.
    fn outage(fault: Fault, ended: &[&str]) -> Outage {
        let hits_one = fault.row().hits == Hits::Replica;
        Outage {
            fault,
            replica: hits_one.then(|| "a-1".to_owned()),
            from_ms: 10.0,
            until_ms: 20.0,
            proven: true,
            proof: String::new(),
            restart: None,
            ended: ended.iter().map(|&boot| boot.to_owned()).collect(),
        }
    }

    #[track_caller]
    fn check(is: bool, service: &Service, outage: Outage, earlier: Exchange, failed: Exchange) {
        let log = [earlier, failed];
        let found = excused(&log[1], &log, service, std::slice::from_ref(&outage));
        assert_eq!(found, is, "{} at {}: {:?} after {:?}", outage.fault, service.name, log[1].end, log[0]);
    }

    #[test]
    fn a_session_in_memory_is_ended_by_the_end_of_its_run_and_by_no_other() {
        let stateful = service::stateful();
        for fault in [Fault::Kill, Fault::Graceful, Fault::Rolling] {
            let ends = |boots: &[&str]| outage(fault, boots);
            check(true, &stateful, ends(&["a-1.old"]), login(1.0), refused(300.0, "restart"));
            check(true, &stateful, ends(&["a-2.old", "a-1.old"]), login(1.0), refused(300.0, "restart"));
            check(false, &stateful, ends(&["a-2.old"]), login(1.0), refused(300.0, "restart"));
            check(false, &stateful, ends(&[]), login(1.0), refused(300.0, "restart"));
            // Refused before anything happened, or for another reason.
            check(false, &stateful, ends(&["a-1.old"]), login(1.0), refused(5.0, "restart"));
            check(false, &stateful, ends(&["a-1.old"]), login(1.0), refused(300.0, "idle"));
            check(false, &stateful, ends(&["a-1.old"]), login(1.0), refused(300.0, "other_instance"));
            // Opened by the run that came after.
            let later = token(Ask::Login, 30.0, "a-1.new");
            check(false, &stateful, ends(&["a-1.old"]), later, refused(300.0, "restart"));
        }
        let unproven = Outage { proven: false, ..outage(Fault::Kill, &["a-1.old"]) };
        check(false, &stateful, unproven, login(1.0), refused(300.0, "restart"));
    }

    #[test]
    fn a_session_outside_is_ended_by_no_restart_of_the_service() {
        for fault in [Fault::Kill, Fault::Graceful, Fault::Rolling, Fault::RotateKey, Fault::Pause] {
            for word in ["restart", "token_invalid", "store_reset"] {
                let outage = outage(fault, &["a-1.old"]);
                check(false, &service::stateless(), outage, login(1.0), refused(300.0, word));
            }
        }
    }

    #[test]
    fn a_key_that_is_taken_away_ends_what_it_signed() {
        let hard = || outage(Fault::RotateKeyHard, &["a-1.old"]);
        let stateless = service::stateless();
        check(true, &stateless, hard(), login(1.0), refused(300.0, "token_invalid"));
        check(false, &stateless, hard(), login(1.0), refused(300.0, "store_reset"));
        // Issued by a run that an earlier fault has ended, with the same key.
        let older = || outage(Fault::RotateKeyHard, &["a-1.between"]);
        check(true, &stateless, older(), login(1.0), refused(300.0, "token_invalid"));
        check(false, &stateless, older(), login(12.0), refused(300.0, "token_invalid"));
        // The token was renewed, and so signed by the new key.
        let renewed = token(Ask::Renew, 30.0, "a-1.new");
        check(false, &stateless, hard(), renewed, refused(300.0, "token_invalid"));
        let kill = || outage(Fault::Kill, &["a-1.old"]);
        check(true, &service::stateless_ephemeral_key(), kill(), login(1.0), refused(300.0, "token_invalid"));
        check(false, &stateless, kill(), login(1.0), refused(300.0, "token_invalid"));
    }

    #[test]
    fn a_store_that_loses_what_it_has_ends_what_was_in_it() {
        let (stateful, stateless) = (service::stateful(), service::stateless());
        let lose = || outage(Fault::RedisLose, &[]);
        check(true, &stateless, lose(), login(1.0), refused(300.0, "store_reset"));
        check(false, &stateless, lose(), login(30.0), refused(300.0, "store_reset"));
        check(false, &stateless, lose(), login(1.0), refused(300.0, "restart"));
        check(false, &stateful, lose(), login(1.0), refused(300.0, "store_reset"));
        for keeps in [Fault::RedisRestart, Fault::RedisPause, Fault::RedisDown] {
            check(false, &stateless, outage(keeps, &[]), login(1.0), refused(300.0, "store_reset"));
            check(false, &stateless, outage(keeps, &[]), login(1.0), refused(15.0, "store_reset"));
        }
    }

    #[test]
    fn what_fails_while_a_fault_is_in_force_is_excused_and_later_it_is_not() {
        let (stateful, stateless) = (service::stateful(), service::stateless());
        let lost = |at| exchange(Ask::Other, at, Err(Trouble::NoAnswer(NoAnswer::Reset)), "a-1.old");
        let down =
            |at| exchange(Ask::Other, at, Err(told(503, "session_store_unavailable", "down")), "a-1.old");
        let kill = || outage(Fault::Kill, &["a-1.old"]);
        check(true, &stateful, kill(), login(1.0), lost(15.0));
        check(false, &stateful, kill(), login(1.0), lost(40.0));
        let sibling = Outage { replica: Some("a-2".to_owned()), ..kill() };
        check(false, &stateful, sibling, login(1.0), lost(15.0));
        let redis = || outage(Fault::RedisDown, &[]);
        check(true, &stateless, redis(), login(1.0), down(15.0));
        check(false, &stateless, redis(), login(1.0), down(40.0));
        check(false, &stateful, redis(), login(1.0), lost(15.0));
        // A refusal that is no failure is wrong at any time.
        let conflict = exchange(Ask::Other, 15.0, Err(told(409, "cart_empty", "")), "a-1.old");
        check(false, &stateful, kill(), login(1.0), conflict);
        let nonsense = exchange(Ask::Other, 15.0, Err(Trouble::Nonsense("x".to_owned())), "a-1.old");
        check(false, &stateful, kill(), login(1.0), nonsense);
    }
}
