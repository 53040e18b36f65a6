//! Are letters large enough, and is there contrast enough, on every screen and on paper?

use super::browser::{DESKTOP, PHONE};
use super::{address, opened, report};

#[tokio::test]
async fn the_parts_of_a_restart_have_their_names_and_letters_can_be_read_on_every_screen() {
    let run = report(&["run", "cart", "kill"]);
    let load = report(&["load", "--clients", "6", "--for", "3s", "--every", "800ms", "--pace", "50ms"]);
    for size in [DESKTOP, PHONE] {
        let Some(browser) = opened(&run, size).await else { return };
        let texts = browser
            .ask("return [...document.querySelectorAll('#lanes text')].map((each) => each.textContent)")
            .await;
        for part in ["stop", "ready"] {
            let named = texts.as_array().unwrap().iter().filter(|text| *text == part).count();
            assert_eq!(named, 2, "{part} in each lane: {texts}");
        }
        let height = browser.ask(SMALLEST_LETTERS).await.as_f64().unwrap();
        assert!(height >= 12.0, "{size:?}: {height}");
        browser.client.goto(&address(&load.page)).await.unwrap();
        let height = browser.ask(SMALLEST_LETTERS).await.as_f64().unwrap();
        assert!(height >= 12.0, "{size:?}, a load: {height}");
    }
}

/// How high the lines of the smallest letters in a picture are, in pixels of the screen.
const SMALLEST_LETTERS: &str = "return Math.min(...[...document.querySelectorAll('svg text')].map((each) => each.getBoundingClientRect().height))";

#[tokio::test]
async fn dark_and_light_and_paper_all_keep_text_and_signs_readable() {
    let pages = [
        report(&["run", "whoami", "kill", "--service", "stateful"]),
        report(&["matrix", "--moments", "telling", "--only", "flow=cart-blind,service=stateless"]),
        report(&["load", "--clients", "6", "--for", "3s", "--every", "800ms", "--pace", "50ms"]),
    ];
    for page in &pages {
        let Some(browser) = opened(page, DESKTOP).await else { return };
        for scheme in ["light", "dark"] {
            browser.prefers(scheme).await;
            let worst = browser.ask(WORST_CONTRAST).await;
            // WCAG 2.2, success criterion 1.4.3: 4.5 to 1 for text of this size.
            assert!(worst[0].as_f64().unwrap() >= 4.5, "{scheme}: {worst}");
        }
        // The paper is white, also under somebody who reads white on black.
        browser.prints("dark").await;
        let worst = browser.ask(WORST_CONTRAST).await;
        assert!(worst[0].as_f64().unwrap() >= 4.5, "on paper: {worst}");
        let ink = "return getComputedStyle(document.querySelector('.is-ok')).color";
        let on_paper = browser.ask(ink).await;
        browser.prefers("light").await;
        assert_eq!(on_paper, browser.ask(ink).await);
    }
}

/// The worst contrast between any text and what is behind it, and the text.
const WORST_CONTRAST: &str = r"
  const channel = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [21, ''];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const ink = parse(node.namespaceURI.endsWith('svg') ? style.fill : style.color);
    const [one, other] = [light(ink), light(behind(node))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < worst[0]) worst = [contrast, node.textContent];
  }
  return worst;
";
