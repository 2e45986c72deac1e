//! Whether a source is Python, found without running any of it.

use ruff_python_ast::PythonVersion;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::lexer::lex;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

use super::{Code, Runtime};
use crate::error::Error;

/// How many brackets and f-strings may stand in each other: CPython's limit for brackets.
const MAX_BRACKETS: usize = 200;

/// How many blocks may stand in each other: CPython's limit.
const MAX_BLOCKS: usize = 99;

/// How many operators may stand in a row without a comma. As many may work on each other's results:
/// then the parser's tree is as deep, and to drop it takes stack for each level. Of those, CPython
/// 3.11 and 3.12 refuse more than about 2,990, and 3.13 more than 2,984 to 9,995.
const MAX_DEPTH: usize = 3000;

/// After how many broken tokens nothing more is read: the parser keeps each as an error.
const MAX_BROKEN: usize = 1000;

/// The most characters of the parser's words that an answer repeats.
const MAX_PROBLEM: usize = 200;

/// Something wrong at a byte of the source.
struct Problem {
    at: usize,
    what: String,
}

/// Checks that `code` is Python that `runtime` can read. Takes at most about half a second and
/// 200 MB, whatever the source, because what nests deeper than people write is refused before it is
/// parsed: a mebibyte of it would take a gigabyte, or overflow the stack.
///
/// It reads as CPython's parser does. What CPython's compiler refuses later, it doesn't see: a
/// `return` outside a function, a `break` outside a loop, a name that is both a parameter and
/// global. Nor does it see an encoding that doesn't exist, declared in a source of ASCII alone.
///
/// # Errors
/// [`Error::Syntax`] for the first problem, by position.
pub(super) fn check(code: &Code, runtime: Runtime) -> Result<(), Error> {
    let source = code.as_str();
    let Some(Problem { at, what }) = first_problem(source, runtime) else {
        return Ok(());
    };
    let (line, column) = position(source, at);
    Err(Error::Syntax { python: runtime.name(), line, column, problem: one_line(&what) })
}

fn first_problem(source: &str, runtime: Runtime) -> Option<Problem> {
    if let Some(at) = source.find('\0') {
        return Some(Problem { at, what: "source code cannot contain null bytes".into() });
    }
    if let Some(problem) = other_encoding(source) {
        return Some(problem);
    }
    match scan(source) {
        Ok(()) => parse(source, runtime),
        Err(what) => {
            let (at, end) = last_readable(source);
            // A bracket that is never closed makes all that follows it look nested, so an error
            // before that is what there is to say.
            let before = parse(&source[..end], runtime).filter(|problem| problem.at <= at);
            before.or(Some(Problem { at, what }))
        }
    }
}

/// The parser's first error.
fn parse(source: &str, runtime: Runtime) -> Option<Problem> {
    let version = match runtime {
        Runtime::Python311 => PythonVersion::PY311,
        Runtime::Python312 => PythonVersion::PY312,
        Runtime::Python313 => PythonVersion::PY313,
    };
    let options = ParseOptions::from(Mode::Module).with_target_version(version);
    let parsed = parse_unchecked(source, options);
    let errors = parsed.errors().iter().map(|e| (e.location.start(), e.error.to_string()));
    let unsupported =
        parsed.unsupported_syntax_errors().iter().map(|e| (e.range.start(), e.to_string()));
    let (at, what) = errors.chain(unsupported).min_by_key(|(at, _)| *at)?;
    Some(Problem { at: at.to_usize(), what })
}

/// A declared encoding that isn't UTF-8, by which CPython would read another text. A source that is
/// all ASCII is the same text in every encoding that people declare.
fn other_encoding(source: &str) -> Option<Problem> {
    if source.is_ascii() {
        return None;
    }
    let mut at = 0;
    // CPython looks at the first line, and at the second if the first is blank or a comment.
    for line in source.split_inclusive('\n').take(2) {
        let text = line.trim_start_matches(['\u{feff}', ' ', '\t', '\x0c']);
        let text = text.split(['\r', '\n']).next().unwrap_or_default();
        if !text.is_empty() && !text.starts_with('#') {
            return None;
        }
        let name = text.match_indices("coding").find_map(|(start, word)| {
            let name = text[start + word.len()..].strip_prefix([':', '='])?.trim_start();
            let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
            Some(&name[..end.unwrap_or(name.len())])
        });
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            let plain = name.to_ascii_lowercase().replace('_', "-");
            let is_utf8 = plain == "utf8" || plain == "utf-8" || plain.starts_with("utf-8-");
            let what = || format!("the source is UTF-8, and declares its encoding as {name}");
            return (!is_utf8).then(|| Problem { at, what: what() });
        }
        at += line.len();
    }
    None
}

/// An open bracket, f-string, or the module itself, as the innermost thing that is open.
struct Level {
    closed_by: TokenKind,
    /// How many operators at the most work on each other since the last comma.
    depth: usize,
    /// Lambdas whose colon is still to come. Their commas part parameters.
    lambdas: usize,
}

/// Refuses what would cost the parser more stack or memory than it is worth, or what is certainly
/// broken.
fn scan(source: &str) -> Result<(), String> {
    let mut lexer = lex(source, Mode::Module);
    let mut levels = vec![Level { closed_by: TokenKind::EndOfFile, depth: 0, lambdas: 0 }];
    let (mut depth, mut blocks, mut broken) = (0, 0_usize, 0);
    loop {
        let kind = lexer.next_token();
        let nested = levels.len() > 1;
        // The module's own level is never closed: its end is the loop's.
        let Some(level) = levels.last_mut() else { return Ok(()) };
        let closed_by = match kind {
            TokenKind::Lpar => Some(TokenKind::Rpar),
            TokenKind::Lsqb => Some(TokenKind::Rsqb),
            TokenKind::Lbrace => Some(TokenKind::Rbrace),
            TokenKind::FStringStart => Some(TokenKind::FStringEnd),
            TokenKind::TStringStart => Some(TokenKind::TStringEnd),
            _ => None,
        };
        if let Some(closed_by) = closed_by {
            // What is opened after an operand is a call or a subscript. Strings and the fields of an
            // f-string stand side by side.
            let side_by_side = matches!(closed_by, TokenKind::FStringEnd | TokenKind::TStringEnd)
                || matches!(level.closed_by, TokenKind::FStringEnd | TokenKind::TStringEnd);
            if !side_by_side {
                level.depth += 1;
                depth += 1;
            }
            if levels.len() > MAX_BRACKETS {
                return Err(format!("brackets and f-strings nest more than {MAX_BRACKETS} deep"));
            }
            levels.push(Level { closed_by, depth: 0, lambdas: 0 });
        } else if kind == TokenKind::EndOfFile {
            return Ok(());
        } else if kind == level.closed_by {
            depth -= level.depth;
            levels.pop();
        } else {
            match kind {
                TokenKind::Indent => blocks += 1,
                TokenKind::Dedent => blocks = blocks.saturating_sub(1),
                TokenKind::Unknown | TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                    broken += 1;
                }
                TokenKind::Comma if level.lambdas > 0 => {}
                TokenKind::Comma | TokenKind::Semi | TokenKind::Newline => {
                    depth -= level.depth;
                    (level.depth, level.lambdas) = (0, 0);
                }
                TokenKind::Colon => level.lambdas = level.lambdas.saturating_sub(1),
                kind if nested && begins_a_statement(kind) => {
                    return Err("a statement begins here, in a bracket that is not closed".into());
                }
                kind if nests(kind) => {
                    level.lambdas += usize::from(kind == TokenKind::Lambda);
                    level.depth += 1;
                    depth += 1;
                }
                _ => {}
            }
        }
        if depth > MAX_DEPTH {
            return Err(format!("an expression has more than {MAX_DEPTH} operators in a row"));
        }
        if blocks > MAX_BLOCKS {
            return Err(format!("blocks nest more than {MAX_BLOCKS} deep"));
        }
        if broken > MAX_BROKEN {
            return Err("too much of this is not Python".into());
        }
    }
}

/// The longest part of the source that [`scan`] takes, and the shortest that it refuses. The lexer
/// tells no positions; but which parts are refused does. No part ends inside a word, which might then
/// be read as a keyword, nor inside a character, whose bytes all count as a word's.
fn last_readable(source: &str) -> (usize, usize) {
    let bytes = source.as_bytes();
    let in_a_word = |at: usize| {
        let of_a_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        of_a_word(bytes[at - 1]) && of_a_word(bytes[at])
    };
    let (mut readable, mut refused) = (0, source.len());
    loop {
        let between = (readable + 1 + refused) / 2;
        let ends = (readable + 1..=between).rev().chain(between..refused);
        let Some(middle) = ends.into_iter().find(|at| *at < refused && !in_a_word(*at)) else {
            return (readable, refused);
        };
        match scan(&source[..middle]) {
            Ok(()) => readable = middle,
            Err(_) => refused = middle,
        }
    }
}

/// Keywords that stand in no expression.
fn begins_a_statement(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Assert
            | TokenKind::Break
            | TokenKind::Class
            | TokenKind::Continue
            | TokenKind::Def
            | TokenKind::Del
            | TokenKind::Except
            | TokenKind::Finally
            | TokenKind::Global
            | TokenKind::Import
            | TokenKind::Nonlocal
            | TokenKind::Pass
            | TokenKind::Raise
            | TokenKind::Return
            | TokenKind::Try
            | TokenKind::While
            | TokenKind::With
    )
}

/// Tokens whose operand, or what they are an operand of, may be another of them. Comparisons, `and`
/// and `or` are flat in the tree, however many there are.
fn nests(kind: TokenKind) -> bool {
    kind.as_unary_operator().is_some()
        || kind.as_binary_operator().is_some()
        || matches!(
            kind,
            TokenKind::Async
                | TokenKind::Await
                | TokenKind::ColonEqual
                | TokenKind::Dot
                | TokenKind::Else
                | TokenKind::If
                | TokenKind::Lambda
                | TokenKind::Yield
        )
}

/// The line and the column of a byte, both from 1, the column in characters, as Python counts.
fn position(source: &str, at: usize) -> (usize, usize) {
    let before = source[..at].trim_start_matches('\u{feff}');
    let ends = before.matches(['\n', '\r']).count() - before.matches("\r\n").count();
    let column = before.rsplit(['\n', '\r']).next().map_or(0, |line| line.chars().count());
    (ends + 1, column + 1)
}

/// The parser's words as the middle of a sentence. They can hold a character of the source.
fn one_line(what: &str) -> String {
    let mut letters = what.chars().map(|c| if c.is_control() { ' ' } else { c });
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(letters).take(MAX_PROBLEM).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::path::Path;

    const ALL: [Runtime; 3] = [Runtime::Python311, Runtime::Python312, Runtime::Python313];

    /// What is said after `code is not Python that Python 3.… can read: `.
    fn told(source: &str, runtime: Runtime) -> Option<String> {
        let refused = check(&Code::from_stored(source.into()), runtime).err()?.to_string();
        let start = format!("code is not Python that {} can read: ", runtime.name());
        Some(refused.strip_prefix(&start).unwrap().to_owned())
    }

    #[test]
    fn what_cpython_reads_is_read() {
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
                assert_eq!(told(source, runtime), None, "{source:?}");
            }
        }
    }

    #[test]
    fn the_first_error_is_told_with_its_line_and_column() {
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
                assert_eq!(told(source, runtime).as_deref(), Some(expected), "{source:?}");
            }
        }
    }

    #[test]
    fn each_runtime_reads_its_own_python() {
        for (source, since) in [
            ("type A = int\n", Runtime::Python312),
            ("def f[T](a: T): ...\n", Runtime::Python312),
            ("f'{a['b']}'\n", Runtime::Python312),
            ("f'{\"\\n\".join(a)}'\n", Runtime::Python312),
            ("class A[T = int]: ...\n", Runtime::Python313),
        ] {
            let first = ALL.iter().position(|runtime| *runtime == since).unwrap();
            for (i, runtime) in ALL.into_iter().enumerate() {
                let told = told(source, runtime);
                assert_eq!(told.is_none(), i >= first, "{source:?}: {told:?}");
            }
        }
    }

    #[test]
    fn an_encoding_by_which_it_would_be_another_text_is_refused() {
        for source in [
            "# coding: utf-8\n'é'",
            "# -*- coding: UTF_8 -*-\r\n'é'",
            "\u{feff}#!x\n# vim: fileencoding=utf8\n'é'",
            "# coding: latin-1\n'e'",
            "x = 1\n# coding: latin-1\n'é'",
            "#\n\n# coding: latin-1\n'é'",
            "# encoding\n'é'",
        ] {
            assert_eq!(told(source, Runtime::Python312), None, "{source:?}");
        }
        for (source, line, name) in [
            ("# coding: latin-1\n'é'", 1, "latin-1"),
            ("#!python\r\n # -*- coding: euc-kr -*-\r\n'값'", 2, "euc-kr"),
        ] {
            let expected = format!(
                "line {line}, column 1: the source is UTF-8, and declares its encoding as {name}"
            );
            assert_eq!(told(source, Runtime::Python312), Some(expected));
        }
    }

    #[test]
    fn what_nests_too_deep_is_refused_before_it_is_parsed() {
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
            let told = told(&format!("{before}{repeated}"), Runtime::Python312);
            let expected = format!("line {line}, column {column}: {problem}");
            assert_eq!(told, Some(expected), "{unit}");
        }
        let blocks: String = (0..200).map(|i| " ".repeat(i) + "if a:\n").collect();
        let expected = "line 101, column 101: blocks nest more than 99 deep";
        assert_eq!(told(&blocks, Runtime::Python312).as_deref(), Some(expected));
    }

    #[test]
    fn what_nests_as_deep_as_the_limits_is_read() {
        let blocks: String = (0..99).map(|i| " ".repeat(i) + "if a:\n").collect();
        for source in [
            format!("{}a{}", "(".repeat(200), ")".repeat(200)),
            format!("{blocks}{}b", " ".repeat(99)),
            format!("{}a", "-".repeat(3000)),
        ] {
            for runtime in ALL {
                assert_eq!(told(&source, runtime), None, "{source:.100}");
            }
        }
    }

    #[test]
    fn what_stands_side_by_side_is_not_nested() {
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
            assert_eq!(told(&source, Runtime::Python312), None, "{unit}");
        }
    }

    #[test]
    fn a_bracket_that_is_never_closed_is_told_where_the_parser_misses_it() {
        let rest = "x = a.b(c)\n".repeat(4000);
        for rest in [rest.clone(), "def f(): pass\n".to_owned() + &rest] {
            let told = told(&format!("ok = 1\nf(a\n{rest}"), Runtime::Python312).unwrap();
            assert!(told.starts_with("line 2, column 4:") || told.starts_with("line 3,"), "{told}");
        }
    }

    #[test]
    fn every_example_is_python() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for file in fs::read_dir(root.join("examples")).unwrap() {
            let path = file.unwrap().path();
            let source = fs::read_to_string(&path).unwrap();
            for runtime in ALL {
                assert_eq!(told(&source, runtime), None, "{}", path.display());
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_answered_in_one_short_line(
            source in "([a-f(\\[{}\\])'\":,;\n\r #\\\\=.가é!-]|\u{feff}|f\"|lambda|if |def ){0,40}"
        ) {
            if let Some(told) = told(&source, Runtime::Python311) {
                prop_assert!(told.chars().count() < 260 && !told.contains('\n'), "{}", told);
            }
        }
    }
}
