//! What does the API promise, for machines? One OpenAPI 3.1 document, made from the code that answers.

use axum::Json;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{account, cart, checkout, health, order, prime, session};

#[derive(OpenApi)]
#[openapi(
    info(title = "Amnesia", description = "One API, served by two services that keep their sessions in different places."),
    modifiers(&Credentials),
    paths(
        account::register, account::change_password,
        session::login, session::whoami, session::renew, session::logout,
        session::list, session::end_one, session::end_all,
        cart::show, cart::set_item, cart::add_item, cart::remove_item,
        checkout::show, checkout::set_address, checkout::set_payment,
        order::place, order::list, order::show,
        prime::test,
        health::livez, health::readyz, health::metrics,
    ),
)]
struct Api;

/// Names the two ways a token can be sent.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let cookie = ApiKey::Cookie(ApiKeyValue::new("sid"));
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    }
}

/// The document.
pub fn api() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// `GET /openapi.json`.
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(api())
}
