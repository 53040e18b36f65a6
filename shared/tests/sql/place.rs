//! Where does a test run? In a fresh SQLite file, and in a fresh database of a Postgres all tests share.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use shared::accounts::{Accounts, Verified};
use shared::api::account::{Name, Password};
use shared::config::PasswordCost;
use shared::identity::Identity;
use shared::orders::Orders;
use shared::sql::Database;

use crate::postgres::Postgres;

/// Some moment; all times in these tests are counted from it.
pub const NOW_MS: i64 = 1_800_000_000_000;

/// An empty database. Each [`Place::open`] is one more replica that uses it.
pub struct Place {
    pub url: String,
    _folder: Option<tempfile::TempDir>,
    _server: Option<Arc<Postgres>>,
}

/// Both places, or only the file where Postgres is not installed, which is said aloud.
pub fn everywhere() -> Vec<Place> {
    let mut places = vec![in_sqlite()];
    places.extend(in_postgres());
    places
}

pub fn in_sqlite() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("lab.db").display());
    Place { url, _folder: Some(folder), _server: None }
}

pub fn in_postgres() -> Option<Place> {
    // Starting a server takes longer than most of these tests. The last one to use it ends it.
    static SERVER: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
    let mut running = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let server = match running.upgrade() {
        Some(server) => server,
        None => {
            let server = Arc::new(Postgres::start()?);
            *running = Arc::downgrade(&server);
            server
        }
    };
    Some(Place { url: server.new_database(), _folder: None, _server: Some(server) })
}

impl Place {
    pub fn open(&self) -> Database {
        Database::open(&self.url).unwrap()
    }

    pub fn accounts(&self) -> Accounts {
        Accounts::new(self.open(), PasswordCost::Lab)
    }

    pub fn orders(&self) -> Orders {
        Orders::new(self.open())
    }

    /// An account with the password "right".
    pub async fn account(&self, called: &str) -> Verified {
        let accounts = self.accounts();
        accounts.register(&name(called), &password("right"), NOW_MS).await.unwrap();
        accounts.verify(&name(called), &password("right"), NOW_MS).await.unwrap()
    }
}

pub fn name(text: &str) -> Name {
    Name::try_from(text.to_owned()).unwrap()
}

pub fn password(text: &str) -> Password {
    Password::try_from(text.to_owned()).unwrap()
}

/// A replica as it is after its latest start.
pub fn start(replica: &str) -> Identity {
    Identity::draw(&replica.parse().unwrap())
}
