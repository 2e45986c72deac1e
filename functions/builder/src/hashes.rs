//! The hashes that requirements give. `uv` resolves without regard to them.

use std::collections::{BTreeMap, BTreeSet};

use crate::lock::normal_name;

const OPTION: &str = "--hash=";

/// The lines of a lock with those hashes of a package that `requirements` give, where they give some. An
/// installation accepts no other file.
///
/// # Errors
/// A sentence that names the package none of whose files has a hash that was given.
pub(crate) fn keep_given(
    lock: Vec<String>,
    requirements: &[String],
) -> Result<Vec<String>, String> {
    let mut given = BTreeMap::<String, BTreeSet<&str>>::new();
    for line in requirements {
        let hashes = hashes(line);
        if !hashes.is_empty() {
            given.entry(name(line)).or_default().extend(hashes);
        }
    }
    lock.into_iter().map(|line| kept(line, &given)).collect()
}

fn kept(line: String, given: &BTreeMap<String, BTreeSet<&str>>) -> Result<String, String> {
    let name = name(&line);
    let Some(given) = given.get(&name) else { return Ok(line) };
    let kept: Vec<_> = hashes(&line).into_iter().filter(|hash| given.contains(hash)).collect();
    if kept.is_empty() {
        return Err(format!(
            "None of the hashes that the requirements give for {name} is of a file of the version that \
             was chosen: pin the version, or leave the hashes out."
        ));
    }
    let requirement = line.split_whitespace().next().unwrap_or_default().to_owned();
    Ok(kept.iter().fold(requirement, |line, hash| format!("{line} {OPTION}{hash}")))
}

fn hashes(line: &str) -> Vec<&str> {
    line.split_whitespace().filter_map(|word| word.strip_prefix(OPTION)).collect()
}

/// The name that a line starts with.
fn name(line: &str) -> String {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let end = line.find(|c| !is_of_name(c)).unwrap_or(line.len());
    normal_name(&line[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn only_the_hashes_that_are_given_stay() {
        let lock = lines(&["a-b==1 --hash=sha256:1 --hash=sha256:2", "c==2 --hash=sha256:3"]);
        let requirements = lines(&["A_b>=1 --hash=sha256:2 --hash=sha256:9", "c"]);
        let kept = keep_given(lock, &requirements).unwrap();
        assert_eq!(kept, ["a-b==1 --hash=sha256:2", "c==2 --hash=sha256:3"]);
    }

    #[test]
    fn a_package_without_a_hash_that_is_given_is_refused() {
        let lock = lines(&["a==1 --hash=sha256:1"]);
        let refused = keep_given(lock, &lines(&["a==1 --hash=sha256:2"])).unwrap_err();
        assert!(refused.contains("for a is"), "{refused}");
    }
}
