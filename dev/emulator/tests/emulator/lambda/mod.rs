//! An engine of a test's own, and short ways to ask it.

use std::io::{Cursor, Write};
use std::path::Path;
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Credentials;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::create_function::builders::CreateFunctionFluentBuilder;
use aws_sdk_lambda::operation::create_function::{CreateFunctionError, CreateFunctionOutput};
use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use aws_sdk_lambda::operation::invoke::builders::InvokeFluentBuilder;
use aws_sdk_lambda::operation::update_function_code::{
    UpdateFunctionCodeError, UpdateFunctionCodeOutput,
};
use aws_sdk_lambda::operation::update_function_configuration::{
    UpdateFunctionConfigurationError, UpdateFunctionConfigurationOutput,
};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, FunctionCode, LastUpdateStatus, LogType, Runtime, State};
use base64::Engine as _;
use emulator::engine::{Engine, EngineOptions, RuntimeClient};
use emulator::process::Launcher;
use emulator::project;
use emulator::template::DEFAULT_REGION;
use serde_json::Value;
use tempfile::TempDir;
use testkit;

pub(crate) struct Bench {
    pub(crate) client: Client,
    engine: Option<Engine>,
    options: EngineOptions,
    place: TempDir,
}

#[derive(Debug)]
pub(crate) struct Invoked {
    pub(crate) answer: Value,
    pub(crate) failed: bool,
    pub(crate) version: String,
    pub(crate) log: String,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::behaving(EngineOptions::default()).await
    }

    pub(crate) async fn with(client: RuntimeClient) -> Self {
        Self::behaving(EngineOptions { client, ..EngineOptions::default() }).await
    }

    /// One that takes its time, so that a test can look at what is not done yet.
    pub(crate) async fn slow() -> Self {
        let update_delay = Duration::from_millis(500);
        Self::behaving(EngineOptions { update_delay, ..EngineOptions::default() }).await
    }

    pub(crate) async fn behaving(options: EngineOptions) -> Self {
        let place = tempfile::tempdir().unwrap();
        let engine = engine(place.path(), options);
        let client = client(engine.url(), "local");
        Self { client, engine: Some(engine), options, place }
    }

    /// Ends the engine and starts another one in the same place.
    pub(crate) async fn restart(&mut self) {
        drop(self.engine.take());
        let engine = engine(self.place.path(), self.options);
        self.client = client(engine.url(), "local");
        self.engine = Some(engine);
    }

    pub(crate) fn url(&self) -> String {
        self.engine.as_ref().unwrap().url().to_owned()
    }

    pub(crate) fn creation(&self, name: &str, zip: Vec<u8>) -> CreateFunctionFluentBuilder {
        self.client
            .create_function()
            .function_name(name)
            .runtime(Runtime::Python313)
            .handler("main.handler")
            // Enough beside a running compiler.
            .timeout(20)
            .role("arn:aws:iam::000000000000:role/none")
            .code(FunctionCode::builder().zip_file(Blob::new(zip)).build())
    }

    pub(crate) async fn create(
        &self,
        name: &str,
        source: &str,
    ) -> Result<CreateFunctionOutput, SdkError<CreateFunctionError>> {
        self.creation(name, zip(source)).send().await
    }

    /// Creates a function and waits until it is active.
    pub(crate) async fn made(&self, name: &str, source: &str) {
        self.create(name, source).await.unwrap();
        self.settled(name).await;
    }

    pub(crate) async fn update_code(
        &self,
        name: &str,
        source: &str,
    ) -> Result<UpdateFunctionCodeOutput, SdkError<UpdateFunctionCodeError>> {
        let update = self.client.update_function_code().function_name(name);
        update.zip_file(Blob::new(zip(source))).send().await
    }

    pub(crate) fn variables(&self, name: &str, value: &str) -> Environment {
        Environment::builder().variables(name, value).build()
    }

    pub(crate) async fn configure(
        &self,
        name: &str,
        variable: &str,
        value: &str,
    ) -> Result<UpdateFunctionConfigurationOutput, SdkError<UpdateFunctionConfigurationError>> {
        let update = self.client.update_function_configuration().function_name(name);
        update.environment(self.variables(variable, value)).send().await
    }

    /// Changes a function's timeout, in seconds, and its memory, in MB.
    pub(crate) async fn limit(&self, name: &str, timeout: i32, memory: i32) {
        let update = self.client.update_function_configuration().function_name(name);
        update.timeout(timeout).memory_size(memory).send().await.unwrap();
        self.settled(name).await;
    }

    pub(crate) async fn configuration(&self, name: &str) -> GetFunctionConfigurationOutput {
        self.client.get_function_configuration().function_name(name).send().await.unwrap()
    }

    /// Waits until nothing is going on with a function.
    pub(crate) async fn settled(&self, name: &str) {
        for _ in 0..1000 {
            let now = self.configuration(name).await;
            if now.state() == Some(&State::Active)
                && now.last_update_status() == Some(&LastUpdateStatus::Successful)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{name} does not settle");
    }

    pub(crate) fn call(&self, name: &str) -> InvokeFluentBuilder {
        self.client.invoke().function_name(name)
    }

    pub(crate) async fn invoke(&self, name: &str, event: &Value) -> Invoked {
        let call = self.call(name).payload(Blob::new(event.to_string())).log_type(LogType::Tail);
        let output = call.send().await.unwrap();
        let log = output.log_result().unwrap();
        let log = base64::engine::general_purpose::STANDARD.decode(log).unwrap();
        Invoked {
            answer: serde_json::from_slice(output.payload().unwrap().as_ref()).unwrap(),
            failed: output.function_error() == Some("Unhandled"),
            version: output.executed_version().unwrap().to_owned(),
            log: String::from_utf8_lossy(&log).into_owned(),
        }
    }

    pub(crate) async fn answer(&self, name: &str, event: &Value) -> Value {
        let invoked = self.invoke(name, event).await;
        assert!(!invoked.failed, "{invoked:?}");
        invoked.answer
    }
}

fn engine(place: &Path, options: EngineOptions) -> Engine {
    let root = project::source_root();
    Engine::start_with(place, Launcher::Direct, DEFAULT_REGION, &root, options).unwrap()
}

/// A client with an access key, which tries once only.
pub(crate) fn client(url: &str, key: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = testkit::lambda_client(url, http).config().to_builder();
    let config = config
        .credentials_provider(Credentials::new(key, "local", None, None, "test"))
        .retry_config(aws_sdk_lambda::config::retry::RetryConfig::disabled());
    Client::from_conf(config.build())
}

/// A package whose one file is `main.py`.
pub(crate) fn zip(source: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("main.py", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(source.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Waits until a process is gone, or has ended and nobody asked how.
pub(crate) async fn until_gone(process: &str) {
    for _ in 0..2000 {
        match std::fs::read_to_string(format!("/proc/{process}/stat")) {
            Ok(stat) if !stat.contains(") Z ") => {}
            _ => return,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("process {process} is still there");
}

pub(crate) fn blob(text: impl Into<Vec<u8>>) -> Blob {
    Blob::new(text)
}
