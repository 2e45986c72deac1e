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
mod tests;
