//! Section F, where the process dies, or is held, between a claim and its order.

use std::time::{Duration, Instant};

use chaos::contract::Pace;
use chaos::contract::answer::Answer;
use chaos::contract::idempotency::{in_progress, one_order, twenty_orders};
use chaos::contract::site::{Guest, new_key};
use chaos::gates::Point;
use chaos::service::Twin;

use crate::column::{Column, back_again};
use crate::table::{LabRow, everywhere};

pub const ROWS: &[LabRow] = &[
    LabRow {
        number: 50,
        claim: "a repeat while the first is held half way: 409 idempotency_in_progress, Retry-After: 1",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(while_the_first_runs(column)),
    },
    LabRow {
        number: 50,
        claim: "20 orders at once under one key, at two replicas: one order",
        pace: Pace::Brisk,
        applies: |column| column.twin == Twin::Stateless,
        run: |column| Box::pin(at_two_replicas(column)),
    },
    LabRow {
        number: 51,
        claim: "killed after the claim: the replica that comes back takes it over at once, and there is one order",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(killed_after_the_claim(column)),
    },
    LabRow {
        number: 51,
        claim: "killed after the claim: another replica says 409 until the lease ends, then 201, one order",
        pace: Pace::Slow,
        applies: everywhere,
        run: |column| Box::pin(taken_over_by_another(column)),
    },
    LabRow {
        number: 52,
        claim: "killed after the commit, before the answer: the repeat is answered with the order, and there is one",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(killed_after_the_commit(column)),
    },
];

/// How long a claim may keep others waiting.
const LEASE: Duration = Duration::from_secs(5);

async fn while_the_first_runs(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    let (version, key) = (guest.shop().await?, new_key());
    let first = lab.hold(guest.order(&key, version), Point::Claimed).await?;
    in_progress(&guest.order(&key, version).send().await?)?;
    guest.order(&key, version + 1).refused(422, "idempotency_key_reused", None).await?;
    let placed = first.finish().await?;
    placed.is(201)?.lacks("idempotent-replay")?;
    let again = guest.order(&key, version).send().await?;
    again.is(201)?.has("idempotent-replay", "true")?;
    anyhow::ensure!(again.body == placed.body, "a repeat is not byte for byte the first answer");
    Ok(one_order(&guest, &placed).await?)
}

async fn at_two_replicas(column: Column) -> anyhow::Result<()> {
    let lab = column.pair().await?;
    Ok(twenty_orders(&lab.guest_at_both().await?).await?)
}

async fn killed_after_the_claim(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    let (version, key) = (guest.shop().await?, new_key());
    let order = lab.hold(guest.order(&key, version), Point::Claimed).await?;
    lab.kill().await?;
    order.broken().await?;
    lab.start_again().await?;

    let guest = back_again(&column, &lab.site(), &guest).await?;
    let none = guest.get("/orders").send().await?;
    anyhow::ensure!(none.count("/orders")? == 0, "an order before its commit: {}", none.summary());
    let placed = guest.order(&key, version).send().await?;
    placed.is(201)?.lacks("idempotent-replay")?;
    Ok(one_order(&guest, &placed).await?)
}

async fn taken_over_by_another(column: Column) -> anyhow::Result<()> {
    let lab = column.pair().await?;
    let guest = lab.site().guest().await?;
    let (version, key) = (guest.shop().await?, new_key());
    let order = lab.hold(guest.order(&key, version), Point::Claimed).await?;
    let claimed = Instant::now();
    lab.kill().await?;
    order.broken().await?;

    let guest = back_again(&column, &lab.sibling(), &guest).await?;
    in_progress(&guest.order(&key, version).send().await?)?;
    let placed = once_the_lease_ends(&guest, &key, version, claimed).await?;
    placed.lacks("idempotent-replay")?;
    let waited = claimed.elapsed();
    anyhow::ensure!(waited > LEASE / 2, "a claim was taken over after {waited:.1?}, while it may have lived");
    Ok(one_order(&guest, &placed).await?)
}

/// Repeats as `Retry-After` says it may, until the order is placed.
pub async fn once_the_lease_ends(
    guest: &Guest,
    key: &str,
    version: u64,
    claimed: Instant,
) -> anyhow::Result<Answer> {
    loop {
        let answer = guest.order(key, version).send().await?;
        if answer.status == 201 {
            return Ok(answer);
        }
        in_progress(&answer)?;
        let waited = claimed.elapsed();
        anyhow::ensure!(waited < LEASE * 2, "the claim is still alive after {waited:.1?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn killed_after_the_commit(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    let (version, key) = (guest.shop().await?, new_key());
    let order = lab.hold(guest.order(&key, version), Point::Committed).await?;
    let there_already = guest.get("/orders").send().await?;
    there_already.is(200)?;
    anyhow::ensure!(
        there_already.count("/orders")? == 1,
        "committed, and no order: {}",
        there_already.summary()
    );
    lab.kill().await?;
    order.broken().await?;
    lab.start_again().await?;

    let guest = back_again(&column, &lab.site(), &guest).await?;
    let again = guest.order(&key, version).send().await?;
    again.is(201)?.has("idempotent-replay", "true")?;
    again.says("/id", &there_already.text("/orders/0/id")?.into())?;
    Ok(one_order(&guest, &again).await?)
}
