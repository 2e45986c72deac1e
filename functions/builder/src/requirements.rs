//! The text of a requirements file: which lines are taken.

/// The lines that `uv` gets: one requirement each, without comments.
///
/// Only packages of the index are taken. Options, paths and URLs would have `uv` read files of this machine
/// or other indexes, and it replaces `${NAME}` by variables of its environment.
///
/// # Errors
/// A sentence that names the line.
pub(crate) fn check(text: &str) -> Result<Vec<String>, String> {
    let mut requirements = Vec::new();
    // Some readers end a line, and so a comment, at a single "\r".
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text.lines().zip(1..);
    while let Some((first, number)) = lines.next() {
        let mut line = first.to_owned();
        while let Some(start) = line.strip_suffix('\\') {
            line = start.to_owned() + lines.next().map_or("", |(next, _)| next);
        }
        let requirement = without_comment(&line).trim();
        if requirement.is_empty() {
            continue;
        }
        if let Some(problem) = problem(requirement) {
            let shown: String = requirement.chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(format!(
                "Line {number} of the requirements {problem} ({shown}): each line must be a package of \
                 the index, such as requests==2.32.3."
            ));
        }
        requirements.push(requirement.to_owned());
    }
    Ok(requirements)
}

/// A comment starts the line, or follows a space.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if c == '#' && before.is_whitespace() {
            return &line[..at];
        }
        before = c;
    }
    line
}

/// What is wrong with a line.
fn problem(line: &str) -> Option<&'static str> {
    let (requirement, hashes) = match line.split_once(" --") {
        Some((requirement, options)) => (requirement, options),
        None => (line, ""),
    };
    let are_hashes = hashes.split_whitespace().enumerate().all(|(index, option)| {
        let option = if index == 0 { Some(option) } else { option.strip_prefix("--") };
        option.is_some_and(|option| option.starts_with("hash="))
    });
    if requirement.starts_with('-') || !are_hashes {
        return Some("is or has an option");
    }
    if requirement.contains(|c: char| c.is_control() && c != '\t') {
        return Some("has a control character");
    }
    if requirement.contains('$') {
        return Some("has a variable");
    }
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let rest = requirement.trim_start_matches(is_of_name);
    // A marker may hold anything in quotes.
    let versions = rest.split(';').next().unwrap_or_default();
    if versions.contains('@') || versions.contains("://") {
        return Some("is a URL");
    }
    let starts_well = requirement.starts_with(|c: char| c.is_ascii_alphanumeric());
    let next = rest.trim_start().chars().next();
    let ends_well = next.is_none_or(|next| "[=<>!~;(".contains(next));
    (!starts_well || !ends_well || versions.contains('/'))
        .then_some("is not a package with a version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_left_out() {
        let text =
            "# first\r\n\r\nrequests==2.32.3  # why\n  numpy>=2,<3 ; python_version < '3.13'\n";
        assert_eq!(
            check(text).unwrap(),
            ["requests==2.32.3", "numpy>=2,<3 ; python_version < '3.13'"]
        );
    }

    #[test]
    fn a_continued_line_is_one_requirement() {
        for text in [
            "a==1 \\\n  --hash=sha256:0 \\\n  --hash=sha256:1\nb",
            "a==1 \\\r\n  --hash=sha256:0 \\\r\n  --hash=sha256:1\r\nb\r\n",
        ] {
            let lines = check(text).unwrap();
            let words: Vec<Vec<_>> =
                lines.iter().map(|line| line.split_whitespace().collect()).collect();
            assert_eq!(words, [vec!["a==1", "--hash=sha256:0", "--hash=sha256:1"], vec!["b"]]);
        }
    }

    #[test]
    fn each_form_of_a_package_of_the_index_is_taken() {
        for line in [
            "a",
            "A.b_c-d",
            "a[x,y]",
            "a [x] >=1",
            "a (>=1)",
            "a~=1.0",
            "a!=1.*",
            "a===1",
            "a;os_name=='posix'",
            "a==1!2.0+local.1",
            "a<2 --hash=sha256:00",
            "zope.interface>=5",
        ] {
            assert_eq!(check(line).as_deref(), Ok(&[line.to_owned()][..]), "{line}");
        }
    }

    #[test]
    fn what_reads_other_files_or_hosts_is_refused_with_its_line() {
        for line in [
            "-r /etc/passwd",
            "-e .",
            "--index-url https://other.example/simple",
            "a --index-url=https://other.example",
            "a --hash=sha256:00 --config-settings=x",
            "a -r other.txt",
            "./folder",
            "/etc/passwd",
            "folder/a.whl",
            "a @ file:///etc/passwd",
            "a@https://other.example/a.whl",
            "https://other.example/a.whl",
            "git+https://other.example/a",
            "${HOME}",
            "a==${HOME}",
            "a==1\u{c}-r b",
        ] {
            let message = check(&format!("fine==1\n{line}\n")).unwrap_err();
            assert!(message.starts_with("Line 2 of the requirements "), "{line}: {message}");
        }
        // Not hidden behind a comment, for those that end a line there.
        assert!(check("fine # comment\r-r /etc/passwd").is_err());
    }
}
