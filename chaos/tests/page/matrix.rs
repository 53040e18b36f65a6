//! Does the page of a matrix open with what matters, and give every square its reason?

use chaos::flow::FLOWS;
use chaos::report::html;
use serde_json::json;

use super::browser::{Browser, DESKTOP};
use super::made_up::whole_matrix;
use super::{address, opened, report};

#[tokio::test]
async fn a_deviation_is_what_the_page_opens_with_and_says_in_words() {
    let report = report(&["run", "cart", "kill"]);
    // The same file, but somebody had predicted otherwise.
    let mut result = report.result.clone();
    result["cells"][0]["predicted"] = json!("Recovered");
    result["cells"][0]["as_predicted"] = json!(false);
    result["summary"] = json!({ "as_predicted": 1, "deviated": 1, "inconclusive": 0, "not_available": 0 });
    report.make_again("result.json", &result);
    let Some(browser) = opened(&report, DESKTOP).await else { return };
    let text = browser.ask("return document.body.innerText").await;
    let text = text.as_str().unwrap();
    assert!(text.contains("1 of 2 moments came as predicted, 1 did not."), "{text}");
    assert!(text.contains("not as predicted") && text.contains("predicted Recovered"), "{text}");
}

#[tokio::test]
async fn each_square_says_why_to_who_reads_prints_or_asks() {
    let report = report(&["matrix", "--moments", "telling", "--only", "flow=cart,fault=kill,fault=pause"]);
    let Some(browser) = opened(&report, DESKTOP).await else { return };
    let silent = "return [...document.querySelectorAll('button.square')].filter((square) =>
        !document.getElementById(square.getAttribute('aria-describedby')).textContent.trim()).length";
    assert_eq!(browser.ask(silent).await, 0);
    let hidden =
        "return [...document.querySelectorAll('.because')].filter((each) => !each.offsetHeight).length";
    assert_eq!(browser.ask(hidden).await, 0, "a few squares have room for it");
    browser.ask("document.getElementById('reasons').focus(); return null").await;
    browser.press(" ").await;
    assert_ne!(browser.ask(hidden).await, 0);
    browser.prints("dark").await;
    assert_eq!(browser.ask(hidden).await, 0);
}

#[tokio::test]
async fn a_whole_matrix_opens_with_a_picture_and_is_a_paper_of_a_few_sheets_with_every_reason() {
    let (_folder, page) = whole_matrix();
    let size = std::fs::metadata(&page).unwrap().len();
    assert!(size <= html::SIZE_AT_MOST as u64, "{size} bytes");
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    browser.client.goto(&address(&page)).await.unwrap();
    assert_eq!(browser.ask("return document.body.dataset.drawn").await, "yes");
    assert_eq!(
        browser.ask("return document.getElementById('choose-moment').options.length > 10").await,
        true
    );
    assert_ne!(browser.ask("return document.querySelectorAll('#lanes .request').length").await, 0);
    // Each square is described by one thing, which is its own; a column through the gateway, too.
    let described = "return [...document.querySelectorAll('button.square')].filter((square) => {
        const id = square.getAttribute('aria-describedby');
        return square.parentNode.querySelector('.because').id === id && document.querySelectorAll(`[id='${id}']`).length === 1;
    }).length";
    let squares = "return document.querySelectorAll('button.square').length";
    assert_eq!(browser.ask(described).await, browser.ask(squares).await);
    let spaced = "return document.querySelectorAll('button.square[aria-describedby*=\" \"]').length";
    assert_eq!(browser.ask(spaced).await, 0);
    // On a screen so many squares stay small, until somebody asks.
    let said = "return [...document.querySelectorAll('.because')].filter((each) => each.getClientRects().length).length";
    assert_eq!(browser.ask(said).await, 0);
    // Every square opens with a picture, too.
    let without = "return [...document.querySelectorAll('button.square')].filter((square) => {
        square.click(); return !document.querySelector('#lanes .request'); }).length";
    assert_eq!(browser.ask(without).await, 0);

    let sheets = browser.sheets("matrix").await;
    assert!((2..=9).contains(&sheets), "{sheets} sheets");
    browser.prints("light").await;
    let squares = browser.ask("return document.querySelectorAll('button.square').length").await;
    assert_eq!(browser.ask(said).await, squares);
    assert!(squares.as_u64().unwrap() > 200, "{squares}");
    // What a browser needs to know for not cutting a row, and for saying on each sheet whose rows these are.
    let cut = "return [...document.querySelectorAll('#matrix tbody tr')].filter((row) => getComputedStyle(row).breakInside !== 'avoid').length";
    assert_eq!(browser.ask(cut).await, 0);
    let heads = "return [...document.querySelectorAll('#matrix thead')].filter((head) =>
        getComputedStyle(head).display === 'table-header-group' && head.innerText.trim()).length";
    assert_eq!(browser.ask(heads).await, FLOWS.len());
    // Nothing runs off the sheet.
    let sideways = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.ask(sideways).await, 0);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
