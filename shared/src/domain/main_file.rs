//! Which file of a project is the function's source.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::Table;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::error::ValidationError;
use super::file_path::{FilePath, shown};
use super::{InvalidField, ProjectFiles};

/// The path of the source among the files: `function.py` by default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct MainFile(FilePath);

impl MainFile {
    const DEFAULT: &str = "function.py";

    /// The path.
    pub fn path(&self) -> &FilePath {
        &self.0
    }

    /// Whether it is the default.
    pub fn is_default(&self) -> bool {
        self.0.as_str() == Self::DEFAULT
    }

    /// Checks that the source is none of `files`, nor a folder of one, nor in one.
    ///
    /// # Errors
    /// [`InvalidField`] where it is.
    pub(super) fn check_apart_from(&self, files: &ProjectFiles) -> Result<(), InvalidField> {
        let path = &self.0;
        let is_below = |path: &FilePath, other: &FilePath| {
            path.folders().any(|folder| folder == other.as_str())
        };
        let clashes =
            |other: &FilePath| path == other || is_below(path, other) || is_below(other, path);
        if files.names().iter().any(clashes) {
            return Err(InvalidField::new(
                "files",
                format!("must not hold {path}, which is the path of the source: see mainFile"),
            ));
        }
        Ok(())
    }
}

impl Default for MainFile {
    fn default() -> Self {
        Self(FilePath::read(Self::DEFAULT).expect("it is a path"))
    }
}

impl From<FilePath> for MainFile {
    fn from(path: FilePath) -> Self {
        Self(path)
    }
}

impl TryFrom<Value> for MainFile {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let path = FilePath::try_from(value)?;
        if !path.is_python() {
            return Err(ValidationError::because("must end in .py"));
        }
        Ok(Self(path))
    }
}

impl PartialSchema for MainFile {
    fn schema() -> RefOr<Schema> {
        let text = "The path of the source among the files, such as `app.py` or `src/main.py`.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"\.[Pp][Yy]$"))
            .max_length(Some(1000))
            .description(Some(text))
            .into()
    }
}

impl ToSchema for MainFile {}

/// Names that platforms and people give to the file with the handler, at the top of a project.
const CUSTOMARY: [&str; 10] = [
    "__main__.py",
    "app.py",
    "func.py",
    "function.py",
    "function_app.py",
    "handler.py",
    "index.py",
    "lambda_function.py",
    "main.py",
    "wsgi.py",
];

/// Folders in which a file of such a name counts, where none is at the top.
pub(super) const CUSTOMARY_FOLDERS: [&str; 4] = ["api", "app", "function", "src"];

/// Python files that tools run, and that hold no handler.
const TOOLS: [&str; 5] = ["__init__.py", "conftest.py", "noxfile.py", "setup.py", "tasks.py"];

/// The most files in a sentence.
const MAX_SHOWN: usize = 5;

/// The file that is meant, of those of a project.
///
/// `filled` are the paths of the files that aren't empty, and `manifest` is the text of `spin.toml`.
/// The file is, of these, the first that there is:
///
/// 1. the one that Spin's build command names;
/// 2. the only Python file at the top;
/// 3. the only one of a customary name at the top;
/// 4. the only Python file anywhere;
/// 5. the only one of a customary name in a customary folder.
///
/// # Errors
/// [`ValidationError`] where there is none, or several that could be it.
pub(super) fn choose(
    filled: &[&FilePath],
    manifest: Option<&str>,
) -> Result<FilePath, ValidationError> {
    let spin = manifest.map(modules).unwrap_or_default();
    let of_spin = only(filled, |path| spin.iter().any(|module| module == path.as_str()));
    let is_top = |path: &FilePath| path.folders().next().is_none();
    let is_customary = |path: &FilePath| CUSTOMARY.contains(&path.file_name());
    let in_customary = |path: &FilePath| {
        let mut folders = path.folders();
        let folder = folders.next().filter(|folder| CUSTOMARY_FOLDERS.contains(folder));
        folder.is_some() && folders.next().is_none()
    };
    of_spin
        .or_else(|| only(filled, |path| is_candidate(path) && is_top(path)))
        .or_else(|| only(filled, |path| is_customary(path) && is_top(path)))
        .or_else(|| only(filled, is_candidate))
        .or_else(|| {
            let at_top = filled.iter().any(|path| is_customary(path) && is_top(path));
            let found = only(filled, |path| is_customary(path) && in_customary(path));
            found.filter(|_| !at_top)
        })
        .ok_or_else(|| undecided(filled))
}

/// The only path of a kind.
fn only(paths: &[&FilePath], is_one: impl Fn(&FilePath) -> bool) -> Option<FilePath> {
    let mut found = paths.iter().filter(|path| is_one(path));
    let first = found.next()?;
    found.next().is_none().then(|| (*first).clone())
}

/// Whether a file may hold a handler.
fn is_candidate(path: &FilePath) -> bool {
    let name = path.file_name();
    let is_test = name.starts_with("test_") || name.ends_with("_test.py");
    path.is_python() && !is_test && !TOOLS.contains(&name)
}

fn undecided(filled: &[&FilePath]) -> ValidationError {
    let mut candidates: Vec<_> = filled.iter().copied().filter(|path| is_candidate(path)).collect();
    if candidates.is_empty() {
        return ValidationError::because("must hold a Python file that is not empty");
    }
    // Those at the top first.
    candidates.sort_by_key(|path| (path.folders().count(), path.as_str()));
    let mut names: Vec<_> =
        candidates.iter().take(MAX_SHOWN).map(|path| shown(path.as_str())).collect();
    if candidates.len() > MAX_SHOWN {
        names.push("…".to_owned());
    }
    let names = names.join(", ");
    ValidationError(format!(
        "holds several Python files ({names}), so mainFile must name the one with the handler, or it \
         must be called main.py, app.py or the like"
    ))
}

/// The files that the modules of Spin's components can be: those that a command `componentize-py …
/// componentize module` names. What can't be read names none.
fn modules(manifest: &str) -> Vec<String> {
    let Ok(manifest) = manifest.parse::<Table>() else { return Vec::new() };
    // A table by name since Spin 2, and a list before.
    let components: Vec<&toml::Value> = match manifest.get("component") {
        Some(toml::Value::Table(components)) => components.values().collect(),
        Some(toml::Value::Array(components)) => components.iter().collect(),
        _ => Vec::new(),
    };
    let builds = components.into_iter().filter_map(|component| component.get("build"));
    builds.flat_map(|build| module_files(build).unwrap_or_default()).collect()
}

/// The files that the module of one build can be.
fn module_files(build: &toml::Value) -> Option<Vec<String>> {
    let commands: Vec<&str> = match build.get("command")? {
        toml::Value::Array(commands) => commands.iter().filter_map(toml::Value::as_str).collect(),
        command => command.as_str().into_iter().collect(),
    };
    let commands = commands.join(" && ");
    let (_, command) = commands.split_once("componentize-py")?;
    let (_, arguments) = command.split_once(" componentize ")?;
    let mut words = arguments.split_ascii_whitespace();
    let mut folders = vec![String::new()];
    let mut module = None;
    while let Some(word) = words.next().filter(|word| *word != "&&") {
        match word {
            "-p" | "--python-path" => folders.push(words.next()?.to_owned()),
            "-s" | "--stub-wasi" => {}
            // Other options have a value, in the same word or in the next.
            option if option.starts_with('-') => {
                if !option.contains('=') {
                    words.next();
                }
            }
            name => module = module.or(Some(name)),
        }
    }
    let module = module?.replace('.', "/");
    let work = build.get("workdir").and_then(toml::Value::as_str).unwrap_or_default();
    let file = |folder: &String, ending: &str| {
        let parts = [work, folder, &module].into_iter().flat_map(|part| part.split('/'));
        parts.filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/") + ending
    };
    let endings = [".py", "/__init__.py"];
    Some(folders.iter().flat_map(|folder| endings.map(|ending| file(folder, ending))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn chosen(paths: &[&str], manifest: Option<&str>) -> Result<String, String> {
        let paths: Vec<_> = paths.iter().map(|path| FilePath::read(path).unwrap()).collect();
        let paths: Vec<_> = paths.iter().collect();
        choose(&paths, manifest).map(|path| path.to_string()).map_err(|refusal| refusal.0)
    }

    #[test]
    fn a_main_file_is_python_in_the_folder() {
        assert_eq!(MainFile::try_from(json!("src/app.py")).unwrap().path().as_str(), "src/app.py");
        for bad in [json!("app.txt"), json!("../app.py"), json!("/app.py"), json!(1), json!("")] {
            assert!(MainFile::try_from(bad).is_err());
        }
    }

    #[test]
    fn the_file_is_found_where_one_looks_for_it() {
        for (paths, expected) in [
            (&["a.py"][..], "a.py"),
            (&["a.py", "lib/b.py", "lib/main.py"], "a.py"),
            (&["a.py", "b.py", "main.py", "src/app.py"], "main.py"),
            (&["a.py", "setup.py", "test_a.py", "a_test.py", "conftest.py"], "a.py"),
            (&["readme.md", "deep/er/a.py"], "deep/er/a.py"),
            (&["deep/a.py", "tests/test_a.py"], "deep/a.py"),
            (&["src/main.py", "src/db.py"], "src/main.py"),
            (&["api/index.py", "lib/db.py"], "api/index.py"),
            (&["setup.py", "src/app.py", "lib/db.py"], "src/app.py"),
            (&["function_app.py", "shared.py"], "function_app.py"),
        ] {
            assert_eq!(chosen(paths, None).as_deref(), Ok(expected), "{paths:?}");
        }
    }

    #[test]
    fn a_build_command_of_spin_names_the_file() {
        let commands = [
            "command = \"componentize-py -w spin-http componentize b -o app.wasm\"",
            "command = \"pip install -r r.txt && componentize-py -w http componentize -p . -o a b -s\"",
            "command = [\"pip install a\", \"componentize-py -w spin-http componentize --output=x b\"]",
            "command = \"componentize-py componentize app -o x\"\nworkdir = \"./b\"",
            "command = \"componentize-py componentize -p lib c\"",
        ];
        let paths = &["b.py", "app.py", "b/app.py", "lib/c.py"];
        let expected = ["b.py", "b.py", "b.py", "b/app.py", "lib/c.py"];
        for (command, expected) in commands.into_iter().zip(expected) {
            for head in ["[component.x.build]", "[[component]]\n[component.build]"] {
                let manifest = format!("spin_manifest_version = 2\n{head}\n{command}\n");
                assert_eq!(chosen(paths, Some(&manifest)).as_deref(), Ok(expected), "{manifest}");
            }
        }
        for unusable in [
            "= =",
            "",
            "component = 1",
            "[component.x.build]\ncommand = 1",
            "[component.x.build]\ncommand = \"componentize-py componentize ../../app\"",
            "[component.x.build]\ncommand = \"componentize-py componentize none\"",
            "[component.x.build]\ncommand = \"componentize-py componentize -p\"",
            "[component.x.build]\ncommand = \"make\"",
            "[component.x.build]\ncommand = \"componentize-py componentize b\"\n\
             [component.y.build]\ncommand = \"componentize-py componentize lib.c\"",
        ] {
            assert_eq!(chosen(paths, Some(unusable)).as_deref(), Ok("app.py"), "{unusable}");
        }
    }

    #[test]
    fn where_several_could_be_meant_all_are_named() {
        assert_eq!(
            chosen(&["app.py", "lib/db.py", "main.py"], None),
            Err("holds several Python files (\"app.py\", \"main.py\", \"lib/db.py\"), so mainFile \
                 must name the one with the handler, or it must be called main.py, app.py or the like"
                .to_owned())
        );
        assert!(chosen(&["app.py", "main.py", "src/app.py"], None).is_err());
        assert!(chosen(&["src/main.py", "api/index.py"], None).is_err());
        let many: Vec<_> = (0..100).map(|n| format!("{n}.py")).collect();
        let told = chosen(&many.iter().map(String::as_str).collect::<Vec<_>>(), None).unwrap_err();
        assert!(told.contains("\"12.py\", …)") && told.len() < 300, "{told}");
        for paths in [&[][..], &["a.txt"], &["setup.py", "__init__.py"]] {
            let told = chosen(paths, None).unwrap_err();
            assert_eq!(told, "must hold a Python file that is not empty");
        }
    }

    #[test]
    fn the_depth_of_a_manifest_costs_no_stack() {
        let size = 64 * 1024;
        for manifest in [
            format!("a{} = 1", ".a".repeat(size / 2)),
            format!("[a{}]\n", ".a".repeat(size / 2)),
            format!("a = {}", "[".repeat(size)),
            format!("a = {}", "{a=".repeat(size / 3)),
            format!("component{} = 1", ".a".repeat(size / 2)),
            "[a.a.a.a.a.a.a]\n".repeat(size / 16),
            "[[a]]\n".repeat(size / 6),
        ] {
            assert_eq!(chosen(&["a.py"], Some(&manifest)).as_deref(), Ok("a.py"));
        }
    }

    proptest! {
        #[test]
        fn no_manifest_panics(text in "(component|build|command|[\\[\\].= \"\n&-]|componentize-py componentize ){0,30}") {
            let _ = chosen(&["a.py", "b.py"], Some(&text));
            let command = format!("[component.x.build]\ncommand = '''{text}'''");
            let _ = chosen(&["a.py", "b.py"], Some(&command));
        }
    }
}
