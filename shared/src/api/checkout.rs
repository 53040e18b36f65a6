//! What does the checkout wizard ask, and what is still missing?

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Free text on a parcel: 1 to 200 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 1, max_length = 200)]
pub struct Text(String);

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = (1..=200).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            Ok(Text(text))
        } else {
            Err("1 to 200 characters, no control characters")
        }
    }
}

/// Where the parcel goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who receives it.
    pub recipient: Text,
    /// Street and number.
    pub street: Text,
    /// City.
    pub city: Text,
    /// Post code.
    pub postcode: Text,
    /// Country.
    pub country: Text,
}

/// How it is paid. The lab never takes a card number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// The method.
    pub method: Method,
}

/// A way of paying that needs no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Later, by invoice.
    Invoice,
    /// To the courier.
    OnDelivery,
}

/// How far the checkout has come; it lives in the session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkout {
    /// Set by `PUT /checkout/address`.
    pub address: Option<Address>,
    /// Set by `PUT /checkout/payment`.
    pub payment: Option<Payment>,
}

/// The steps of the wizard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// `PUT /checkout/address`
    Address,
    /// `PUT /checkout/payment`
    Payment,
}

impl Checkout {
    /// The steps not taken yet, in order.
    pub fn missing(&self) -> Vec<Step> {
        let mut missing = Vec::new();
        if self.address.is_none() {
            missing.push(Step::Address);
        }
        if self.payment.is_none() {
            missing.push(Step::Payment);
        }
        missing
    }
}

/// The wizard as every checkout call answers it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckoutBody {
    /// Null until it is set.
    pub address: Option<Address>,
    /// Null until it is set.
    pub payment: Option<Payment>,
    /// What an order still needs.
    pub missing: Vec<Step>,
}

impl From<Checkout> for CheckoutBody {
    fn from(checkout: Checkout) -> Self {
        CheckoutBody { missing: checkout.missing(), address: checkout.address, payment: checkout.payment }
    }
}
