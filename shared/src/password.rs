//! How is a password kept and checked? As an argon2id hash, computed on threads of its own: a hash is
//! meant to be slow, and on the runtime's thread every other request would wait for it.

use std::sync::Arc;
use std::thread::available_parallelism;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::account::Password;
use crate::config::PasswordCost;

/// How many may wait for a free core. Whoever comes later is told so at once; a longer line would only
/// make everybody's login time out.
pub const WAITING_LINE: usize = 8;

/// Hashes and checks passwords, as many at a time as there are cores.
#[derive(Debug, Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    running: Arc<Semaphore>,
    // Holds a place for everyone who runs or waits.
    places: Arc<Semaphore>,
}

/// All cores are hashing and the line is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingBusy;

impl Passwords {
    /// Ready to hash at this cost. Nothing is computed yet, so a start is not slowed down.
    pub fn new(cost: PasswordCost) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let params = match cost {
            // 19 MiB, two passes, one lane: OWASP's minimum is the crate's default.
            PasswordCost::Owasp => Params::DEFAULT,
            PasswordCost::Lab => {
                Params::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST, None)
                    .expect("argon2 accepts its own minima")
            }
        };
        Passwords {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            running: Arc::new(Semaphore::new(cores)),
            places: Arc::new(Semaphore::new(cores + WAITING_LINE)),
        }
    }

    /// Hashes a password under a fresh random salt. The result says how it was made (the PHC string
    /// format), so the cost can change later without losing old accounts.
    ///
    /// # Errors
    /// [`HashingBusy`].
    pub async fn hash(&self, password: &Password) -> Result<String, HashingBusy> {
        let password = password.clone();
        self.run(move |argon2| {
            argon2
                .hash_password(password.as_bytes())
                .expect("the system has randomness, and argon2 takes any password shorter than 4 GiB")
                .to_string()
        })
        .await
    }

    /// Whether `password` is the one `stored` was made from. With nothing stored the answer is no, but
    /// after the same work: who tries a name must not learn from the clock whether it exists.
    ///
    /// # Errors
    /// [`HashingBusy`].
    pub async fn verify(&self, password: &Password, stored: Option<String>) -> Result<bool, HashingBusy> {
        let password = password.clone();
        self.run(move |argon2| match stored {
            // What was stored says its own cost; only a hash made by this service at another setting
            // takes another time.
            Some(stored) => PasswordHash::new(&stored)
                .is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok()),
            None => {
                let mut unused = [0; 32];
                argon2
                    .hash_password_into(password.as_bytes(), b"nobody has this salt", &mut unused)
                    .expect("argon2 takes any password shorter than 4 GiB");
                // Keeps the compiler from seeing that the work above is for nothing.
                std::hint::black_box(unused);
                false
            }
        })
        .await
    }

    /// Runs `work` on a blocking thread once a core is free for it.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, HashingBusy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| HashingBusy)?;
        let core = Arc::clone(&self.running).acquire_owned().await.map_err(|_| HashingBusy)?;
        let argon2 = self.argon2.clone();
        // The permits move into the task. If the client leaves, this future is dropped but the hash runs
        // on: a permit kept out here would be free while its core is not.
        let held: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (place, core);
        let task = tokio::task::spawn_blocking(move || {
            let _held = held;
            work(&argon2)
        });
        match task.await {
            Ok(outcome) => Ok(outcome),
            Err(failure) => std::panic::resume_unwind(failure.into_panic()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn a_hash_nobody_waits_for_any_more_still_counts_as_running() {
        let passwords = Passwords::new(PasswordCost::Lab);
        let cores = passwords.running.available_permits();
        let (finish, finished) = channel::<()>();
        let task = tokio::spawn({
            let passwords = passwords.clone();
            async move { passwords.run(move |_| finished.recv()).await }
        });
        while passwords.running.available_permits() == cores {
            tokio::task::yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(passwords.running.available_permits(), cores - 1, "its core is still taken");

        finish.send(()).unwrap();
        // All cores at once are only to be had when that one is free again.
        let all = u32::try_from(cores).unwrap();
        let all =
            tokio::time::timeout(std::time::Duration::from_secs(10), passwords.running.acquire_many(all));
        drop(all.await.unwrap().unwrap());
    }
}
