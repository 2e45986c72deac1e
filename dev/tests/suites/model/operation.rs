//! Sequences of operations, which proptest generates and shrinks.
//!
//! An operation names its resource by a number, modulo the resources created so far. So a sequence
//! stays valid when shrinking removes operations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A request, or the processing of the stream.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    CreateWorkspace(Body),
    ReadWorkspace(usize),
    PatchWorkspace(usize, IfMatch, Body),
    DeleteWorkspace(usize, IfMatch),
    CreateFunction(usize, Body),
    ReadFunction(usize),
    PatchFunction(usize, IfMatch, Body),
    DeleteFunction(usize, IfMatch),
    CreateKey(usize, Body),
    RevokeKey(usize),
    TryOut(usize),
    Call { function: usize, method: &'static str, key: Option<usize> },
    Settle,
}

/// The fields of a request's body, valid or not.
#[derive(Clone, Debug)]
pub(crate) struct Body(pub(crate) Map<String, Value>);

/// The `If-Match` of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum IfMatch {
    Nothing,
    Any,
    Current,
    Older,
}

/// Sources with different results.
pub(crate) const ECHO: &str = "def handler(event, context):\n    return event['body']\n";
pub(crate) const RAISES: &str = "def handler(event, context):\n    raise ValueError('x')\n";
pub(crate) const TEAPOT: &str =
    "def handler(event, context):\n    return {'statusCode': 418, 'body': 'short'}\n";

/// A source too large for its item, stored in the bucket only.
pub(crate) fn large() -> String {
    let word = |i: u64| format!("{:016x}", i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    format!("{ECHO}#{}", (1..3000).map(word).collect::<String>())
}

/// A sequence that begins with a deployed function: most errors need one.
pub(crate) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let valid = |body: Value| Body(body.as_object().cloned().unwrap_or_default());
    let begin = [
        Operation::CreateWorkspace(valid(json!({"name": "first"}))),
        Operation::CreateFunction(
            0,
            valid(json!({"name": "first", "code": STANDARD.encode(ECHO), "timeout": 5})),
        ),
        Operation::Settle,
    ];
    proptest::collection::vec(operation(), 1..25)
        .prop_map(move |rest| begin.iter().cloned().chain(rest).collect())
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let one = 0..8_usize;
    let method = prop::sample::select(vec!["GET", "POST", "DELETE"]);
    prop_oneof![
        3 => workspace(9).prop_map(CreateWorkspace),
        1 => one.clone().prop_map(ReadWorkspace),
        2 => (one.clone(), if_match(), workspace(5)).prop_map(|(w, m, b)| PatchWorkspace(w, m, b)),
        1 => (one.clone(), if_match()).prop_map(|(w, m)| DeleteWorkspace(w, m)),
        5 => (one.clone(), function(9)).prop_map(|(w, b)| CreateFunction(w, b)),
        1 => one.clone().prop_map(ReadFunction),
        4 => (one.clone(), if_match(), function(3)).prop_map(|(f, m, b)| PatchFunction(f, m, b)),
        1 => (one.clone(), if_match()).prop_map(|(f, m)| DeleteFunction(f, m)),
        1 => (one.clone(), workspace(9)).prop_map(|(f, b)| CreateKey(f, b)),
        1 => one.clone().prop_map(RevokeKey),
        1 => one.clone().prop_map(TryOut),
        3 => (one.clone(), method, proptest::option::of(one))
            .prop_map(|(function, method, key)| Call { function, method, key }),
        3 => Just(Settle),
    ]
}

fn if_match() -> impl Strategy<Value = IfMatch> {
    use IfMatch::*;
    prop_oneof![5 => Just(Nothing), 1 => Just(Any), 2 => Just(Current), 1 => Just(Older)]
}

/// A workspace's body. The name is present in `named` of ten.
fn workspace(named: u32) -> impl Strategy<Value = Body> {
    body(vec![("name", named, names()), ("description", 5, descriptions())])
}

/// A function's body. Name and code are present in `named` of ten.
fn function(named: u32) -> impl Strategy<Value = Body> {
    body(vec![
        ("name", named, names()),
        ("code", named, codes()),
        ("description", 2, descriptions()),
        ("runtime", 2, few(&["Python 3.12"], json!("Python 2.7"))),
        ("memory", 2, few(&[128, 256], json!(2048))),
        ("timeout", 1, few(&[3, 5], json!(0))),
        ("httpMethods", 3, few(&[vec!["GET", "POST"], vec!["post", "POST"]], json!([]))),
        ("auth", 2, few(&["key", "none"], json!("token"))),
        ("requirements", 1, requirements()),
        ("files", 1, few(&[json!({}), json!({"lib/a.py": "QSA9IDE="})], json!({"../a.py": ""}))),
        ("status", 2, few(&["disabled", "active"], json!("gone"))),
    ])
}

fn body(fields: Vec<(&'static str, u32, BoxedStrategy<Value>)>) -> impl Strategy<Value = Body> {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, often, values)| {
            proptest::option::weighted(f64::from(often) / 10.0, values)
                .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
        })
        .collect();
    fields.prop_map(|fields| Body(fields.into_iter().flatten().collect()))
}

fn names() -> BoxedStrategy<Value> {
    few(&["a", "이름 🚀", " padded "], json!(" "))
}

fn descriptions() -> BoxedStrategy<Value> {
    prop_oneof![few(&["", "text"], json!(1)), Just(Value::Null)].boxed()
}

fn requirements() -> BoxedStrategy<Value> {
    prop_oneof![few(&["alpha", "beta"], json!("-r other.txt")), Just(Value::Null)].boxed()
}

fn codes() -> BoxedStrategy<Value> {
    let encoded = |source: &str| STANDARD.encode(source);
    let large = large();
    let all = [ECHO, RAISES, TEAPOT, &large].map(encoded);
    few(&all, json!(STANDARD.encode("def (")))
}

/// Mostly one of `valid`, sometimes `invalid`.
fn few<T: serde::Serialize>(valid: &[T], invalid: Value) -> BoxedStrategy<Value> {
    let valid: Vec<Value> = valid.iter().map(|value| json!(value)).collect();
    prop_oneof![12 => prop::sample::select(valid), 1 => Just(invalid)].boxed()
}
