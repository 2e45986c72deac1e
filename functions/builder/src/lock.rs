//! The text of a lock.

use crate::answer::ResolvedPackage;

/// The packages of the lines of a lock, in its order. They have the form `name==version --hash=…`.
///
/// # Errors
/// A sentence with what is wrong.
pub(crate) fn packages(lines: &[String]) -> Result<Vec<ResolvedPackage>, String> {
    lines.iter().map(|line| package(line)).collect()
}

/// The normal form of a package's name, in which two names of the same package are equal.
pub(crate) fn normal_name(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

fn package(line: &str) -> Result<ResolvedPackage, String> {
    let (requirement, hashes) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match requirement.split_once("==") {
        Some((name, version)) if hashes.contains("--hash=") => {
            Ok(ResolvedPackage { name: normal_name(name), version: version.to_owned() })
        }
        _ => Err(format!("The lock has no version and hash for a package ({requirement}).")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_has_its_name_and_version() {
        let lines =
            ["Zope.interface==7.2   --hash=sha256:00 --hash=sha256:11", "a==1 --hash=sha256:22"];
        let found = packages(&lines.map(str::to_owned)).unwrap();
        let found: Vec<_> = found.iter().map(|p| (&*p.name, &*p.version)).collect();
        assert_eq!(found, [("zope-interface", "7.2"), ("a", "1")]);
    }

    #[test]
    fn a_package_without_a_version_or_a_hash_is_refused() {
        for lock in ["a", "a==1", "a>=1 --hash=sha256:00"] {
            assert!(packages(&[lock.to_owned()]).unwrap_err().contains("(a"), "{lock}");
        }
    }
}
