//! Whom does the client speak to, and whom will its next request reach? Where it speaks to the replicas
//! itself, it knows. Through the gateway nobody can ask who is next; but the gateway takes strict turns, so
//! with two replicas the next is the one that did not answer last. The judge looks afterwards whether it was.

use anyhow::{Context, bail};

use crate::client::{Client, Entry};
use crate::driver::{Driver, Replica, gateway};
use crate::flow::{Entrance, Flow, Replicas};
use crate::way::Way;

/// The name of the gateway where the name of a replica could stand.
pub const GATEWAY: &str = "gateway";

/// How a client's requests go.
#[derive(Debug)]
pub(super) struct Route {
    /// By which way.
    pub way: Way,
    /// Where the client sends its requests, one after the other in turn.
    pub entries: Vec<Entry>,
    /// The replica that whoever is no part of the story speaks to.
    pub first: Entry,
    // Through the gateway only.
    entrance: Option<Entrance>,
    answered_last: String,
    replicas: Vec<String>,
}

impl Route {
    /// The route of a flow against a service; `first` is the replica it begins with, if that matters.
    ///
    /// # Errors
    /// If the lab does not have what the route leads to.
    pub(super) async fn of(
        driver: &Driver,
        flow: Flow,
        service: &str,
        way: Way,
        first: Option<&str>,
    ) -> anyhow::Result<Route> {
        let mut entries: Vec<Entry> = driver.replicas(service).iter().map(entry).collect();
        if let Some(name) = first {
            driver.replica(name)?;
            // False sorts before true, and the order of the others stays.
            entries.sort_by_key(|entry| entry.name != name);
        }
        let first =
            entries.first().with_context(|| format!("there is no service {service:?} in this lab"))?.clone();
        let replicas = entries.iter().map(|entry| entry.name.clone()).collect();
        let row = flow.row();
        let mut route = Route { way, entries, first, entrance: None, answered_last: String::new(), replicas };
        match (way, row.direct, row.gateway) {
            (Way::Direct, Some(Replicas::One), _) => route.entries.truncate(1),
            (Way::Direct, Some(Replicas::InTurn), _) => {}
            (Way::Gateway, _, Some(entrance)) => {
                let url = url(driver, service, entrance)?;
                route.answered_last = gateway::takes_turns(&url, |_| true).await?;
                route.entrance = Some(entrance);
                route.entries = vec![Entry { name: GATEWAY.to_owned(), url }];
            }
            (way, ..) => bail!("{flow} does not go by the way {way}"),
        }
        Ok(route)
    }

    /// Whether a client that is logged in stays with its replica.
    pub(super) fn sticks(&self) -> bool {
        self.entrance == Some(Entrance::Sticky)
    }

    /// Whether a client's next request goes to another replica than its last one, by the gateway's doing.
    pub(super) fn takes_turns(&self) -> bool {
        self.entrance == Some(Entrance::RoundRobin)
    }

    /// The replica that the client's next request will reach.
    ///
    /// # Errors
    /// If there is only one behind the gateway, so that nobody is next.
    pub(super) fn next(&self, client: &Client) -> anyhow::Result<String> {
        let Some(entrance) = self.entrance else { return Ok(client.will_ask().name) };
        let last = client.answered_last().unwrap_or_else(|| self.answered_last.clone());
        if entrance == Entrance::Sticky && client.is_logged_in() {
            return Ok(last);
        }
        let other = self.replicas.iter().find(|name| **name != last);
        other.cloned().with_context(|| format!("behind the gateway there is nobody but {last}"))
    }
}

fn entry(replica: &Replica) -> Entry {
    Entry { name: replica.name.clone(), url: replica.url.clone() }
}

fn url(driver: &Driver, service: &str, entrance: Entrance) -> anyhow::Result<String> {
    let entries = driver.gateway()?.entries.get(service);
    let entries = entries.with_context(|| format!("the gateway has no entry for {service}"))?;
    Ok(match entrance {
        Entrance::RoundRobin => entries.round_robin.clone(),
        Entrance::Sticky => entries.sticky.clone(),
    })
}
