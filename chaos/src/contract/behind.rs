//! What of the contract can be asked through a gateway? Most of it, for it passes on what a service says. Not
//! what is about the connection itself, which is the gateway's own; and where each replica knows only its own
//! sessions, not what is about several sessions of one account.

use std::collections::BTreeSet;

use anyhow::{Context, bail};

use super::Row;
use super::site::{Guest, Site};

/// How often something is asked until two replicas have answered.
const TRIES: usize = 10;

/// A gateway ends the connection to the service, reads heads by limits of its own, and hangs up by itself.
const THE_CONNECTION: [u8; 3] = [4, 5, 6];

/// They log in twice as one account, and the gateway leads the second login to another replica.
const SEVERAL_SESSIONS: [u8; 4] = [19, 35, 38, 39];

/// What was found out about the replicas behind a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Those that answered.
    pub replicas: BTreeSet<String>,
    /// Whether each of them knows all sessions, or only its own.
    pub know_all_sessions: bool,
}

impl Behind {
    /// Why a row means nothing here; `None` if it does.
    pub fn excuses(&self, row: &Row) -> Option<&'static str> {
        if THE_CONNECTION.contains(&row.number) {
            return Some("the connection to the service itself; through a gateway it is the gateway's");
        }
        if SEVERAL_SESSIONS.contains(&row.number) && !self.know_all_sessions {
            return Some("one place that knows all sessions of an account; here each replica knows its own");
        }
        None
    }
}

/// The replicas that answer at this address.
///
/// # Errors
/// If one of them does not say who it is.
pub async fn replicas(site: &Site) -> anyhow::Result<BTreeSet<String>> {
    let mut replicas = BTreeSet::new();
    for _ in 0..TRIES {
        let answer = site.get("/livez").send().await?;
        replicas.insert(answer.header("x-served-by")?.to_owned());
    }
    Ok(replicas)
}

/// Finds out what is behind the gateway at this address.
///
/// # Errors
/// If there is only one replica, or a session does not find its way back to the replica that knows it.
pub async fn look(site: &Site) -> anyhow::Result<Behind> {
    let replicas = replicas(site).await?;
    if replicas.len() < 2 {
        bail!("only {replicas:?} answers at {}: nobody chooses there; leave out --way gateway", site.base());
    }
    let account = site.account().await?;
    let mut guests: Vec<(String, Guest)> = Vec::new();
    for _ in 0..TRIES {
        let answer = site.post("/session").json(&account.credentials()).send().await?;
        answer.is(201)?;
        let (replica, guest) = (answer.header("x-served-by")?.to_owned(), answer.json()?);
        let guest = Guest::of(site, &account, &guest)?;
        let known = guests.iter().any(|(other, _)| *other == replica);
        if !known {
            guests.push((replica, guest));
        }
        if guests.len() == 2 {
            break;
        }
    }
    let [(home, guest), (_, other)] = guests.as_slice() else {
        bail!("{TRIES} logins at {} were all answered by one replica", site.base());
    };
    let mut know_all_sessions = true;
    // Where turns are taken, both replicas are asked.
    for _ in 0..2 {
        let listed = guest.get("/sessions").send().await?;
        if listed.status == 401 {
            bail!(
                "a session that {home} began is not known to {}: sessions lose their way at {}; ask at an \
                 entry that keeps them with their replica",
                listed.header("x-served-by").unwrap_or("another replica"),
                site.base()
            );
        }
        let sessions = listed.json()?;
        let sessions = sessions["sessions"].as_array().context("reading /sessions")?.clone();
        know_all_sessions &= sessions.iter().any(|session| session["session_id"] == *other.session_id);
    }
    Ok(Behind { replicas, know_all_sessions })
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::*;

    #[test]
    fn only_rows_that_exist_are_excused_and_fewer_where_every_replica_knows_every_session() {
        let numbers: Vec<u8> = rows().iter().map(|row| row.number).collect();
        let excused = THE_CONNECTION.iter().chain(&SEVERAL_SESSIONS);
        assert!(excused.into_iter().all(|number| numbers.contains(number)));
        let count = |know_all_sessions| {
            let behind = Behind { replicas: BTreeSet::new(), know_all_sessions };
            rows().iter().filter(|row| behind.excuses(row).is_some()).count()
        };
        assert!(count(true) < count(false) && count(false) < rows().len() / 3);
    }
}
