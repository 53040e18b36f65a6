//! What do the buttons do? What `chaos restart` and `chaos heal` do, by the same code, one at a time.

use std::time::Duration;

use serde::Deserialize;

use super::Show;
use super::feed::Event;
use crate::driver::Target;
use crate::restart::{How, now};

/// How long a pause lasts: long enough to be seen at the back of the room, and longer than clients wait.
const PAUSE: Duration = Duration::from_secs(3);

/// What a button asks for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Act {
    /// What: `graceful`, `kill`, `pause`, `heal`.
    pub how: Button,
    /// What it hits; nothing for `heal`.
    #[serde(default)]
    pub target: String,
}

/// The buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Button {
    /// Ask it to end, and start it again.
    Graceful,
    /// End it at once, and start it again.
    Kill,
    /// Let it stand still for a moment.
    Pause,
    /// Undo whatever is in force, and start what is down.
    Heal,
}

/// Presses a button; what comes of it is told in the feed. Waits for its turn.
///
/// # Errors
/// If there is no such target, or this cannot be done to it.
pub(super) async fn press(show: &Show, act: &Act, number: u64) -> anyhow::Result<()> {
    let Some(how) = act.how.as_restart() else {
        let _turn = show.turn.lock().await;
        let (at_ms, target) = (show.feed.now_ms(), "everything".to_owned());
        show.feed.say(&Event::Ordered { number, at_ms, how: "heal", target });
        let healed = show.driver.heal().await;
        let proof = match &healed {
            Ok(done) if done.is_empty() => "nothing had to be undone".to_owned(),
            Ok(done) => done.join("; "),
            Err(error) => format!("{error:#}"),
        };
        let (at_ms, proven) = (show.feed.now_ms(), healed.is_ok());
        show.feed.say(&Event::Over { number, at_ms, proven, proof, restart: None });
        return Ok(());
    };
    let target = show.driver.target(&act.target)?;
    if matches!(target, Target::Service(_)) {
        anyhow::bail!("a button hits one of {}", show.driver.single_targets().join(", "));
    }
    let _turn = show.turn.lock().await;
    let (at_ms, name) = (show.feed.now_ms(), act.target.clone());
    show.feed.say(&Event::Ordered { number, at_ms, how: how.word(), target: name });
    let struck = now::strike(&show.driver, &target, how, PAUSE).await;
    let at_ms = show.feed.now_ms();
    show.feed.say(&match struck {
        Ok(strike) => Event::Over {
            number,
            at_ms,
            proven: strike.proof.proven,
            proof: strike.proof.what,
            restart: strike.restart,
        },
        Err(error) => {
            Event::Over { number, at_ms, proven: false, proof: format!("{error:#}"), restart: None }
        }
    });
    Ok(())
}

impl Button {
    fn as_restart(self) -> Option<How> {
        match self {
            Button::Graceful => Some(How::Graceful),
            Button::Kill => Some(How::Kill),
            Button::Pause => Some(How::Pause),
            Button::Heal => None,
        }
    }
}
