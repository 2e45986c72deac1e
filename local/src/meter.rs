//! What calls to AWS there are, and what they cost.

use std::iter::Sum;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde_json::{Map, Value, json};

/// An HTTP client for the AWS SDK that takes note of calls while it is told to.
///
/// Capacity is what DynamoDB itself answers, because the meter makes every
/// request ask for it. The embedded DynamoDB checks no signature, so a request
/// may be changed after it was signed. It answers as AWS bills: a transaction's
/// writes count double in the table and once in an index. A transaction that is
/// refused is billed too, and isn't counted here, because its answer tells nothing.
#[derive(Clone, Debug)]
pub struct Meter {
    inner: SharedHttpClient,
    notes: Arc<Mutex<Option<Notes>>>,
}

/// The calls since the meter was started; each start has notes of its own, so that
/// an answer that comes late belongs to the call that it answers.
type Notes = Arc<Mutex<Vec<Call>>>;

/// A call. One that the SDK repeats is several.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `PutItem` of DynamoDB, `Invoke` of Lambda; method and path for everything else.
    pub operation: String,
    /// What DynamoDB said that it cost; nothing for the other services.
    pub units: Units,
}

/// DynamoDB's capacity units. A write unit is 1 KB, a unit of consistent reading 4 KB.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    /// Units of the table.
    pub table: f64,
    /// Units of its indexes.
    pub index: f64,
}

impl Units {
    /// Of table and indexes together.
    pub fn total(self) -> f64 {
        self.table + self.index
    }

    /// What `calls` cost that write.
    pub fn written(calls: &[Call]) -> Self {
        calls.iter().filter(|call| !call.is_read()).map(|call| call.units).sum()
    }

    /// What `calls` cost that read.
    pub fn read(calls: &[Call]) -> Self {
        calls.iter().filter(|call| call.is_read()).map(|call| call.units).sum()
    }
}

impl Sum for Units {
    fn sum<I: Iterator<Item = Self>>(units: I) -> Self {
        units.fold(Self::default(), |sum, units| Self {
            table: sum.table + units.table,
            index: sum.index + units.index,
        })
    }
}

impl Call {
    fn of(request: &HttpRequest) -> Self {
        let uri: http::Uri = request.uri().parse().unwrap_or_default();
        let path = uri.path();
        let operation = match dynamodb_operation(request) {
            Some(operation) => operation.to_owned(),
            None if path.ends_with("/invocations") => "Invoke".to_owned(),
            None => format!("{} {path}", request.method()),
        };
        Self { operation, units: Units::default() }
    }

    fn is_read(&self) -> bool {
        ["GetItem", "BatchGetItem", "TransactGetItems", "Query"].contains(&&*self.operation)
    }
}

impl Meter {
    /// A client over `inner` that takes no notes yet.
    pub fn over(inner: SharedHttpClient) -> Self {
        Self { inner, notes: Arc::default() }
    }

    /// Takes note of every call from now on, and forgets those before.
    pub fn start(&self) {
        *self.notes.lock().unwrap_or_else(PoisonError::into_inner) = Some(Notes::default());
    }

    /// Takes no more notes; gives the calls since the start, in the order in which
    /// they were sent. None, where it wasn't started.
    pub fn stop(&self) -> Vec<Call> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner).take();
        notes.map(|notes| std::mem::take(&mut *calls(&notes))).unwrap_or_default()
    }

    fn notes(&self) -> Option<Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn calls(notes: &Notes) -> std::sync::MutexGuard<'_, Vec<Call>> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HttpClient for Meter {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Metering {
            inner: self.inner.http_connector(settings, components),
            meter: self.clone(),
        })
    }
}

#[derive(Debug)]
struct Metering {
    inner: SharedHttpConnector,
    meter: Meter,
}

impl HttpConnector for Metering {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let Some(notes) = self.meter.notes() else { return self.inner.call(request) };
        let place = {
            let mut calls = calls(&notes);
            calls.push(Call::of(&request));
            calls.len() - 1
        };
        if dynamodb_operation(&request).is_none() {
            return self.inner.call(request);
        }
        ask_for_capacity(&mut request);
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let (answer, units) = read(answer.await?).await?;
            // Gone, if the meter was stopped meanwhile.
            if let Some(call) = calls(&notes).get_mut(place) {
                call.units = units;
            }
            Ok(answer)
        })
    }
}

/// The operation that a request asks of DynamoDB, if it goes there.
fn dynamodb_operation(request: &HttpRequest) -> Option<&str> {
    Some(request.headers().get("x-amz-target")?.strip_prefix("DynamoDB_")?.split_once('.')?.1)
}

fn ask_for_capacity(request: &mut HttpRequest) {
    let Some(bytes) = request.body().bytes() else { return };
    let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(bytes) else { return };
    body.insert("ReturnConsumedCapacity".into(), json!("INDEXES"));
    let body = Value::Object(body).to_string();
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
}

/// The same answer, and what it says that the call cost.
async fn read(mut answer: HttpResponse) -> Result<(HttpResponse, Units), ConnectorError> {
    let body = ByteStream::new(answer.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    *answer.body_mut() = SdkBody::from(body);
    Ok((answer, units(&said["ConsumedCapacity"])))
}

/// An operation on one item tells of its table, one on several lists the tables.
fn units(consumed: &Value) -> Units {
    let units = |part: &Value| part["CapacityUnits"].as_f64().unwrap_or_default();
    match consumed {
        Value::Array(tables) => tables.iter().map(self::units).sum(),
        one => Units {
            table: units(&one["Table"]),
            index: ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]
                .iter()
                .filter_map(|indexes| one[indexes].as_object())
                .flat_map(Map::values)
                .map(units)
                .sum(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_and_indexes_are_told_apart_for_one_table_and_for_several() {
        let put = json!({
            "TableName": "t", "CapacityUnits": 3.0, "Table": {"CapacityUnits": 2.0},
            "GlobalSecondaryIndexes": {"GSI1": {"CapacityUnits": 1.0}}
        });
        assert_eq!(units(&put), Units { table: 2.0, index: 1.0 });
        assert_eq!(units(&json!([put, put])), Units { table: 4.0, index: 2.0 });
        assert_eq!(units(&Value::Null), Units::default());
    }

    #[test]
    fn what_reads_is_not_what_writes() {
        let call = |operation: &str| Call {
            operation: operation.into(),
            units: Units { table: 1.0, index: 0.5 },
        };
        let calls = [call("PutItem"), call("BatchGetItem"), call("TransactWriteItems")];
        assert_eq!(Units::written(&calls).total(), 3.0);
        assert_eq!(Units::read(&calls).total(), 1.5);
    }
}
