//! Are the lab, its step and the class shown as they change?

use super::browser::{Browser, DESKTOP, PHONE};
use super::{SIDEWAYS, Show, tool};

const WRONG: &str = "stateful=Survived stateless=Survived polite=Recovered";
const RIGHT: &str = "stateful=Lost stateless=Survived polite=Lost";

/// What stands in an element, as it is seen.
fn text(id: &str) -> String {
    format!("document.getElementById('{id}').innerText")
}

fn says(id: &str, words: &str) -> String {
    format!("return {}.includes({})", text(id), serde_json::to_string(words).unwrap())
}

#[tokio::test]
async fn the_lab_and_its_step_and_the_class_are_shown_as_they_change_on_a_desktop() {
    let Some(browser) = Browser::open(DESKTOP).await else { return };
    let show = Show::start_with_a_class();
    show.open_in(&browser).await;
    browser.until("that nobody has handed in", &says("class-about", "Nobody has handed in yet.")).await;
    assert_eq!(browser.ask("return document.getElementById('lab').hidden").await, true);

    show.types("presenter", "lab start 2");
    browser.until("the lab", &says("lab-title", "Lab 2: Restart after login")).await;
    let at = "return document.querySelector('#lab-steps [aria-current=step]').textContent";
    assert_eq!(browser.ask(at).await, "Predict");
    show.types("presenter", &format!("lab predict 2 {RIGHT}"));
    browser.until("the next step", &at.replace("textContent", "textContent === 'Run'")).await;

    show.hands_in("ada", WRONG);
    browser.until("the first hand-in", &says("class-about", "1 handed in")).await;
    show.types("bo", "lab hint 2");
    show.hands_in("bo", "stateful=Survived stateless=Survived polite=Unknown");
    show.hands_in("cy", RIGHT);
    browser.until("three of them", &says("class-about", "3 handed in")).await;

    // Which verdict is right is seen only by those who ask for it, here with the keyboard.
    let common = "3 said Survived; it is Lost";
    assert_eq!(browser.ask(&says("class-parts", common)).await, false);
    browser.ask("document.querySelector('#common summary').focus(); return null").await;
    browser.press("\u{E007}").await;
    browser.until("the misconception", &says("class-parts", common)).await;
    browser.picture("class-desktop").await;

    // The same facts in the same words as on the terminal.
    let told = show.types("teacher", "class collect class");
    for head in ["Who is where", "Common misconceptions", "Who predicted what"] {
        assert!(told.contains(head), "{told}");
        assert_eq!(browser.ask(&says("class-parts", head)).await, true, "{head}");
    }
    let line = told.lines().find(|line| line.contains("it is Lost")).unwrap().trim();
    assert_eq!(line, "lab 2, stateful: 2 of 3 said Survived; it is Lost");
    assert_eq!(browser.ask(&says("class-parts", line)).await, true);
    let place = "bo: lab 2, run; hints: 1";
    assert!(told.contains(place), "{told}");
    assert_eq!(browser.ask(&says("class-parts", place)).await, true);

    // Something new comes, and what was opened stays open and has the focus still.
    show.hands_in("dee", WRONG);
    browser.until("three who are wrong", &says("class-parts", "3 of 4 said Survived; it is Lost")).await;
    browser.until("and two", &says("class-parts", "2 of 4 said Recovered; it is Lost")).await;
    assert_eq!(browser.ask("return document.activeElement.parentElement.id").await, "common");

    // Who comes later is told all of it at once.
    browser.client.refresh().await.unwrap();
    browser.until("the class", &says("class-about", "4 handed in")).await;
    browser.until("the lab", &says("lab-title", "Lab 2")).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn on_a_phone_too_and_what_cannot_be_read_is_said() {
    let Some(browser) = Browser::open(PHONE).await else { return };
    let show = Show::start_with_a_class();
    let class = show.folder.path().join("class");
    show.open_in(&browser).await;
    show.types("presenter", "lab start 2");
    show.hands_in("a_nickname-of-24-letters", WRONG);
    show.hands_in("bo", WRONG);
    let long = "a-file-with-a-name-that-is-longer-than-the-screen-of-a-telephone-<b>bold</b>.json";
    std::fs::write(class.join(long.replace('/', "")), "{").unwrap();
    browser.until("the file", &says("class-about", "2 handed in, 1 not read")).await;
    assert_eq!(browser.ask(&says("class-parts", "telephone-<b>bold<b>.json is not whole JSON")).await, true);
    browser.until("the lab", &says("lab-title", "Lab 2")).await;
    browser.ask("document.getElementById('common').open = true; return null").await;
    browser.picture("class-phone").await;
    assert_eq!(browser.ask(SIDEWAYS).await, 0, "the page itself moves sideways");

    std::fs::rename(&class, class.with_extension("away")).unwrap();
    browser.until("that it is gone", &says("class-about", "there is no folder class")).await;
    assert_eq!(browser.ask(&says("class-parts", "bo")).await, true, "what was seen is still seen");
    std::fs::rename(class.with_extension("away"), &class).unwrap();
    browser.until("that it is back", &says("class-about", "2 handed in, 1 not read")).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[test]
fn a_folder_of_a_class_that_is_not_there_is_said_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let output = tool(&folder, "presenter").args(["show", "--class", "clas"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no folder clas"), "{output:?}");
}
