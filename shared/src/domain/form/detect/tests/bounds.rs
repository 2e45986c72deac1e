//! How long detection takes, and that nothing makes it panic.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use ruff_python_ast::PythonVersion;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

use super::super::walk::{VISITED, Walk};
use super::*;

/// Where the examples of native functions are.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

/// The bytes of a nasty source.
const BYTES: usize = 1 << 17;

/// What a detection found, and what it cost.
struct Answer {
    detection: Detection,
    time: Duration,
    /// Visits of nodes by the detection, for each node of the tree.
    visits: usize,
}

/// Parses a source, which may be broken.
fn parsed(source: &str) -> ModModule {
    let options = ParseOptions::from(Mode::Module).with_target_version(PythonVersion::PY313);
    parse_unchecked(source, options).try_into_module().expect("a module").into_syntax()
}

fn answer(source: &str, entry_point: Option<&str>) -> Answer {
    answer_of(&parsed(source), entry_point)
}

fn answer_of(module: &ModModule, entry_point: Option<&str>) -> Answer {
    VISITED.set(0);
    let start = Instant::now();
    let detection = detect(module, entry_point);
    let time = start.elapsed();
    let visited = VISITED.get();
    let nodes = Walk::of_body(&module.body).count();
    Answer { detection, time, visits: visited / nodes.max(1) }
}

fn python_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(_) if path.ends_with("site-packages") => {}
            Ok(kind) if kind.is_dir() => python_files(&path, found),
            Ok(_) if path.extension().is_some_and(|end| end == "py") => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn every_file_of_the_standard_library_has_an_answer() {
    let program = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let output = Command::new("python3").args(["-c", program]).output().expect("python3");
    let folder = String::from_utf8(output.stdout).expect("a path");
    let mut files = Vec::new();
    python_files(Path::new(folder.trim()), &mut files);
    assert!(files.len() > 500, "{}", files.len());
    let mut slowest = (Duration::ZERO, PathBuf::new());
    let mut others = String::new();
    for file in &files {
        let Ok(source) = fs::read_to_string(file) else { continue };
        for entry_point in [None, Some("main"), Some("handler")] {
            let Answer { detection, time, .. } = answer(&source, entry_point);
            slowest = slowest.max((time, file.clone()));
            let is_native = matches!(detection, Detection::Found { form: Form::Native, .. });
            if entry_point.is_none() && !is_native {
                others += &format!("{}: {detection:?}\n", file.display());
            }
        }
    }
    show(&format!("{} files, slowest {slowest:?}; not native:\n{others}", files.len()));
}

/// Shows a report with `cargo test -- --nocapture`.
#[expect(clippy::print_stderr, reason = "it is for whoever runs the test by hand")]
fn show(report: &str) {
    eprintln!("{report}");
}

#[test]
fn the_examples_are_native() {
    let entries = fs::read_dir(EXAMPLES).expect("the examples");
    let files = entries.flatten().map(|entry| entry.path());
    let files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|end| end == "py")).collect();
    assert!(!files.is_empty());
    for file in files {
        let source = fs::read_to_string(&file).expect("an example");
        assert_eq!(told(&source, None), "native handler", "{}", file.display());
    }
}

/// The largest source that repeats `unit`, with the number of the repetition for `#`.
fn repeated(before: &str, unit: &str, after: &str) -> String {
    let mut source = before.to_owned();
    let mut number = 0;
    while source.len() + unit.len() + after.len() + 16 < BYTES {
        source.push_str(
            &unit.replace('#', &number.to_string()).replace('@', &(number + 1).to_string()),
        );
        number += 1;
    }
    source + after
}

#[test]
fn no_source_is_walked_through_more_than_a_few_times() {
    let flask = "from flask import Flask\nx0 = Flask('x')\n";
    let handler = "def handler(event, context):\n";
    let big: String = (0..1500).map(|i| format!("    x = f{i}(event)\n")).collect();
    let big = format!("{handler}{big}\ndef factory():\n{big}    return app\n");
    let chain = format!("x = a{}\n", ".b".repeat(2900));
    let sources = [
        repeated(flask, "x@ = x#\n", "app = x9\n"),
        repeated(flask, "x = y(x, x)\n", "app = x\n"),
        repeated(flask, "x0 = x0 if x0 else x0\n", "app = x0\n"),
        repeated(&big, "app = factory()\n", ""),
        repeated(&big, "a# = factory()\n", ""),
        repeated(&big, "def g#(event, context): f(event)\n", ""),
        repeated(&big, "def f#(event): return handler(event)\n", ""),
        repeated(handler, "    h#(event)\n", ""),
        repeated(&format!("{big}h0 = handler\n"), "h@ = h#\n", ""),
        repeated("", "def f#(request): return request.args\n", ""),
        repeated("", "import azure.functions as a#, spin_sdk\n", ""),
        repeated("", "from m# import *\n", "app = Flask()\n"),
        repeated(
            "import azure.functions as func\n",
            "@func.x\ndef f#(a: func.HttpRequest): 0\n",
            "",
        ),
        repeated("class A:\n", "    def f#(self): 0\n", "a = A()\napp = A()\nhandler = A()\n"),
        repeated(
            &format!("class A({}): 0\n", "B, ".repeat(20_000)),
            "class A#(A, A, A, A, A): 0\n",
            "",
        ),
        repeated("class A: 0\n", "class A(A): 0\n", ""),
        repeated("", "class IncomingHandler(B#): 0\n", ""),
        repeated("", &chain, "app = x\n"),
        repeated("", &format!("@{}\ndef f(): 0\n", &chain[4..].trim()), ""),
        repeated(handler, &format!("    {}", chain.replace("a.b", "event.b")), ""),
        repeated("def handler(event, context): return (", "event.get('body') or ", "1)\n"),
        repeated("def handler(", "a#, ", "): return a0\n"),
        repeated("def new(): 0\n", "class A#:\n    def handle(self, a, b, c): 0\n", ""),
        repeated("def main(event, context): 0\n", "main(x)\n", ""),
        repeated("x = [", "handler, ", "]\n"),
        repeated("x = '", "가", "'\n"),
        repeated("def main(x): return f'''", "{x.a:{x.b}}", "'''\n"),
    ];
    let mut slowest = (Duration::ZERO, String::new());
    for source in &sources {
        let module = parsed(source);
        for entry_point in [None, Some("app"), Some("handler"), Some("a5"), Some("nothing")] {
            let start: String = source.chars().take(60).collect();
            let Answer { time, visits, .. } = answer_of(&module, entry_point);
            slowest = slowest.max((time, format!("{entry_point:?} {start}")));
            assert!(visits < 4, "{visits} {entry_point:?}: {start:?}");
        }
    }
    show(&format!("slowest nasty source: {slowest:?}"));
}

#[test]
fn deep_sources_take_little_stack() {
    let blocks: String = (0..99).map(|i| " ".repeat(i) + "if a:\n").collect();
    let expressions = [
        format!("{}x", "-".repeat(3000)),
        format!("x{}", ".a".repeat(3000)),
        format!("x{}", "()".repeat(3000)),
        format!("x{}", "['a']".repeat(3000)),
        format!("{}x", "lambda: ".repeat(3000)),
        format!("{}x", "x if x else ".repeat(3000)),
        format!("{}x", "x ** ".repeat(3000)),
        format!("{}x{}", "f(".repeat(199), ")".repeat(199)),
        format!("{}x{}", "[".repeat(199), "]".repeat(199)),
    ];
    for expression in &expressions {
        let source = format!(
            "{blocks}{indent}handler = {expression}\napp = {expression}\n\
             @{expression}\nclass A({expression}): 0\n\
             def handler(event: {expression}, context): return {expression}\n",
            indent = " ".repeat(99),
        );
        let module = parsed(&source);
        for name in [None, Some("app"), Some("handler"), Some("A")] {
            // Less than a tenth of what a test's thread has, and of what the parser needs.
            let small = thread::Builder::new().stack_size(160 << 10);
            let answer = thread::scope(|scope| {
                let detection = small.spawn_scoped(scope, || detect(&module, name));
                detection.expect("a thread").join().expect("no panic")
            });
            assert!(matches!(answer, Detection::Found { .. }), "{answer:?}");
        }
    }
}
