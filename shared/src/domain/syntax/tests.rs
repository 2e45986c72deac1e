//! Tests of the syntax check, against what CPython accepts.

use super::*;
use crate::domain::Code;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

const ALL: [Runtime; 3] = [Runtime::Python311, Runtime::Python312, Runtime::Python313];

/// The error after `code is not Python that Python 3.… can read: `.
fn syntax_error(source: &str, runtime: Runtime) -> Option<String> {
    let refused = parse(source, runtime).err()?.to_string();
    let start = format!("code is not Python that {} can read: ", runtime.name());
    Some(refused.strip_prefix(&start).unwrap().to_owned())
}

#[test]
fn python_that_cpython_reads_is_accepted() {
    for source in [
        "print(1)",
        "",
        "# only a comment",
        "\n\n\t\n  # 설명\n",
        "\u{feff}x = 1\n",
        "if a:\r\n\tb\r\n",
        "if a:\r  b\relse:\r  c\r",
        "\x0cx = 1\n\x0c\ny = 2\n",
        "이름 = '값'\n",
        "x = \\\n  1\n",
        "def f(a, /, b, *, c): ...\nasync def g():\n    await f(1, b=2, c=3)\n",
        "match a:\n    case {'k': [1, *_]} | None if a: pass\n",
        "try: pass\nexcept* ValueError: pass\n",
        "print(f'{a!r:>{width}} {{}} {b:%Y-%m}')\n",
        "with (open('a') as a, open('b') as b): pass\n",
        "match = type = case = _ = 1\nmatch(type)\n",
        "x: list[int] = [y := 1, y ** 2]\n",
        "return 1\n",
    ] {
        for runtime in ALL {
            assert_eq!(syntax_error(source, runtime), None, "{source:?}");
        }
    }
}

#[test]
fn the_first_error_is_reported_with_line_and_column() {
    for (source, expected) in [
        ("def f()\n    pass\n", "line 1, column 8: expected `:`, found newline"),
        ("a\r\nb\rc +\n", "line 3, column 4: expected an expression"),
        ("\u{feff}x = = 1", "line 1, column 5: expected an expression"),
        ("인사 = '👋' $", "line 1, column 10: got unexpected token $"),
        (
            "ok = 1\nprint \"x\"\n1 +\n",
            "line 2, column 7: simple statements must be separated by newlines or semicolons",
        ),
        ("x = 'abc\ny = 1", "line 1, column 5: missing closing quote in string literal"),
        ("if a:\nb\n", "line 2, column 1: expected an indented block after `if` statement"),
        (
            "if a:\n    b\n  c\n",
            "line 3, column 1: unindent does not match any outer indentation level",
        ),
        ("f(class=1)\n", "line 1, column 3: expected `)`, found `class`"),
        ("x = 1\0", "line 1, column 6: source code cannot contain null bytes"),
        ("# \0", "line 1, column 3: source code cannot contain null bytes"),
    ] {
        for runtime in ALL {
            assert_eq!(syntax_error(source, runtime).as_deref(), Some(expected), "{source:?}");
        }
    }
}

#[test]
fn each_runtime_has_its_own_syntax() {
    for (source, since) in [
        ("type A = int\n", Runtime::Python312),
        ("def f[T](a: T): ...\n", Runtime::Python312),
        ("f'{a['b']}'\n", Runtime::Python312),
        ("f'{\"\\n\".join(a)}'\n", Runtime::Python312),
        ("class A[T = int]: ...\n", Runtime::Python313),
    ] {
        let first = ALL.iter().position(|runtime| *runtime == since).unwrap();
        for (i, runtime) in ALL.into_iter().enumerate() {
            let told = syntax_error(source, runtime);
            assert_eq!(told.is_none(), i >= first, "{source:?}: {told:?}");
        }
    }
}

#[test]
fn a_declared_encoding_other_than_utf8_is_refused() {
    for source in [
        "# coding: utf-8\n'é'",
        "# -*- coding: UTF_8 -*-\r\n'é'",
        "\u{feff}#!x\n# vim: fileencoding=utf8\n'é'",
        "# coding: latin-1\n'e'",
        "x = 1\n# coding: latin-1\n'é'",
        "#\n\n# coding: latin-1\n'é'",
        "# encoding\n'é'",
    ] {
        assert_eq!(syntax_error(source, Runtime::Python312), None, "{source:?}");
    }
    for (source, line, name) in [
        ("# coding: latin-1\n'é'", 1, "latin-1"),
        ("#!python\r\n # -*- coding: euc-kr -*-\r\n'값'", 2, "euc-kr"),
    ] {
        let expected = format!(
            "line {line}, column 1: the source is UTF-8, and declares its encoding as {name}"
        );
        assert_eq!(syntax_error(source, Runtime::Python312), Some(expected));
    }
}

#[test]
fn deep_nesting_is_refused_before_it_is_parsed() {
    let brackets = "brackets and f-strings nest more than 200 deep";
    let operators = "an expression has more than 3000 operators in a row";
    for (before, unit, line, column, problem) in [
        ("", "(", 1, 201, brackets),
        ("x\n[{", "[", 2, 201, brackets),
        ("", "f\"{", 1, 302, brackets),
        ("f'", "{a:", 1, 600, brackets),
        ("", "-", 1, 3001, operators),
        ("", "not ", 1, 12_001, operators),
        ("", "lambda a, b:", 1, 36_001, operators),
        ("a", ".b", 1, 6002, operators),
        ("a", "()", 1, 6002, operators),
        ("x\na", "[b]", 2, 9002, operators),
        ("a", "**a", 1, 9002, operators),
        ("", "a if b else ", 1, 18_003, operators),
    ] {
        let repeated = unit.repeat((Code::MAX_BYTES - before.len()) / unit.len());
        let told = syntax_error(&format!("{before}{repeated}"), Runtime::Python312);
        let expected = format!("line {line}, column {column}: {problem}");
        assert_eq!(told, Some(expected), "{unit}");
    }
    let blocks: String = (0..200).map(|i| " ".repeat(i) + "if a:\n").collect();
    let expected = "line 101, column 101: blocks nest more than 99 deep";
    assert_eq!(syntax_error(&blocks, Runtime::Python312).as_deref(), Some(expected));
}

#[test]
fn nesting_up_to_the_limits_is_accepted() {
    let blocks: String = (0..99).map(|i| " ".repeat(i) + "if a:\n").collect();
    for source in [
        format!("{}a{}", "(".repeat(200), ")".repeat(200)),
        format!("{blocks}{}b", " ".repeat(99)),
        format!("{}a", "-".repeat(3000)),
    ] {
        for runtime in ALL {
            assert_eq!(syntax_error(&source, runtime), None, "{source:.100}");
        }
    }
}

#[test]
fn siblings_are_not_nested() {
    for (before, unit, after) in [
        ("x = [", "-a.b(c)[d] + 1,", "]"),
        ("x = ", "a == 1 or ", "b"),
        ("x = f'''", "{a}", "'''"),
        ("x = (", "'((((' f'{a}[['\n", ")"),
        ("", "a.b()\n", ""),
        ("if a: b\n", "elif -a: b.c\n", ""),
        ("x = [", "lambda a, b: a,", "]"),
        ("# ", "((((", ""),
    ] {
        let source = format!("{before}{}{after}\n", unit.repeat(4000));
        assert_eq!(syntax_error(&source, Runtime::Python312), None, "{unit}");
    }
}

#[test]
fn an_unclosed_bracket_is_reported_where_the_parser_expects_its_end() {
    let rest = "x = a.b(c)\n".repeat(4000);
    for rest in [rest.clone(), "def f(): pass\n".to_owned() + &rest] {
        let told = syntax_error(&format!("ok = 1\nf(a\n{rest}"), Runtime::Python312).unwrap();
        assert!(told.starts_with("line 2, column 4:") || told.starts_with("line 3,"), "{told}");
    }
}

#[test]
fn every_example_is_valid_python() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for file in fs::read_dir(root.join("examples")).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for runtime in ALL {
            assert_eq!(syntax_error(&source, runtime), None, "{}", path.display());
        }
    }
}

proptest! {
    #[test]
    fn an_error_is_one_short_line(
        source in "([a-f(\\[{}\\])'\":,;\n\r #\\\\=.가é!-]|\u{feff}|f\"|lambda|if |def ){0,40}"
    ) {
        if let Some(told) = syntax_error(&source, Runtime::Python311) {
            prop_assert!(told.chars().count() < 260 && !told.contains('\n'), "{}", told);
        }
    }
}
