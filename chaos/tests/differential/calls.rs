//! What can a client do? One step is one call; where it needs something that only an earlier answer gave (a
//! token, an id, a version), it names it by a number, and the twin it is sent to fills in its own.

use proptest::prelude::*;

/// One call.
#[derive(Debug, Clone)]
pub enum Step {
    Register {
        who: usize,
        password: usize,
    },
    Login {
        who: usize,
        password: usize,
        replacing: Option<usize>,
        by_cookie: bool,
    },
    ManyLogins {
        who: usize,
    },
    ChangePassword {
        by: usize,
        current: usize,
        new: usize,
    },
    WhoAmI {
        by: usize,
        by_cookie: bool,
    },
    Renew {
        by: usize,
    },
    Logout {
        by: usize,
        by_cookie: bool,
    },
    Sessions {
        by: usize,
    },
    EndOne {
        by: usize,
        which: usize,
    },
    EndAll {
        by: usize,
    },
    Cart {
        by: usize,
    },
    Set {
        by: usize,
        sku: usize,
        quantity: u32,
        if_match: IfMatch,
    },
    Add {
        by: usize,
        sku: usize,
        quantity: u32,
        if_match: IfMatch,
    },
    Remove {
        by: usize,
        sku: usize,
        if_match: IfMatch,
    },
    /// Everything an order needs.
    Shop {
        by: usize,
    },
    Checkout {
        by: usize,
    },
    Address {
        by: usize,
        complete: bool,
    },
    Payment {
        by: usize,
        method: usize,
    },
    Order {
        by: usize,
        key: usize,
        version: Version,
    },
    Orders {
        by: usize,
    },
    OneOrder {
        by: usize,
        which: usize,
    },
    Prime {
        n: u64,
    },
    Anonymous {
        call: usize,
    },
    Garbage {
        call: usize,
        token: usize,
    },
    TwoTokens {
        by: usize,
        and: usize,
    },
    Nonsense {
        by: usize,
        call: usize,
        body: usize,
    },
}

/// What `If-Match` says.
#[derive(Debug, Clone, Copy)]
pub enum IfMatch {
    None,
    Any,
    /// The version the cart last had, and so many more or less.
    Present(i64),
    /// The same, weak.
    Weak,
    /// In a list with one that it never has.
    Listed(i64),
    Malformed,
}

/// Which version of the cart is ordered.
#[derive(Debug, Clone, Copy)]
pub enum Version {
    Present,
    Number(u64),
}

/// Whose call it is: mostly the newest session's, else one of a few before it, so that steps meet.
fn by() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 2 => 0..6_usize]
}

impl Step {
    /// Any step; those that make something come often enough for the others to find it.
    pub fn any() -> impl Strategy<Value = Step> {
        let who = || 0..3_usize;
        let password = || prop_oneof![5 => Just(0_usize), 1 => Just(1_usize)];
        let sessions = prop_oneof![
            6 => (who(), password()).prop_map(|(who, password)| Step::Register { who, password }),
            10 => (who(), password(), proptest::option::weighted(0.3, by()), any::<bool>()).prop_map(
                |(who, password, replacing, by_cookie)| Step::Login { who, password, replacing, by_cookie }
            ),
            1 => who().prop_map(|who| Step::ManyLogins { who }),
            2 => (by(), password(), password())
                .prop_map(|(by, current, new)| Step::ChangePassword { by, current, new }),
            4 => (by(), any::<bool>()).prop_map(|(by, by_cookie)| Step::WhoAmI { by, by_cookie }),
            4 => by().prop_map(|by| Step::Renew { by }),
            2 => (by(), any::<bool>()).prop_map(|(by, by_cookie)| Step::Logout { by, by_cookie }),
            3 => by().prop_map(|by| Step::Sessions { by }),
            2 => (by(), by()).prop_map(|(by, which)| Step::EndOne { by, which }),
            1 => by().prop_map(|by| Step::EndAll { by }),
        ];
        let if_match = || {
            prop_oneof![
                5 => Just(IfMatch::None),
                1 => Just(IfMatch::Any),
                3 => (-1..2_i64).prop_map(IfMatch::Present),
                1 => (-1..2_i64).prop_map(IfMatch::Listed),
                1 => Just(IfMatch::Weak),
                1 => Just(IfMatch::Malformed),
            ]
        };
        let quantity =
            || prop_oneof![8 => 1..4_u32, 1 => Just(1000_u32), 1 => Just(0_u32), 1 => Just(1001_u32)];
        let shopping = prop_oneof![
            3 => by().prop_map(|by| Step::Cart { by }),
            6 => (by(), 0..4_usize, quantity(), if_match())
                .prop_map(|(by, sku, quantity, if_match)| Step::Set { by, sku, quantity, if_match }),
            5 => (by(), 0..4_usize, quantity(), if_match())
                .prop_map(|(by, sku, quantity, if_match)| Step::Add { by, sku, quantity, if_match }),
            2 => (by(), 0..4_usize, if_match()).prop_map(|(by, sku, if_match)| Step::Remove { by, sku, if_match }),
            6 => by().prop_map(|by| Step::Shop { by }),
            2 => by().prop_map(|by| Step::Checkout { by }),
            4 => (by(), prop::bool::weighted(0.8)).prop_map(|(by, complete)| Step::Address { by, complete }),
            4 => (by(), 0..3_usize).prop_map(|(by, method)| Step::Payment { by, method }),
            10 => (by(), 0..2_usize, version())
                .prop_map(|(by, key, version)| Step::Order { by, key, version }),
            2 => by().prop_map(|by| Step::Orders { by }),
            2 => (by(), by()).prop_map(|(by, which)| Step::OneOrder { by, which }),
        ];
        let odd = prop_oneof![
            1 => any::<u64>().prop_map(|n| Step::Prime { n }),
            1 => (0..16_usize).prop_map(|call| Step::Anonymous { call }),
            1 => (0..16_usize, 0..4_usize).prop_map(|(call, token)| Step::Garbage { call, token }),
            1 => (by(), by()).prop_map(|(by, and)| Step::TwoTokens { by, and }),
            2 => (by(), 0..16_usize, 0..6_usize).prop_map(|(by, call, body)| Step::Nonsense { by, call, body }),
        ];
        prop_oneof![5 => sessions, 6 => shopping, 1 => odd]
    }
}

/// A sequence that meets everything worth comparing at least once, whatever the others meet.
pub fn tour() -> Vec<Step> {
    use Step::*;
    let order = |key, version| Order { by: 0, key, version };
    vec![
        Register { who: 0, password: 1 },
        Register { who: 1, password: 0 },
        Shop { by: 0 },
        order(0, Version::Number(7)),
        order(0, Version::Present),
        order(0, Version::Number(1)),
        Shop { by: 0 },
        order(0, Version::Present),
        Orders { by: 0 },
        OneOrder { by: 0, which: 0 },
        Set { by: 0, sku: 1, quantity: 3, if_match: IfMatch::Present(-1) },
        Add { by: 0, sku: 1, quantity: 3, if_match: IfMatch::Malformed },
        Add { by: 0, sku: 1, quantity: 1000, if_match: IfMatch::None },
        Add { by: 0, sku: 1, quantity: 1000, if_match: IfMatch::None },
        Set { by: 0, sku: 3, quantity: 1, if_match: IfMatch::Any },
        Renew { by: 0 },
        Renew { by: 1 },
        WhoAmI { by: 1, by_cookie: true },
        Login { who: 1, password: 0, replacing: None, by_cookie: false },
        OneOrder { by: 0, which: 0 },
        EndOne { by: 0, which: 1 },
        Login { who: 1, password: 1, replacing: Some(0), by_cookie: true },
        ChangePassword { by: 0, current: 1, new: 0 },
        ChangePassword { by: 0, current: 0, new: 1 },
        Login { who: 1, password: 1, replacing: Some(0), by_cookie: true },
        ManyLogins { who: 1 },
        Logout { by: 0, by_cookie: true },
        Logout { by: 0, by_cookie: false },
        WhoAmI { by: 0, by_cookie: true },
        Anonymous { call: 3 },
        Garbage { call: 4, token: 2 },
        TwoTokens { by: 0, and: 1 },
        Nonsense { by: 0, call: 1, body: 0 },
        Nonsense { by: 0, call: 0, body: 5 },
    ]
}

/// What a random sequence found once: a wrong password with a token that is over counted against its owner in one
/// twin only.
pub fn found_before() -> Vec<Step> {
    use Step::*;
    vec![
        Login { who: 0, password: 0, replacing: None, by_cookie: false },
        ChangePassword { by: 1, current: 0, new: 1 },
        ChangePassword { by: 0, current: 0, new: 0 },
        ManyLogins { who: 0 },
    ]
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![5 => Just(Version::Present), 1 => (0..4_u64).prop_map(Version::Number)]
}
