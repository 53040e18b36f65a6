//! Does the document say what the services do? A pass over all routes collects as many kinds of answers as
//! can be provoked; each must be documented for its operation and fit its schema, and what is documented
//! must have been seen. Both services serve the same document, word for word.

mod document;
mod pass;

#[path = "../../../shared/tests/support/skip.rs"]
mod skip;

use std::collections::BTreeSet;

use chaos::contract::Site;
use chaos::contract::requests::ROUTES;
use chaos::driver::{Driver, LabSpec, Store};
use chaos::service;
use document::Document;
use skip::skip;

/// Documented, and not provoked here but in rows of the contract: a body that trickles for ten seconds, and
/// a database that is away.
const NOT_SEEN_HERE: &[(&str, &str)] = &[("", "408"), ("POST /accounts", "503")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_as_the_document_says() -> anyhow::Result<()> {
    let mut spec = LabSpec::new(service::twins());
    spec.replicas = 1;
    let driver = Driver::start(&spec).await?;
    let (mut documents, mut seen) = (Vec::new(), BTreeSet::new());
    for name in ["stateful", "stateless"] {
        let replica = &driver.replicas(name)[0];
        let site = Site::new(&replica.url);
        let text = site.get("/openapi.json").send().await?.json()?;
        let document = Document::read(text.clone());
        let mut answers = pass::everything(&site, replica.gates.as_deref().expect("gates")).await?;
        if let (Store::Redis { .. }, "stateless") = (driver.store(), name) {
            answers.extend(pass::without_a_store(&driver, &site).await?);
        }
        assert!(answers.len() > 200, "only {} answers were collected", answers.len());
        seen.extend(answers.iter().map(|answer| document.judges(answer)));
        documents.push(text);
    }
    assert_eq!(documents[0], documents[1], "the two services serve different documents");
    let document = Document::read(documents.swap_remove(0));
    every_route_is_documented(&document);
    match driver.store() {
        Store::Redis { .. } => everything_documented_was_seen(&document, &seen),
        Store::Embedded { why } => skip("documented answers without a session store", why),
    }
    Ok(())
}

fn every_route_is_documented(document: &Document) {
    let call = |path: &str, method: &str| format!("{method} {path}");
    let routed = ROUTES.iter().flat_map(|(path, methods)| methods.iter().map(|method| call(path, method)));
    let routed: BTreeSet<String> = routed.collect();
    assert_eq!(routed, document.operations().collect(), "what is routed, beside what is documented");
}

fn everything_documented_was_seen(document: &Document, seen: &BTreeSet<(String, String)>) {
    let excused = |(operation, status): &(String, String)| {
        NOT_SEEN_HERE.iter().any(|(o, s)| s == status && (o.is_empty() || o == operation))
    };
    let unseen: Vec<_> =
        document.answers().filter(|answer| !seen.contains(answer) && !excused(answer)).collect();
    assert!(unseen.is_empty(), "documented, and never seen: {unseen:?}");
}
