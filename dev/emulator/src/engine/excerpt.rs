//! What the terminal is shown of a function's output.
//!
//! A function may print a line of a megabyte, or a hundred thousand lines, and
//! everything else would be lost between them. Whole lines are in its log.

/// How many characters of a line are shown.
const LINE: usize = 400;

/// How many lines of an invocation are shown.
const LINES: usize = 1000;

/// How many bytes of a line are kept until its end comes: more than are shown,
/// because AWS's client writes the lines of one report as one, with returns between.
const KEPT: usize = 16 * 1024;

/// What is shown of one invocation's output.
#[derive(Debug, Default)]
pub(super) struct Excerpt {
    /// The beginning of a line that has not come to its end.
    line: Vec<u8>,
    /// Whether more belongs to that line than is kept of it.
    is_cut: bool,
    /// Lines that have come.
    lines: usize,
}

impl Excerpt {
    /// Takes what comes next, and gives the lines that this ends to `show`.
    pub(super) fn push(&mut self, bytes: &[u8], mut show: impl FnMut(&str)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            let room = KEPT - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            self.is_cut |= text.len() > room;
            if text.len() < part.len() {
                self.end_line(&mut show);
            }
        }
    }

    /// Shows what is left, and how much was not shown.
    pub(super) fn end(mut self, mut show: impl FnMut(&str)) {
        if !self.line.is_empty() {
            self.end_line(&mut show);
        }
        if let Some(left_out) = self.lines.checked_sub(LINES).filter(|lines| *lines > 0) {
            show(&format!("… and {left_out} more lines"));
        }
    }

    fn end_line(&mut self, show: &mut impl FnMut(&str)) {
        let mut text = String::from_utf8_lossy(&self.line).trim_end().to_owned();
        if self.is_cut {
            text.push('…');
        }
        for line in text.split('\r') {
            self.lines += 1;
            if self.lines <= LINES {
                show(&short(line));
            }
        }
        self.line.clear();
        self.is_cut = false;
    }
}

fn short(line: &str) -> String {
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of `pieces`, which come one after the other.
    fn shown(pieces: &[&str]) -> Vec<String> {
        let mut excerpt = Excerpt::default();
        let mut lines = Vec::new();
        for piece in pieces {
            excerpt.push(piece.as_bytes(), |line| lines.push(line.to_owned()));
        }
        excerpt.end(|line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn what_is_short_is_shown_as_it_is() {
        assert_eq!(shown(&["a", "b\nc\r\n", "\n", "d\re\n", "f"]), ["ab", "c", "", "d", "e", "f"]);
        let just = "가".repeat(LINE);
        assert_eq!(shown(&[&just, "\n"]), [just]);
        assert_eq!(shown(&[]), [""; 0]);
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let line = "가".repeat(400_000);
        let cut = format!("{}…", "가".repeat(LINE));
        let (begin, end) = line.split_at(line.len() / 2);
        assert_eq!(shown(&[begin, end, "\nnext\n"]), [cut, "next".to_owned()]);
        let report = format!("short\r{}\r{}", "x".repeat(KEPT - 20), "y".repeat(100));
        let lines = shown(&[&report]);
        assert_eq!(lines[0], "short");
        assert_eq!(lines[1], format!("{}…", "x".repeat(LINE)));
        assert_eq!(lines[2], format!("{}…", "y".repeat(13)), "what was not kept is marked");
    }

    #[test]
    fn the_lines_past_the_limit_are_counted() {
        let lines = shown(&["line\n".repeat(100_000).as_str()]);
        assert_eq!(lines.len(), LINES + 1);
        assert_eq!(lines[LINES], "… and 99000 more lines");
        assert_eq!(shown(&["line\n".repeat(LINES).as_str()]).len(), LINES);
    }
}
