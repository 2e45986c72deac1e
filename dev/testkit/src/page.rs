//! Pages of `docs` whose figures are written by what found them, each between two marks.

use std::sync::{Mutex, PoisonError};

use emulator::project;

/// Tests of one process write one after the other.
static FILE: Mutex<()> = Mutex::new(());

/// A page, and the command that writes it anew.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Its path in the project.
    pub path: &'static str,
    /// What to run where it tells other things.
    pub command: &'static str,
}

impl Page {
    /// Holds the section `name` against `text`, but for its numbers: how much was tried differs
    /// from run to run. What was tried doesn't.
    ///
    /// # Panics
    /// Where it tells other things: in a test that is its failure. With `UPDATE_EXPECT=1` it is
    /// written instead.
    pub fn section(&self, name: &str, text: &str) {
        self.hold(name, text, |text| {
            let digits = text.split(|c: char| c.is_ascii_digit());
            let words: Vec<_> = digits.filter(|part| !part.is_empty()).collect();
            words.join("#").split_whitespace().collect::<Vec<_>>().join(" ")
        });
    }

    /// Holds the section `name` against `text`, to the letter.
    ///
    /// # Panics
    /// As [`Page::section`].
    pub fn exact_section(&self, name: &str, text: &str) {
        self.hold(name, text, str::to_owned);
    }

    /// Holds what `part` makes of the section `name` against what it makes of `text`.
    ///
    /// # Panics
    /// As [`Page::section`].
    pub fn hold(&self, name: &str, text: &str, part: impl Fn(&str) -> String) {
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            return self.write(name, text);
        }
        let (there, path, command) = (self.read(name), self.path, self.command);
        assert_eq!(part(&there), part(text), "{path} tells other things; {command} writes it anew");
    }

    /// What the section `name` says.
    ///
    /// # Panics
    /// Where the page has none.
    pub fn read(&self, name: &str) -> String {
        self.parts(name)[1].clone()
    }

    /// Writes the section `name`.
    ///
    /// # Panics
    /// Where the page has none, or can't be written.
    pub fn write(&self, name: &str, text: &str) {
        let _one = FILE.lock().unwrap_or_else(PoisonError::into_inner);
        let [before, _, after] = self.parts(name);
        let path = project::source_root().join(self.path);
        std::fs::write(path, format!("{before}{text}{after}")).expect("the page can be written");
    }

    /// What comes before the section, the section, and what comes behind it.
    fn parts(&self, name: &str) -> [String; 3] {
        let path = project::source_root().join(self.path);
        let page = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{} can't be read: {error}", path.display()));
        let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
        let find =
            |mark: &str| page.find(mark).unwrap_or_else(|| panic!("{} has no {mark}", self.path));
        let (from, to) = (find(&begin) + begin.len(), find(&end));
        [&page[..from], &page[from..to], &page[to..]].map(str::to_owned)
    }
}
