//! An engine of a test's own, with a client.

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

/// How long anything may take, on a machine that is busy with other work.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(300);

/// The timeout of functions, in seconds.
pub(crate) const FUNCTION_TIMEOUT: i32 = 300;

pub(crate) struct TestEngine {
    pub(crate) client: Client,
    engine: Option<Engine>,
    options: EngineOptions,
    folder: TempDir,
}

#[derive(Debug)]
pub(crate) struct Invoked {
    pub(crate) answer: Value,
    pub(crate) failed: bool,
    pub(crate) version: String,
    pub(crate) log: String,
}

impl TestEngine {
    pub(crate) fn start() -> Self {
        Self::with_options(EngineOptions::default())
    }

    pub(crate) fn with_client(client: RuntimeClient) -> Self {
        Self::with_options(EngineOptions { client, ..EngineOptions::default() })
    }

    /// Changes stay in progress until [`Engine::complete_updates`].
    pub(crate) fn with_manual_updates() -> Self {
        Self::with_options(EngineOptions { update_delay: TIMEOUT * 10, ..EngineOptions::default() })
    }

    pub(crate) fn with_options(options: EngineOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = engine(folder.path(), options);
        let client = client(engine.url(), "local");
        Self { client, engine: Some(engine), options, folder }
    }

    /// Ends the engine and starts another one in the same folder.
    pub(crate) fn restart(&mut self) {
        drop(self.engine.take());
        let engine = engine(self.folder.path(), self.options);
        self.client = client(engine.url(), "local");
        self.engine = Some(engine);
    }

    pub(crate) fn url(&self) -> &str {
        self.engine.as_ref().unwrap().url()
    }

    pub(crate) fn complete_updates(&self) {
        self.engine.as_ref().unwrap().complete_updates();
    }

    pub(crate) fn creation(&self, name: &str, zip: Vec<u8>) -> CreateFunctionFluentBuilder {
        self.client
            .create_function()
            .function_name(name)
            .runtime(Runtime::Python313)
            .handler("main.handler")
            .timeout(FUNCTION_TIMEOUT)
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
    pub(crate) async fn create_active(&self, name: &str, source: &str) {
        self.create(name, source).await.unwrap();
        self.until_active(name).await;
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
        self.until_active(name).await;
    }

    pub(crate) async fn configuration(&self, name: &str) -> GetFunctionConfigurationOutput {
        self.client.get_function_configuration().function_name(name).send().await.unwrap()
    }

    /// Waits until no change of a function is in progress.
    pub(crate) async fn until_active(&self, name: &str) {
        until(async || {
            let now = self.configuration(name).await;
            now.state() == Some(&State::Active)
                && now.last_update_status() == Some(&LastUpdateStatus::Successful)
        })
        .await;
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

fn engine(folder: &Path, options: EngineOptions) -> Engine {
    let root = project::source_root();
    Engine::start_with(folder, Launcher::Direct, DEFAULT_REGION, &root, options).unwrap()
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

/// Waits until a process has exited; it may be a zombie.
pub(crate) async fn until_exited(process: &str) {
    until(async || {
        std::fs::read_to_string(format!("/proc/{process}/stat"))
            .map_or(true, |stat| stat.contains(") Z "))
    })
    .await;
}

/// Waits until `holds`.
pub(crate) async fn until(holds: impl AsyncFn() -> bool) {
    let polling = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, polling).await.expect("the condition holds in the end");
}

pub(crate) fn blob(text: impl Into<Vec<u8>>) -> Blob {
    Blob::new(text)
}
