//! `docs/reliability.md`, of which each test writes its own section.

use std::sync::{Mutex, PoisonError};

use local::workspace;

/// Tests write one after the other.
static FILE: Mutex<()> = Mutex::new(());

/// Holds the section `name` against `text`, but for its numbers: how much was tried differs from run
/// to run. What was tried doesn't.
pub(crate) fn section(name: &str, text: &str) {
    hold(name, text, |text| {
        let digits = text.split(|c: char| c.is_ascii_digit());
        let words: Vec<_> = digits.filter(|part| !part.is_empty()).collect();
        words.join("#").split_whitespace().collect::<Vec<_>>().join(" ")
    });
}

/// Holds the section `name` against `text`, to the letter.
pub(crate) fn exact_section(name: &str, text: &str) {
    hold(name, text, str::to_owned);
}

fn hold(name: &str, text: &str, part: impl Fn(&str) -> String) {
    let _one = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = workspace::compiled_in().join("docs/reliability.md");
    let file = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = file.split_once(&begin).unwrap_or_else(|| panic!("no {begin}"));
    let (there, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    // `UPDATE_EXPECT=1` writes it anew.
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, format!("{before}{begin}{text}{end}{after}")).unwrap();
        return;
    }
    let advice = "UPDATE_EXPECT=1 cargo test --workspace --test reliability writes it anew";
    assert_eq!(part(there), part(text), "docs/reliability.md tells other things; {advice}");
}
