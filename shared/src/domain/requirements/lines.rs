//! The lines of a requirements file, as pip reads them.

/// The lines that have content, trimmed and without comments, with the number of each from 1.
///
/// A `\` at its end joins a line with the next, and the number is that of the first. A comment ends
/// that, as it does for pip.
pub(super) fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut joined: Option<(usize, String)> = None;
    for (index, line) in
        text.strip_prefix('\u{feff}').unwrap_or(text).lines_of_any_end().enumerate()
    {
        let is_comment = line.trim_start().starts_with('#');
        let (number, mut start) = joined.take().unwrap_or((index + 1, String::new()));
        match line.strip_suffix('\\').filter(|_| !is_comment) {
            Some(beginning) => {
                start.push_str(beginning);
                joined = Some((number, start));
            }
            None => {
                // The space keeps a comment from becoming part of what precedes it.
                start.push_str(if is_comment { " " } else { "" });
                start.push_str(line);
                lines.push((number, start));
            }
        }
    }
    lines.extend(joined);
    for (_, line) in &mut lines {
        *line = without_comment(line).trim().to_owned();
    }
    lines.retain(|(_, line)| !line.is_empty());
    lines
}

/// Lines that end with `\n`, `\r\n` or `\r`.
trait Lines {
    fn lines_of_any_end(&self) -> impl Iterator<Item = &str>;
}

impl Lines for str {
    fn lines_of_any_end(&self) -> impl Iterator<Item = &str> {
        self.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
    }
}

/// A `#` begins a comment at the start of a line, or after white space.
fn without_comment(line: &str) -> &str {
    let begins = |&(at, _): &(usize, &str)| at == 0 || line[..at].ends_with(char::is_whitespace);
    line.match_indices('#').find(begins).map_or(line, |(at, _)| &line[..at])
}
