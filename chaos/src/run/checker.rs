//! What does the service hold in the end? The checker makes the account before a cell, and reads its
//! orders and sessions after it, through a login of its own: it must not touch the session it judges.

use uuid::Uuid;

use crate::client::call::Call;
use crate::client::{Account, Client, Entry};
use crate::draws::Draws;
use crate::history::Final;

/// Somebody who asks, and is no part of the story.
#[derive(Debug)]
pub(super) struct Checker {
    client: Client,
}

impl Checker {
    /// Asks this replica, as this account.
    pub(super) fn new(account: Account, replica: Entry) -> Self {
        // The ids it draws mean nothing to anybody, so they need not be repeatable.
        Checker { client: Client::new(account, vec![replica], Draws::new(Uuid::new_v4().as_u64_pair().0)) }
    }

    /// Makes the account.
    pub(super) async fn register(&self) -> Result<(), String> {
        ask(self.client.register()).await
    }

    /// Logs in and reads.
    pub(super) async fn read(&self) -> Result<Final, String> {
        let own = ask(self.client.login()).await?;
        let orders = ask(self.client.orders()).await?.orders;
        let listed = ask(self.client.sessions()).await?.sessions;
        let others = listed.into_iter().map(|session| session.session_id).filter(|id| *id != own.session_id);
        Ok(Final { orders, sessions: others.collect() })
    }
}

async fn ask<T>(call: Call<'_, T>) -> Result<T, String> {
    call.send("check", call.new_request_id()).await.map_err(|trouble| trouble.to_string())
}
