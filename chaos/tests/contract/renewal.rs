//! Section E, where the process dies between a rotation and its answer.

use chaos::contract::Pace;
use chaos::contract::differences::{self, Seen};
use chaos::contract::renewal::twenty_renewals;
use chaos::gates::Point;
use chaos::service::Twin;

use crate::column::Column;
use crate::table::{LabRow, everywhere};

pub const ROWS: &[LabRow] = &[
    LabRow {
        number: 44,
        claim: "20 parallel renewals at two replicas that share a store: one rotation, one successor",
        pace: Pace::Brisk,
        applies: |column| column.twin == Twin::Stateless,
        run: |column| Box::pin(at_two_replicas(column)),
    },
    LabRow {
        number: 46,
        claim: "killed after the rotation, before the answer: the same successor, or session_lost",
        pace: Pace::Brisk,
        applies: everywhere,
        run: |column| Box::pin(killed_before_the_answer(column)),
    },
];

async fn at_two_replicas(column: Column) -> anyhow::Result<()> {
    let lab = column.pair().await?;
    Ok(twenty_renewals(&lab.guest_at_both().await?).await?)
}

async fn killed_before_the_answer(column: Column) -> anyhow::Result<()> {
    let lab = column.lab().await?;
    let guest = lab.site().guest().await?;
    guest.shop().await?;
    let renewal = lab.hold(guest.post("/session/renew"), Point::Committed).await?;
    lab.kill().await?;
    renewal.broken().await?;
    lab.start_again().await?;

    let again = guest.post("/session/renew").send().await?;
    let expected = differences::expected(46, column.twin);
    expected.matches(&again, 200)?;
    if expected == Seen::Served {
        again.has("idempotent-replay", "true")?.says("/session_id", &guest.session_id.clone().into())?;
        let successor = again.text("/token")?;
        let third = guest.post("/session/renew").send().await?;
        third.is(200)?.says("/token", &successor.clone().into())?;
        let cart = lab.site().get("/cart").bearer(&successor).send().await?;
        cart.is(200)?.says("/items/0/quantity", &2.into())?;
    }
    Ok(())
}
