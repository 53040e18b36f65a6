//! What can be wrong with a service that keeps sessions?

use clap::ValueEnum;

/// One bug each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Bug {
    /// Nothing: the control. A check that complains about this one is itself broken.
    None,
    /// Logout answers 204 and forgets to end the session.
    ForgottenLogout,
    /// A change is an upsert: it brings back the session that a logout ended meanwhile.
    RevivingUpsert,
    /// A change reads, lets others run, and writes back what it read.
    LostUpdate,
    /// An order is placed without its idempotency key: the repeat places a second one.
    OrderWithoutKey,
    /// The session key is made at boot, so every restart logs everyone out.
    KeyMadeAtBoot,
    /// Session ids are counted from 1 at every start, so a token of yesterday opens a session of today.
    IdsReused,
    /// The boot id is always the same: a restart cannot be seen.
    HiddenRestart,
    /// Every request is answered 200, whatever it asks.
    YesToEverything,
    /// It says that it is ready, also when it was taken out of rotation.
    AlwaysReady,
    /// Renewing again after a lost answer makes another successor, and the first one stops working.
    ForkedRenewal,
}
