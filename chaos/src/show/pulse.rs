//! Who is at work while the room looks? One client a service, that looks at its session and fills its cart
//! several times a second. Where it loses its session it says so, waits, and logs in anew: in plain sight,
//! as a person would.

use std::sync::Arc;
use std::time::Duration;

use super::feed::{Event, ReplicaNow};
use super::{Show, ticks};
use crate::client::{Account, Client, Entry};
use crate::draws::{Draws, fresh_seed};
use crate::trouble::Trouble;

/// Between two requests of a client: slow enough for an eye, fast enough to fall into a restart.
const BEAT: Duration = Duration::from_millis(200);

/// How long somebody looks at "you have to log in" before doing it.
const DISMAY: Duration = Duration::from_secs(2);

/// Between two looks at the replicas.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Lets a client of this service work for as long as the show goes on.
pub(super) async fn beat(show: Arc<Show>, service: String) {
    let replicas = show.driver.replicas(&service);
    let Some(first) = replicas.first() else { return };
    let entry = Entry { name: first.name.clone(), url: first.url.clone() };
    let client = Client::since(show.feed.start(), Account::fresh(), vec![entry], Draws::new(fresh_seed()));
    let mut ticks = ticks(BEAT);
    let mut logged_in = false;
    let mut registered = false;
    for number in 0.. {
        ticks.tick().await;
        if !registered {
            let call = client.register();
            let outcome = call.send("register", call.new_request_id()).await;
            // There already: an earlier try was done, and its answer lost.
            let there =
                |trouble: &Trouble| matches!(trouble, Trouble::Told(problem) if problem.status == 409);
            registered = outcome.as_ref().err().is_none_or(there);
            client.forget_log();
            continue;
        }
        let outcome = one_request(&client, logged_in, number).await;
        for exchange in client.forget_log() {
            show.feed.say(&Event::Request { service: service.clone(), evidence: exchange.evidence() });
        }
        match outcome {
            Ok(()) => logged_in = true,
            Err(Trouble::Told(problem)) if problem.status == 401 => {
                logged_in = false;
                tokio::time::sleep(DISMAY).await;
            }
            Err(_) => {}
        }
    }
}

/// The next thing this client does.
async fn one_request(client: &Client, logged_in: bool, number: u32) -> Result<(), Trouble> {
    if !logged_in {
        let call = client.login();
        return call.send("login", call.new_request_id()).await.map(|_| ());
    }
    if number.is_multiple_of(3) {
        let call = client.put_item("book", number % 1000 + 1);
        return call.send("put-book", call.new_request_id()).await.map(|_| ());
    }
    let call = client.session_info();
    call.send("look", call.new_request_id()).await.map(|_| ())
}

/// Tells how the replicas are, whenever that changes.
pub(super) async fn watch(show: Arc<Show>) {
    let mut ticks = ticks(LOOK_EVERY);
    loop {
        ticks.tick().await;
        let mut now = Vec::new();
        for replica in show.driver.all_replicas() {
            let boot_id = show.driver.boot_id(&replica.name).await.ok();
            now.push(ReplicaNow { name: replica.name.clone(), service: replica.service.clone(), boot_id });
        }
        show.feed.say(&Event::Replicas { replicas: now });
    }
}
