//! Checks the layering rules of ARCHITECTURE.md in the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Names that are forbidden below a folder, except in some files.
struct Rule {
    why: &'static str,
    below: &'static [&'static str],
    except: &'static [&'static str],
    forbidden: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        why: "the domain knows neither AWS nor HTTP, and no other layer",
        below: &["shared/src/domain"],
        // They name what functions of other platforms are called, `lambda_handler` for instance.
        except: &[
            "shared/src/domain/form/detect/function.rs",
            "shared/src/domain/form/detect/platforms.rs",
            "shared/src/domain/form/detect/search.rs",
            "shared/src/domain/form/detect/signatures.rs",
            // AWS's name for a main file.
            "shared/src/domain/main_file.rs",
        ],
        forbidden: &[
            "aws_",
            "serde_dynamo",
            "axum",
            "http::",
            "lambda_",
            "tokio",
            "tower",
            "crate::store",
            "crate::engine",
            "crate::http",
            "crate::config",
            "crate::error",
            "StatusCode",
            "HeaderName",
            "HeaderMap",
            "http_body",
            "//{",
            "Idempotency-Key",
            "X-Api-Key",
            "%2B",
        ],
    },
    Rule {
        why: "the store knows no HTTP",
        below: &["shared/src/store"],
        except: &[],
        forbidden: &["axum", "lambda", "crate::engine", "crate::http", "StatusCode", "HeaderMap"],
    },
    Rule {
        why: "the engine knows no HTTP and no table",
        below: &["shared/src/engine"],
        except: &[],
        forbidden: &[
            "axum",
            "lambda_http",
            "crate::http",
            "crate::store",
            "StatusCode",
            "dynamodb",
        ],
    },
    Rule {
        why: "handlers and HTTP plumbing know no AWS client",
        below: &["shared/src/http", "functions"],
        except: &[],
        forbidden: &["aws_sdk", "AttributeValue", "serde_dynamo", "crate::store"],
    },
    Rule {
        why: "key formats are in keys.rs only",
        below: &["shared/src", "functions"],
        // A function's zip has a folder of that name.
        except: &["shared/src/store/keys.rs", "shared/src/engine/package.rs"],
        forbidden: &[
            "\"WS#",
            "\"FN#",
            "\"LOG#",
            "\"WSLOG#",
            "\"OWNER#",
            "\"METADATA",
            "\"METRICS",
            "\"NOTE#",
            "\"COUNT",
            "\"INTENT#",
            "\"CLAIM",
            "\"REQUESTS#",
            "\"TASK#",
            "\"code/",
            "\"builds/",
            "\"LAYER#",
            "\"LOCK#",
            "\"layers/",
            "\"locks/",
            "\"uploads/",
        ],
    },
    Rule {
        why: "an error becomes a status in one place",
        below: &["shared/src", "functions"],
        except: &["shared/src/http/error.rs"],
        forbidden: &[
            "NOT_FOUND\"",
            "VALIDATION_ERROR\"",
            "StatusCode::INTERNAL",
            "StatusCode::BAD",
        ],
    },
    Rule {
        why: "the environment is read in one place",
        below: &["shared/src", "functions"],
        // The builder has its own settings: it shares nothing with the other Lambdas.
        except: &[
            "shared/src/config.rs",
            "functions/docs/build.rs",
            "functions/builder/src/settings.rs",
        ],
        forbidden: &["env::var", "env::vars"],
    },
    Rule {
        why: "nothing reads a whole table",
        below: &["shared/src", "functions"],
        except: &[],
        forbidden: &[".scan()", "Scan"],
    },
];

#[test]
fn sources_respect_the_layers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut violations = Vec::new();
    for rule in RULES {
        let files: Vec<PathBuf> =
            rule.below.iter().flat_map(|below| sources(&root.join(below))).collect();
        assert!(!files.is_empty(), "{:?} holds no source", rule.below);
        for except in rule.except {
            assert!(files.contains(&root.join(except)), "{except} doesn't exist");
        }
        for file in files {
            let name = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if !rule.except.contains(&name.as_str()) {
                violations.extend(violations_in(rule, &name, &fs::read_to_string(&file).unwrap()));
            }
        }
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn every_dependency_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let section = manifest.split("[workspace.dependencies]\n").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let lines = section.lines().filter_map(|line| line.split_once(" = "));
    let used: BTreeSet<_> = lines
        .filter(|(_, what)| !what.contains("path = "))
        .map(|(name, _)| name.to_owned())
        .collect();
    let page = fs::read_to_string(root.join("docs/dependencies.md")).unwrap();
    let tables = page.split("For the checks only").next().unwrap();
    let rows = tables.lines().filter_map(|line| line.strip_prefix("| `"));
    let names = rows.flat_map(|row| row.split(" |").next().unwrap().split(", "));
    let named = names.map(|name| name.trim_matches('`').split('`').next().unwrap().to_owned());
    assert_eq!(named.collect::<BTreeSet<_>>(), used);
    assert!(used.len() > 40, "the tables and the manifest were read: {used:?}");
}

#[test]
fn layer_check_ignores_comments_and_tests() {
    let rule = &RULES[0];
    assert_eq!(violations_in(rule, "a.rs", "use serde::Serialize;\n").len(), 0);
    assert_eq!(violations_in(rule, "a.rs", "// use aws_config::Region;\n").len(), 0);
    assert_eq!(
        violations_in(rule, "a.rs", "fn a() {}\n#[cfg(test)]\nuse aws_config::A;\n").len(),
        0
    );
    let seen = violations_in(rule, "a.rs", "use serde::Serialize;\nuse aws_config::Region;\n");
    assert_eq!(
        seen,
        ["a.rs:2 names aws_: the domain knows neither AWS nor HTTP, and no other layer"]
    );
}

/// The lines of `text` that break `rule`, without comments and the tests at the end of the file.
fn violations_in(rule: &Rule, name: &str, text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        let code = line.split("//").next().unwrap_or_default();
        for name_of in rule.forbidden.iter().filter(|forbidden| code.contains(**forbidden)) {
            violations.push(format!("{name}:{} names {name_of}: {}", number + 1, rule.why));
        }
    }
    violations
}

/// The Rust files below `folder`, without tests and benchmarks.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") && !path.ends_with("benches") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
