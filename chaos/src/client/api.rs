//! What can be asked of a service? Every call by the name it has in the API.

use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Client;
use super::body::{CartBody, Order, Orders, PrimeBody, SessionBody, Sessions, TokenBody, Wizard};
use super::call::{Call, Read};
use super::record::{Ack, Ask};

impl Client {
    /// `POST /accounts`: make the account this client belongs to.
    pub fn register(&self) -> Call<'_, ()> {
        let body = json!({ "name": self.account.name, "password": self.account.password });
        self.call(Method::POST, "/accounts", Some(body), Ask::Public, |_, _| Ok(((), Ack::Done)))
    }

    /// `POST /session`: log in. From here on the client sends the token it got.
    pub fn login(&self) -> Call<'_, SessionBody> {
        let body = json!({ "name": self.account.name, "password": self.account.password });
        self.call(Method::POST, "/session", Some(body), Ask::Login, keep_token)
    }

    /// `POST /session/renew`: a new token for the same session.
    pub fn renew(&self) -> Call<'_, SessionBody> {
        self.call(Method::POST, "/session/renew", None, Ask::Renew, keep_token)
    }

    /// `GET /session`: who am I?
    pub fn session_info(&self) -> Call<'_, SessionBody> {
        self.call(Method::GET, "/session", None, Ask::Other, |_, body| plain(body))
    }

    /// `DELETE /session`: log out. The client keeps the token, to see whether it is really dead.
    pub fn logout(&self) -> Call<'_, ()> {
        self.call(Method::DELETE, "/session", None, Ask::Logout, |_, _| Ok(((), Ack::Done)))
    }

    /// `GET /sessions`: my devices.
    pub fn sessions(&self) -> Call<'_, Sessions> {
        self.call(Method::GET, "/sessions", None, Ask::Other, |_, body| plain(body))
    }

    /// `GET /cart`
    pub fn cart(&self) -> Call<'_, CartBody> {
        self.call(Method::GET, "/cart", None, Ask::Other, read_cart)
    }

    /// `PUT /cart/items/{sku}`: exactly this many. Safe to repeat.
    pub fn put_item(&self, sku: &str, quantity: u32) -> Call<'_, CartBody> {
        let (path, body) = (format!("/cart/items/{sku}"), json!({ "quantity": quantity }));
        self.call(Method::PUT, &path, Some(body), Ask::PutItem(sku.to_owned(), quantity), read_cart)
    }

    /// `POST /cart/items`: this many more. Not safe to repeat.
    pub fn add_item(&self, sku: &str, quantity: u32) -> Call<'_, CartBody> {
        let body = json!({ "sku": sku, "quantity": quantity });
        self.call(Method::POST, "/cart/items", Some(body), Ask::AddItem(sku.to_owned(), quantity), read_cart)
    }

    /// `PUT /checkout/address`
    pub fn address(&self) -> Call<'_, Wizard> {
        let body = json!({
            "recipient": "Ada Lovelace", "street": "12 St James's Square",
            "city": "London", "postcode": "SW1Y 4JH", "country": "United Kingdom",
        });
        self.call(Method::PUT, "/checkout/address", Some(body), Ask::Other, |_, body| plain(body))
    }

    /// `PUT /checkout/payment`
    pub fn payment(&self) -> Call<'_, Wizard> {
        let body = json!({ "method": "invoice" });
        self.call(Method::PUT, "/checkout/payment", Some(body), Ask::Other, |_, body| plain(body))
    }

    /// `GET /checkout`: how far has the wizard come?
    pub fn checkout(&self) -> Call<'_, Wizard> {
        self.call(Method::GET, "/checkout", None, Ask::Other, |_, body| plain(body))
    }

    /// `POST /orders`: order the cart of this version. Safe to repeat with the same key.
    pub fn place_order(&self, key: &str, cart_version: u64) -> Call<'_, Order> {
        let body = json!({ "cart_version": cart_version });
        self.call(Method::POST, "/orders", Some(body), Ask::PlaceOrder(key.to_owned()), read_order)
    }

    /// `GET /orders/{id}`
    pub fn order(&self, id: &str) -> Call<'_, Order> {
        self.call(Method::GET, &format!("/orders/{id}"), None, Ask::Other, read_order)
    }

    /// `GET /orders`
    pub fn orders(&self) -> Call<'_, Orders> {
        self.call(Method::GET, "/orders", None, Ask::Other, |_, body| plain(body))
    }

    /// `GET /prime/{n}`: needs no session at all.
    pub fn prime(&self, n: u64) -> Call<'_, PrimeBody> {
        self.call(Method::GET, &format!("/prime/{n}"), None, Ask::Public, |_, body| plain(body))
    }

    /// `GET /livez`: is the process there?
    pub fn alive(&self) -> Call<'_, ()> {
        self.call(Method::GET, "/livez", None, Ask::Public, |_, _| Ok(((), Ack::Done)))
    }

    fn call<T>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        ask: Ask,
        read: Read<T>,
    ) -> Call<'_, T> {
        Call { client: self, method, path: path.to_owned(), body, ask, read }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn plain<T: DeserializeOwned>(body: &[u8]) -> Result<(T, Ack), String> {
    Ok((parse(body)?, Ack::Done))
}

fn keep_token(client: &Client, body: &[u8]) -> Result<(SessionBody, Ack), String> {
    let TokenBody { token, session } = parse(body)?;
    client.keep(token, session.session_id.clone());
    let ack = Ack::Session(session.session_id.clone());
    Ok((session, ack))
}

fn read_cart(_: &Client, body: &[u8]) -> Result<(CartBody, Ack), String> {
    let cart: CartBody = parse(body)?;
    Ok((cart.clone(), Ack::Cart(cart)))
}

fn read_order(_: &Client, body: &[u8]) -> Result<(Order, Ack), String> {
    let order: Order = parse(body)?;
    Ok((order.clone(), Ack::Order(order)))
}
