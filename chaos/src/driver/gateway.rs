//! What does the gateway know of a replica? Whether it would send the next request there is for the gateway
//! itself to say: its stats are asked, over HTTP, as anybody could.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;

use super::{Driver, Replica};
use crate::http;
use crate::state::Gateway;

/// How long one question may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Between two looks. The gateway itself looks at its replicas much less often.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How often an entry is asked before it takes turns. After a replica came back it may favour one once.
const TRIES: usize = 10;

/// What programs read; people read `/stats`.
const CSV: &str = "/stats;csv";

/// What the gateway says of one replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `UP`, `UP 1/2` (one more bad answer and it is out), `DOWN`, `MAINT (resolution)`, ...
    pub status: String,
    /// How its last look at the replica ended: `L7OK`, `L4CON`, ...; `INI` before the first.
    pub last_look: String,
}

impl Standing {
    /// Requests are sent there, and nothing speaks against it.
    pub fn is_in(&self) -> bool {
        // A replica nobody has looked at yet counts as up, but the first bad answer would put it out.
        self.status == "UP" && self.last_look == "L7OK"
    }

    /// No request is sent there.
    pub fn is_out(&self) -> bool {
        !self.status.starts_with("UP")
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (last look: {})", self.status, self.last_look)
    }
}

impl Driver {
    /// The lab's gateway.
    ///
    /// # Errors
    /// If the lab has none: why.
    pub fn gateway(&self) -> anyhow::Result<&Gateway> {
        match &self.lab().gateway {
            Some(gateway) => Ok(gateway),
            None => bail!("this lab has no gateway: {}", self.why_no_gateway()),
        }
    }

    /// What the gateway says of a replica.
    ///
    /// # Errors
    /// If there is no gateway, or it does not answer, or does not know the replica.
    pub async fn standing(&self, replica: &str) -> anyhow::Result<Standing> {
        let (gateway, replica) = (self.gateway()?, self.replica(replica)?);
        let csv = stats(gateway).await?;
        standing(&csv, replica).with_context(|| format!("the gateway does not know {}", replica.name))
    }

    /// Waits until the gateway sends requests to a replica and has seen it well.
    ///
    /// # Errors
    /// If it does not within `within`: what it said last.
    pub async fn in_rotation(&self, replica: &str, within: Duration) -> anyhow::Result<()> {
        let said = self.until(replica, within, Standing::is_in).await?;
        said.map(|_| ()).map_err(|said| {
            anyhow::anyhow!("the gateway has not taken {replica} in again after {within:.1?}: {said}")
        })
    }

    /// Waits until the gateway sends no more requests to a replica. Says what the gateway says of it: as the
    /// inner error if it still sends some after `within`.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn out_of_rotation(
        &self,
        replica: &str,
        within: Duration,
    ) -> anyhow::Result<Result<Standing, Standing>> {
        self.until(replica, within, Standing::is_out).await
    }

    /// Waits until every replica that the gateway knows is in rotation; at once if there is no gateway.
    ///
    /// # Errors
    /// Which one is not.
    pub async fn all_in_rotation(&self, within: Duration) -> anyhow::Result<()> {
        let Some(gateway) = &self.lab().gateway else { return Ok(()) };
        for replica in gateway.entries.keys().flat_map(|service| self.replicas(service)) {
            self.in_rotation(&replica.name, within).await?;
        }
        Ok(())
    }

    /// Asks every entry of a replica's service until it takes strict turns and this replica has answered last:
    /// whoever comes next without a session reaches its sibling. At once if there is no gateway.
    ///
    /// # Errors
    /// If an entry takes no turns.
    pub async fn bring_into_step(&self, replica: &str) -> anyhow::Result<()> {
        let service = &self.replica(replica)?.service;
        let entries = self.lab().gateway.as_ref().and_then(|gateway| gateway.entries.get(service));
        for entry in entries.iter().flat_map(|both| [&both.round_robin, &both.sticky]) {
            takes_turns(entry, |last| last == replica).await?;
        }
        Ok(())
    }

    async fn until(
        &self,
        replica: &str,
        within: Duration,
        there: fn(&Standing) -> bool,
    ) -> anyhow::Result<Result<Standing, Standing>> {
        let start = Instant::now();
        loop {
            let standing = self.standing(replica).await?;
            if there(&standing) {
                return Ok(Ok(standing));
            }
            if start.elapsed() > within {
                return Ok(Err(standing));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Asks an entry until two answers in a row come from two replicas and the last of them is `wanted`; says who
/// that is. Who has no session gets turns at every entry.
///
/// # Errors
/// If it takes no turns.
pub async fn takes_turns(entry: &str, wanted: impl Fn(&str) -> bool) -> anyhow::Result<String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        let request = Request::get("/livez").body(Full::<Bytes>::default()).context("making a request")?;
        let answer = http::send(entry, request, ANSWER_WITHIN).await;
        let answer = answer.with_context(|| format!("asking who answers behind {entry}"))?;
        let served_by = answer.headers().get("x-served-by").and_then(|name| name.to_str().ok());
        let Some(served_by) = served_by else {
            bail!("behind {entry} no replica answers: {}", answer.status())
        };
        let in_turn = !last.is_empty() && last != served_by;
        served_by.clone_into(&mut last);
        if in_turn && wanted(served_by) {
            return Ok(last);
        }
    }
    bail!("behind {entry} the replicas do not take turns; {last} answered last")
}

/// What the gateway's stats say, for programs.
///
/// # Errors
/// If it does not answer.
pub async fn stats(gateway: &Gateway) -> anyhow::Result<String> {
    let request = Request::get(CSV).body(Full::<Bytes>::default()).context("making a request")?;
    let answer = http::send(&gateway.stats, request, ANSWER_WITHIN).await;
    let answer = answer.with_context(|| format!("asking the gateway at {} for its stats", gateway.stats))?;
    Ok(String::from_utf8_lossy(answer.body()).into_owned())
}

/// The line of a replica in the gateway's table. Its round robin entry is called as the service is; the
/// sticky one follows it.
fn standing(csv: &str, replica: &Replica) -> Option<Standing> {
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next()?.trim_start_matches("# ").split(',').collect();
    let column = |name: &str| names.iter().position(|known| *known == name);
    let (proxy, server) = (column("pxname")?, column("svname")?);
    let (status, last_look) = (column("status")?, column("check_status")?);
    let mut rows = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let row = rows.find(|row| {
        row.get(proxy) == Some(&replica.service.as_str()) && row.get(server) == Some(&replica.name.as_str())
    })?;
    Some(Standing {
        status: (*row.get(status)?).to_owned(),
        // With a star in front while it looks once more.
        last_look: row.get(last_look)?.trim_start_matches("* ").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "# pxname,svname,qcur,status,check_status,\n\
        stateful,stateful-1,0,UP,L7OK,\n\
        stateful,stateful-2,0,UP 1/2,* L4CON,\n\
        stateful-sticky,stateful-1,0,DOWN,,\n\
        stateless,stateless-1,0,DOWN,L7RSP,\n\
        stateless,stateless-2,0,UP,INI,\n";

    fn of(name: &str) -> Standing {
        let (service, _) = name.split_once('-').unwrap();
        let (name, service) = (name.to_owned(), service.to_owned());
        standing(CSV, &Replica { name, service, url: String::new(), gates: None }).unwrap()
    }

    #[test]
    fn a_replica_is_in_only_if_nothing_speaks_against_it_and_out_only_if_it_gets_nothing() {
        let seen = |name: &str| (of(name).is_in(), of(name).is_out());
        assert_eq!(seen("stateful-1"), (true, false));
        assert_eq!(seen("stateful-2"), (false, false));
        assert_eq!(seen("stateless-1"), (false, true));
        assert_eq!(seen("stateless-2"), (false, false));
        assert_eq!(of("stateful-2").to_string(), "UP 1/2 (last look: L4CON)");
    }
}
