//! Memory of the Lambda that calls functions, for the largest requests and the nastiest.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use deployment::Deployment;
use deployment::background_items::id;
use emulator::ids;
use emulator::instance::Instance;
use emulator::process::Launcher;
use emulator::runtime_api::{Invocation, PAYLOAD_LIMIT};
use emulator::template::DEFAULT_REGION;
use serde_json::{Value, json};
use testkit::Event;

use crate::start::Environments;

/// The Lambda that is measured.
pub const LAMBDA: &str = "invocations";

/// The most MB that it may take; it is deployed with 512.
pub const LIMIT_MB: u64 = 128;

/// Answers how many bytes it was sent, or as many letters as it was asked for.
const FUNCTION: &str = "def handler(event, context):\n    \
    if 'letters' in event['query']:\n        \
        return '가' * int(event['query']['letters'])\n    \
    return str(len(event['rawBody']))\n";

/// Sends each request to a process of its own. The result is a table.
///
/// # Panics
/// If one isn't answered, or takes more than [`LIMIT_MB`].
pub async fn table(binaries: &BTreeMap<String, PathBuf>) -> String {
    let api = Deployment::on_disk(|quotas| quotas).await;
    let workspace = api.create("/api/workspaces", &json!({"name": "w"})).await;
    let workspace = id(&workspace).parse().expect("a workspace's id");
    let settings = json!({"memory": 1024, "httpMethods": ["POST"]});
    let function = api.env.new_function(&workspace, FUNCTION, &settings).await;
    let url = format!("/invoke/{workspace}/{function}");
    api.settle().await;
    let environment = Environments::of(&api).await.of_lambda(LAMBDA);
    let mut table = "| request | bytes of its body | peak MB | ms |\n\
                     | --- | ---: | ---: | ---: |\n"
        .to_owned();
    for (what, query, body) in requests() {
        let event = Event::fixture("call-function").at(&format!("{url}{query}")).method("POST");
        let event = event.header("content-type", None).bytes(&body).into_value();
        let (peak, took) = measure(&binaries[LAMBDA], &environment, event, what).await;
        assert!(peak < LIMIT_MB, "{what} took {peak} MB");
        writeln!(table, "| {what} | {} | {peak} | {} |", body.len(), took.as_millis()).ok();
    }
    table
}

/// The requests: what they are, their query, their body.
fn requests() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    // Base64 makes four bytes of three, and the rest of the event takes some.
    let size = (PAYLOAD_LIMIT - 4096) / 4 * 3;
    let repeated = |part: &str| part.repeat(size / part.len()).into_bytes();
    let bytes = (0..size).map(|i| (i * 7919 % 256) as u8).collect();
    vec![
        ("nothing", "", Vec::new()),
        ("objects in arrays in objects: `[{\"\":`", "", repeated("[{\"\":")),
        ("arrays: `[[],[],`", "", format!("[{}[]]", "[],".repeat(size / 3 - 2)).into_bytes()),
        ("one number", "", repeated("1")),
        ("text of quotation marks", "", repeated("\"")),
        ("text of control characters", "", repeated("\u{1}")),
        ("Korean text", "", repeated("가")),
        ("bytes", "", bytes),
        ("an answer of 5.9 MB", "?letters=1960000", Vec::new()),
    ]
}

/// The peak memory in MB of a process that answers `event`, and the time that it took.
async fn measure(
    binary: &Path,
    environment: &[(String, String)],
    event: Value,
    what: &str,
) -> (u64, Duration) {
    let mut command = Launcher::Direct.command(binary);
    command.env_clear().envs(environment.iter().cloned());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut instance = Instance::spawn(command).await.expect("the binary runs");
    let invocation = Invocation {
        id: ids::invocation_id(),
        event: event.to_string().into(),
        arn: ids::function_arn(DEFAULT_REGION, "measured"),
        timeout: Duration::from_secs(29),
    };
    let began = Instant::now();
    let answer = instance.invoke(invocation).await;
    let took = began.elapsed();
    let answer = answer.unwrap_or_else(|failure| panic!("{what}: {failure:?}"));
    let answer: Value = serde_json::from_slice(&answer).expect("an answer is JSON");
    assert_eq!(answer["statusCode"], 200, "{what}: {answer}");
    let process = instance.process_id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    (kilobytes.div_ceil(1024), took)
}
