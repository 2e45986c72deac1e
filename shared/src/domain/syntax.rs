//! The syntax check of Python sources.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{ModModule, PythonVersion};
use ruff_python_parser::lexer::lex;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};

use super::Runtime;
use super::error::InvalidField;

/// The most levels of brackets and f-strings: CPython's limit for brackets.
const MAX_BRACKETS: usize = 200;

/// The most levels of blocks: CPython's limit.
const MAX_BLOCKS: usize = 99;

/// The most operators in a row without a comma. If each works on the result of the one before, the
/// parser's tree is as deep as their number, and dropping it takes stack for each level. CPython 3.11
/// and 3.12 refuse more than about 2,990 of those, and 3.13 more than 2,984 to 9,995.
const MAX_DEPTH: usize = 3000;

/// The most broken tokens before a source is refused: the parser keeps each as an error.
const MAX_BROKEN: usize = 1000;

/// The most characters of the parser's message in an error.
const MAX_PROBLEM: usize = 200;

/// An error at a byte of the source.
struct Problem {
    at: usize,
    what: String,
}

/// The syntax tree of `source`, if it is Python that `runtime` can read.
///
/// It takes at most about half a second and 200 MB. Sources that nest deeper than people write are
/// refused before they are parsed: a mebibyte of such a source would take a gigabyte, or overflow the
/// stack.
///
/// It finds the errors of CPython's parser, and not those of its compiler: a `return` outside a
/// function, a `break` outside a loop, a name that is both a parameter and global. It does not find
/// an unknown encoding that a source of ASCII alone declares.
///
/// # Errors
/// [`InvalidField::Syntax`] for the first problem, by position.
pub(super) fn parse(source: &str, runtime: Runtime) -> Result<ModModule, InvalidField> {
    read(source, runtime).map_err(|Problem { at, what }| {
        let (line, column) = position(source, at);
        InvalidField::Syntax {
            field: "code",
            python: runtime.name(),
            line,
            column,
            problem: one_line(&what),
        }
    })
}

fn read(source: &str, runtime: Runtime) -> Result<ModModule, Problem> {
    if let Some(at) = source.find('\0') {
        return Err(Problem { at, what: "source code cannot contain null bytes".into() });
    }
    if let Some(problem) = other_encoding(source) {
        return Err(problem);
    }
    scan(source).map_err(|what| {
        let (at, end) = last_readable(source);
        // After a bracket that is never closed, everything looks nested. An error before that is
        // the cause.
        let before = tree(&source[..end], runtime).err().filter(|problem| problem.at <= at);
        before.unwrap_or(Problem { at, what })
    })?;
    tree(source, runtime)
}

/// The parser's tree, or its first error.
fn tree(source: &str, runtime: Runtime) -> Result<ModModule, Problem> {
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
    match errors.chain(unsupported).min_by_key(|(at, _)| *at) {
        Some((at, what)) => Err(Problem { at: at.to_usize(), what }),
        None => Ok(parsed.into_syntax().expect_module()),
    }
}

/// An error for a declared encoding that isn't UTF-8: CPython would read another text. A source of
/// ASCII alone is the same text in all common encodings.
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

/// An open bracket or f-string, or the module itself.
struct Level {
    closed_by: TokenKind,
    /// The operators since the last comma, which may work on the results of each other.
    depth: usize,
    /// Lambdas before their colon. Commas separate their parameters.
    lambdas: usize,
}

/// Refuses a source that would cost the parser too much stack or memory, or is certainly broken.
fn scan(source: &str) -> Result<(), String> {
    let mut lexer = lex(source, Mode::Module);
    let mut levels = vec![Level { closed_by: TokenKind::EndOfFile, depth: 0, lambdas: 0 }];
    let (mut depth, mut blocks, mut broken) = (0, 0_usize, 0);
    loop {
        let kind = lexer.next_token();
        let nested = levels.len() > 1;
        // The level of the module is closed only by the end of the source.
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
            // A bracket after an operand is a call or a subscript. Strings and the fields of an
            // f-string do not nest.
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

/// The ends of the longest part of the source that [`scan`] takes, and of the shortest that it
/// refuses. The lexer tells no positions, so they are searched for. No part ends within a word, whose
/// beginning might be a keyword, nor within a character, whose bytes count as those of a word.
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

/// Keywords that are not part of any expression.
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

/// Operators that nest in the tree. Comparisons, `and` and `or` are flat, however many there are.
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

/// The line and the column of a byte, both from 1. The column counts characters, as in Python.
fn position(source: &str, at: usize) -> (usize, usize) {
    let before = source[..at].trim_start_matches('\u{feff}');
    let ends = before.matches(['\n', '\r']).count() - before.matches("\r\n").count();
    let column = before.rsplit(['\n', '\r']).next().map_or(0, |line| line.chars().count());
    (ends + 1, column + 1)
}

/// The parser's message as the end of a sentence. It may quote a character of the source.
fn one_line(what: &str) -> String {
    let mut letters = what.chars().map(|c| if c.is_control() { ' ' } else { c });
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(letters).take(MAX_PROBLEM).collect()
}

#[cfg(test)]
mod tests;
