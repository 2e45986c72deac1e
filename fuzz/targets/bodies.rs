//! Bodies of requests, read as each type of body.
#![no_main]

use fuzz::read;
use libfuzzer_sys::fuzz_target;
use shared::domain::{
    Code, CreateFunction, CreateInvocationKey, CreateWorkspace, CreationSeed, Description,
    EnvironmentVariables, HttpMethods, Memory, Name, PatchFunction, PatchWorkspace, Timeout,
    Timestamp, WorkspaceId,
};

fuzz_target!(|data: &[u8]| {
    let origin = CreationSeed::new(Timestamp::now());
    if let Some(create) = read::<CreateWorkspace>(data) {
        name(&create.name);
        description(&create.description);
        let made = create.create(&origin);
        let again: CreateWorkspace = read(&json(&made)).expect("what is read can be sent");
        assert_eq!((&again.name, &again.description), (&made.name, &made.description));
    }
    if let Some(patch) = read::<PatchWorkspace>(data) {
        patch.name.iter().for_each(name);
        patch.description.iter().for_each(description);
    }
    if let Some(create) = read::<CreateFunction>(data) {
        let ws = "ws-1".parse::<WorkspaceId>().expect("an identifier");
        let made = create.create(ws.clone(), &origin);
        name(&made.settings.name);
        description(&made.settings.description);
        memory(&made.settings.memory);
        timeout(&made.settings.timeout);
        methods(&made.settings.http_methods);
        environment(&made.settings.environment_variables);
        code(&made.code);
        assert!(made.invocation_url.is_none() && made.last_deployed.is_none());
        assert_eq!((made.invocations_24h, made.errors_24h), (0, 0));
        let again: CreateFunction = read(&json(&made)).expect("what was read can be sent");
        assert_eq!(again.create(ws, &origin), made);
    }
    if let Some(patch) = read::<PatchFunction>(data) {
        patch.name.iter().for_each(name);
        patch.description.iter().for_each(description);
        patch.memory.iter().for_each(memory);
        patch.timeout.iter().for_each(timeout);
        patch.http_methods.iter().for_each(methods);
        patch.environment_variables.iter().for_each(environment);
        patch.code.iter().for_each(code);
    }
    if let Some(create) = read::<CreateInvocationKey>(data) {
        let new = create.create(&origin).expect("there are random numbers");
        name(&new.key.name);
        assert!(!format!("{new:?}").contains("faas_"), "a secret in a log");
    }
});

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it is JSON")
}

fn name(name: &Name) {
    let text = name.as_str();
    assert_eq!(text.trim(), text);
    assert!((1..=Name::MAX_CHARS).contains(&text.chars().count()), "{text:?}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

fn description(description: &Description) {
    assert!(description.as_str().chars().count() <= Description::MAX_CHARS);
}

fn memory(memory: &Memory) {
    assert!((128..=1024).contains(&memory.mb()));
}

fn timeout(timeout: &Timeout) {
    assert!((1..=900).contains(&timeout.seconds()));
}

fn methods(methods: &HttpMethods) {
    let all: Vec<_> = methods.iter().collect();
    assert!((1..=5).contains(&all.len()));
    assert!(all.iter().enumerate().all(|(i, method)| !all[..i].contains(method)), "one twice");
}

fn environment(variables: &EnvironmentVariables) {
    let mut bytes = 0;
    for (name, value) in variables.iter() {
        bytes += name.len() + value.len();
        assert!(name.starts_with(|c: char| c.is_ascii_alphabetic()), "{name:?}");
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{name:?}");
        assert!(!name.starts_with("AWS_") && !name.starts_with("LAMBDA_"), "{name}");
        assert!(!value.contains('\0'), "{name}");
    }
    assert!(bytes <= EnvironmentVariables::MAX_BYTES);
}

fn code(code: &Code) {
    assert!((1..=Code::MAX_BYTES).contains(&code.as_bytes().len()));
}
