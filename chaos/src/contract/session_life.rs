//! Section D: how does a session live and end, and can anything bring it back?

mod ending;
mod races;
mod cart;

pub use cart::hundred_additions;

use super::{Pace, Row};

/// Rows 35 to 41; the others need power over the process or its settings.
pub const ROWS: &[Row] = &[
    Row {
        number: 35,
        claim: "logout: 204 with Clear-Site-Data and a cleared cookie; logout again: 204",
        pace: Pace::Brisk,
        run: |site| Box::pin(ending::logout_twice(site)),
    },
    Row {
        number: 36,
        claim: "the token after logout, on every call: 401 session_revoked",
        pace: Pace::Brisk,
        run: |site| Box::pin(ending::after_logout(site)),
    },
    Row {
        number: 37,
        claim: "a storm of writes around a logout: nothing that was sent after its 204 is served",
        pace: Pace::Brisk,
        run: |site| Box::pin(races::writes_around_a_logout(site)),
    },
    Row {
        number: 38,
        claim: "logins with the old password in the middle of the change: none of them is left",
        pace: Pace::Brisk,
        run: |site| Box::pin(races::logins_around_a_password_change(site)),
    },
    Row {
        number: 38,
        claim: "a password change: 204, and every other session of the account ends; a wrong current one: 403",
        pace: Pace::Brisk,
        run: |site| Box::pin(ending::password_change(site)),
    },
    Row {
        number: 39,
        claim: "someone else's session id or order: 404, as if there were none",
        pace: Pace::Brisk,
        run: |site| Box::pin(ending::not_yours(site)),
    },
    Row {
        number: 40,
        claim: "a cart change with an old or weak If-Match: 412 and the ETag; malformed: 400; in a list, *, or none: 200",
        pace: Pace::Brisk,
        run: |site| Box::pin(cart::preconditions(site)),
    },
    Row {
        number: 41,
        claim: "100 parallel additions of 1 end at exactly 100",
        pace: Pace::Alone,
        run: |site| Box::pin(cart::a_hundred_additions(site)),
    },
    Row {
        number: 41,
        claim: "100 parallel read-then-PUT with If-Match, repeated on 412, end at exactly 100",
        pace: Pace::Alone,
        run: |site| Box::pin(cart::a_hundred_careful_writers(site)),
    },
];
