//! Packages that functions of a platform take for granted.
//!
//! The sources are the platforms' own images: `core/python312Action/requirements.txt` of
//! apache/openwhisk-runtime-python, `python/requirements.txt` of fission/environments,
//! `template/python3-flask-debian/requirements.txt` of openfaas/python-flask-template, and the metadata
//! of functions-framework, azure-functions and parliament-functions. AWS's runtime has boto3 itself.

use std::collections::BTreeSet;

use ruff_python_ast::{ModModule, Stmt};

use super::Form;
use super::detect::{Node, Walk};

/// What a form needs by itself: the adapter makes Flask's requests for these.
const WITH_FLASK: [Form; 2] = [Form::Gcp, Form::Fission];

/// A name that is imported, and the package to install for it.
type Import = (&'static str, &'static str);

const FISSION: &[Import] = &[
    ("dateutil", "python-dateutil"),
    ("gevent", "gevent"),
    ("httplib2", "httplib2"),
    ("redis", "redis"),
    ("requests", "requests"),
    ("sentry_sdk", "sentry-sdk"),
    ("six", "six"),
];

const OPENWHISK: &[Import] = &[
    ("bs4", "beautifulsoup4"),
    ("dateutil", "python-dateutil"),
    ("httplib2", "httplib2"),
    ("kafka", "kafka-python"),
    ("lxml", "lxml"),
    ("requests", "requests"),
    ("scrapy", "scrapy"),
    ("simplejson", "simplejson"),
    ("twisted", "twisted"),
];

/// Version 2 of cloudevents has no `cloudevents.http`, which the platforms' documentation imports.
const CLOUDEVENTS: Import = ("cloudevents", "cloudevents<2");

/// The requirements that a handler of `form` in `module` brings.
pub(in crate::domain) fn platform_packages(form: Form, module: &ModModule) -> Vec<&'static str> {
    let known: &[Import] = match form {
        Form::Gcp => &[CLOUDEVENTS],
        // Parliament's context has Flask's request.
        Form::Knative => &[CLOUDEVENTS, ("parliament", "flask")],
        Form::Azure => &[("werkzeug", "werkzeug")],
        Form::OpenFaas => &[("flask", "flask")],
        Form::Fission => FISSION,
        Form::OpenWhisk => OPENWHISK,
        _ => &[],
    };
    let mut packages = Vec::new();
    if WITH_FLASK.contains(&form) {
        packages.push("flask");
    }
    if !known.is_empty() {
        let imported = imported(module);
        let found = known.iter().filter(|(name, _)| imported.contains(name));
        packages.extend(found.map(|(_, package)| *package));
    }
    packages
}

/// The first parts of the names that a module imports, wherever it does.
fn imported(module: &ModModule) -> BTreeSet<&str> {
    let first = |name: &'_ str| name.split('.').next().map(str::len).unwrap_or_default();
    let mut names = BTreeSet::new();
    for node in Walk::of_body(&module.body) {
        match node {
            Node::Stmt(Stmt::Import(import)) => {
                names.extend(import.names.iter().map(|alias| &alias.name[..first(&alias.name)]));
            }
            Node::Stmt(Stmt::ImportFrom(import)) if import.level == 0 => {
                names.extend(import.module.iter().map(|module| &module[..first(module)]));
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Runtime, syntax};

    fn packages(form: Form, source: &str) -> Vec<&'static str> {
        platform_packages(form, &syntax::parse(source, Runtime::NEWEST).unwrap())
    }

    #[test]
    fn a_form_brings_what_its_source_imports() {
        let source = "import requests.adapters as a\ndef main(args):\n    try:\n        \
                      from bs4 import BeautifulSoup\n    except ImportError:\n        pass\n";
        assert_eq!(packages(Form::OpenWhisk, source), ["beautifulsoup4", "requests"]);
        assert_eq!(packages(Form::Fission, source), ["flask", "requests"]);
        assert_eq!(
            packages(Form::Gcp, "from cloudevents.http import CloudEvent\n"),
            ["flask", "cloudevents<2"]
        );
        assert_eq!(packages(Form::Knative, "from parliament import Context\n"), ["flask"]);
        assert_eq!(packages(Form::Native, source), Vec::<&str>::new());
        assert_eq!(packages(Form::OpenWhisk, "from . import requests\n"), Vec::<&str>::new());
    }
}
