//! What does the service hold in the end? The checker makes the account before a cell, and reads its
//! orders and sessions after it, through a login of its own: it must not touch the session it judges.

use uuid::Uuid;

use crate::client::call::Call;
use crate::client::{Account, Client, Entry};
use crate::draws::Draws;
use crate::history::Final;
use crate::trouble::Trouble;

/// How often one thing is asked for.
const TRIES: usize = 10;

/// Somebody who asks, and is no part of the story.
#[derive(Debug)]
pub(crate) struct Checker {
    client: Client,
}

impl Checker {
    /// Asks this replica, as this account.
    pub(crate) fn new(account: Account, replica: Entry) -> Self {
        // The ids it draws mean nothing to anybody, so they need not be repeatable.
        Checker { client: Client::new(account, vec![replica], Draws::new(Uuid::new_v4().as_u64_pair().0)) }
    }

    /// Makes the account.
    pub(crate) async fn register(&self) -> Result<(), String> {
        ask(self.client.register()).await.map_err(|trouble| trouble.to_string())
    }

    /// Logs in and reads.
    pub(crate) async fn read(&self) -> Result<Final, String> {
        let read = async {
            let own = ask(self.client.login()).await?;
            let orders = ask(self.client.orders()).await?.orders;
            let listed = ask(self.client.sessions()).await?.sessions;
            let others = listed.into_iter().map(|it| it.session_id).filter(|id| *id != own.session_id);
            Ok(Final { orders, sessions: others.collect(), opened_last: None })
        };
        read.await.map_err(|trouble: Trouble| trouble.to_string())
    }

    /// As [`Checker::read`], and then lets the client try its token once more, now that there is a newer
    /// session than its own.
    pub(crate) async fn read_and_try(&self, client: &Client) -> Result<Final, String> {
        let held = self.read().await?;
        let opened_last = match ask(client.session_info()).await {
            Ok(session) => Some(session.session_id),
            // Without an answer nobody knows whose session it would have opened.
            Err(trouble @ (Trouble::NoAnswer(_) | Trouble::Gateway(_))) => return Err(trouble.to_string()),
            Err(Trouble::Told(problem)) if problem.retryable => {
                return Err(Trouble::Told(problem).to_string());
            }
            Err(_) => None,
        };
        Ok(Final { opened_last, ..held })
    }
}

/// The checker is no part of the story, so it may ask again as often as the service says that this can do
/// no harm: on a busy machine a call to the store takes longer than the service waits, now and then.
async fn ask<T>(call: Call<'_, T>) -> Result<T, Trouble> {
    let mut tries = 0;
    loop {
        tries += 1;
        match call.send("check", call.new_request_id()).await {
            Ok(answer) => return Ok(answer),
            Err(Trouble::Told(problem)) if problem.retryable && tries < TRIES => {}
            Err(trouble) => return Err(trouble),
        }
    }
}
