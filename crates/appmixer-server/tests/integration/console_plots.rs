//! The plots of the console's overview, of what has really happened.

use crate::console_pages::visit;

const ARROW_LEFT: &str = "\u{E012}";
const END: &str = "\u{E010}";

/// What somebody moves through with the arrow keys.
const PLOT: &str = "[...document.querySelectorAll('[role=slider]')]
    .find((one) => one.getAttribute('aria-label').startsWith('Sign-ups'))";
const FIGURE: &str =
    "[...document.querySelectorAll('figure')].find((one) => one.textContent.includes('Sign-ups'))";

#[test]
fn plots_tell_their_values_to_the_arrow_keys_and_in_a_table() {
    let Some((_apps, _server, _, browser)) = visit() else { return };
    browser.sign_in("root@acme", "abc321");
    browser.wait(&format!("return !!{PLOT}"), &[]);
    browser.js(&format!("{PLOT}.focus()"), &[]);
    let text = |script: &str| browser.js(script, &[]).as_str().unwrap_or_default().to_owned();
    let told = || text(&format!("return {PLOT}.getAttribute('aria-valuetext')"));
    let value = |told: &str| told.rsplit(' ').next().unwrap().parse::<u32>().unwrap();
    let today = told();
    browser.keys(ARROW_LEFT);
    let yesterday = told();
    // Both, since midnight may have come in between.
    assert_eq!(value(&today) + value(&yesterday), 61, "{yesterday}, {today}");
    browser.keys(END);
    assert_eq!(told(), today);
    // What a pointer sees is the same, and so is the table.
    let tip = text("return document.querySelector('.tip:not([hidden])')?.textContent");
    assert!(tip.ends_with(&value(&today).to_string()), "{tip}");
    browser.js(&format!("{FIGURE}.querySelector('summary').click()"), &[]);
    browser.wait("return document.querySelectorAll('figure tbody tr').length === 30", &[]);
    let row = text("return document.querySelector('figure tbody tr').lastChild.textContent");
    assert_eq!(row, value(&today).to_string());
    browser.inspect("overview-table");
    browser.choose("Days", "7 days");
    browser.wait(&format!("return {PLOT}?.getAttribute('aria-valuemax') === '6'"), &[]);
    browser.assert_quiet();
}
