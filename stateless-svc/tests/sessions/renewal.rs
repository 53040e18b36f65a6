//! What does a renewal promise when its answer is lost, repeated, or stolen?

use std::time::Duration;

use shared::sessions::{Budget, End, Revoked, SessionError, Sessions};

use crate::support::*;

const PAST_GRACE: Duration = Duration::from_secs(11);

#[tokio::test]
async fn a_renewed_session_is_the_same_session_under_a_new_token() {
    for place in places() {
        let replica = place.replica().await;
        let begun = begin(&replica, &account("ada")).await;
        let renewed = replica.renew(&mut Budget::new(), &begun.token).await.unwrap();
        assert!(!renewed.replay);
        assert_ne!(renewed.issued.token, begun.token);
        let (was, is) = (&begun.session.summary, &renewed.issued.session.summary);
        assert_eq!(
            (is.session_id, is.created_at_ms, is.absolute_expires_at_ms),
            (was.session_id, was.created_at_ms, was.absolute_expires_at_ms)
        );
        assert!(look(&replica, &renewed.issued.token).await.is_ok());
        assert!(look(&replica, &begun.token).await.is_ok(), "requests already on their way are honoured");
        place.age(&renewed.issued.session, PAST_GRACE).await;
        assert_eq!(look(&replica, &begun.token).await, Err(SessionError::Revoked(Revoked::Rotated)));
        let logout = replica.end(&mut Budget::new(), &begun.token, End::Current).await;
        assert_eq!(logout, Err(SessionError::Revoked(Revoked::Rotated)));
        assert!(look(&replica, &renewed.issued.token).await.is_ok());
    }
}

#[tokio::test]
async fn a_repeated_renewal_gives_the_same_bytes_on_every_replica_and_after_a_key_rotation() {
    for place in places() {
        let first = place.replica_with(&format!("{KEY_A},{KEY_B}"), LIMITS).await;
        let rotated = place.replica_with(&format!("{KEY_B},{KEY_A}"), LIMITS).await;
        let begun = begin(&first, &account("ada")).await;
        let made = first.renew(&mut Budget::new(), &begun.token).await.unwrap();
        for replica in [&first, &rotated] {
            let again = replica.renew(&mut Budget::new(), &begun.token).await.unwrap();
            assert!(again.replay);
            assert_eq!(again.issued.token, made.issued.token);
        }
        // Renewing the successor is a new rotation, signed by the new key.
        let next = rotated.renew(&mut Budget::new(), &made.issued.token).await.unwrap();
        assert!(!next.replay);
        assert!(look(&first, &next.issued.token).await.is_ok());
    }
}

#[tokio::test]
async fn a_replica_without_the_key_that_signed_says_so() {
    for place in places() {
        let (a, b) = (place.replica_with(KEY_A, LIMITS).await, place.replica_with(KEY_B, LIMITS).await);
        let begun = begin(&a, &account("ada")).await;
        assert_eq!(look(&b, &begun.token).await, Err(SessionError::Invalid("unknown kid")));
        let both = place.replica_with(&format!("{KEY_B},{KEY_A}"), LIMITS).await;
        both.renew(&mut Budget::new(), &begun.token).await.unwrap();
        let refused = a.renew(&mut Budget::new(), &begun.token).await.unwrap_err();
        assert_eq!(refused, SessionError::Invalid("the successor's key left the ring"));
    }
}

#[tokio::test]
async fn parallel_renewals_make_one_successor() {
    for place in places() {
        let replicas = [place.replica().await, place.replica().await];
        let begun = begin(&replicas[0], &account("ada")).await;
        let renewals = (0..place.crowd().min(20)).map(|n| {
            let (replica, token) = (&replicas[n % 2], &begun.token);
            async move { replica.renew(&mut Budget::new(), token).await.unwrap() }
        });
        let renewed = futures_util::future::join_all(renewals).await;
        let tokens: std::collections::HashSet<_> = renewed.iter().map(|r| &r.issued.token).collect();
        assert_eq!(tokens.len(), 1);
        assert_eq!(renewed.iter().filter(|r| !r.replay).count(), 1, "one rotation, the rest are replays");
        assert!(look(&replicas[1], &renewed[0].issued.token).await.is_ok());
    }
}

#[tokio::test]
async fn an_old_token_renewed_too_late_ends_the_whole_session() {
    for place in places() {
        let replica = place.replica().await;
        let begun = begin(&replica, &account("ada")).await;
        let successor = replica.renew(&mut Budget::new(), &begun.token).await.unwrap().issued;
        place.age(&successor.session, PAST_GRACE).await;
        let stolen = replica.renew(&mut Budget::new(), &begun.token).await.unwrap_err();
        assert_eq!(stolen, SessionError::TokenReused);
        let reuse = Err(SessionError::Revoked(Revoked::Reuse));
        assert_eq!(look(&replica, &successor.token).await, reuse);
        assert_eq!(look(&replica, &begun.token).await, reuse);
    }
}
