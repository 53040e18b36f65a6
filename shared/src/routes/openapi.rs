//! What does the API promise, for machines? One OpenAPI 3.1 document, made from the code that answers.

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder, Responses};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{Modify, OpenApi};

use super::{account, cart, checkout, health, order, prime, session};
use crate::answer::JsonAnswer;

#[derive(OpenApi)]
#[openapi(
    info(title = "Amnesia", description = "One API, served by two services that keep their sessions in different places."),
    modifiers(&Credentials, &Everywhere),
    paths(
        account::register, account::change_password,
        session::login, session::whoami, session::renew, session::logout,
        session::list, session::end_one, session::end_all,
        cart::show, cart::set_item, cart::add_item, cart::remove_item,
        checkout::show, checkout::set_address, checkout::set_payment,
        order::place, order::list, order::show,
        prime::test,
        health::livez, health::readyz, health::metrics, document,
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

/// What is answered around the handlers, and so by many calls alike, is written down once.
struct Everywhere;

/// Before any handler reads a body.
const WITH_A_BODY: [(&str, &str); 5] = [
    ("400", "`malformed_json`, `body_broken`"),
    ("408", "`body_timeout`"),
    ("413", "`payload_too_large`"),
    ("415", "`unsupported_media_type`"),
    ("422", "`validation_failed`, with `errors`"),
];
const WITH_A_CREDENTIAL: (&str, &str) = ("400", "`ambiguous_credentials`");
const WITH_AN_EFFECT: (&str, &str) = ("403", "`csrf_rejected`");
const ALWAYS: (&str, &str) = ("500", "`internal`: our fault");

impl Modify for Everywhere {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        for PathItem { get, put, post, delete, .. } in api.paths.paths.values_mut() {
            for operation in [&mut *put, post, delete].into_iter().flatten() {
                add(&mut operation.responses, WITH_AN_EFFECT);
            }
            for operation in [get, put, post, delete].into_iter().flatten() {
                around(operation);
            }
        }
    }
}

fn around(operation: &mut Operation) {
    if operation.request_body.is_some() {
        for answer in WITH_A_BODY {
            add(&mut operation.responses, answer);
        }
    }
    if operation.security.is_some() {
        add(&mut operation.responses, WITH_A_CREDENTIAL);
    }
    add(&mut operation.responses, ALWAYS);
}

/// Adds a problem, or its codes to the problem of this status that is there already.
fn add(responses: &mut Responses, (status, codes): (&str, &str)) {
    match responses.responses.get_mut(status) {
        Some(RefOr::T(Response { description, .. })) => *description = format!("{description}; {codes}"),
        Some(RefOr::Ref(_)) => {}
        None => {
            let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemBody"))).build();
            let problem = ResponseBuilder::new().description(codes).content("application/problem+json", body);
            responses.responses.insert(status.to_owned(), RefOr::T(problem.build()));
        }
    }
}

/// The document.
pub fn api() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "health", responses(
    (status = 200, description = "OpenAPI 3.1", body = Object),
))]
pub async fn document() -> JsonAnswer<utoipa::openapi::OpenApi> {
    JsonAnswer(api())
}
