//! What calls to AWS there are, and what they cost.

use std::iter::Sum;
use std::ops::RangeInclusive;
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
type Notes = Arc<Mutex<Noted>>;

#[derive(Debug, Default)]
struct Noted {
    calls: Vec<Call>,
    /// How often a call was sent or answered.
    moments: usize,
}

/// A call. One that the SDK repeats is several.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `PutItem` of DynamoDB, `Invoke` of Lambda; method and path for everything else.
    pub operation: String,
    /// What DynamoDB said that it cost; nothing for the other services.
    pub units: Units,
    /// Bytes of what was asked and answered, without headers.
    pub bytes: u64,
    /// When it was sent, and when it was answered, in the order of all that happened; it wasn't
    /// answered before the meter was stopped where this is the last moment of all.
    time: RangeInclusive<usize>,
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
        let bytes = request.body().content_length().unwrap_or_default();
        Self { operation, units: Units::default(), bytes, time: 0..=usize::MAX }
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
        notes.map(|notes| std::mem::take(&mut *noted(&notes)).calls).unwrap_or_default()
    }

    fn notes(&self) -> Option<Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How many of `calls` had to wait for each other: the longest row in which each was sent after
/// the one before was answered.
pub fn depth(calls: &[Call]) -> usize {
    let mut depths: Vec<usize> = Vec::new();
    // In the order in which they were sent, so whatever one waited for stands before it.
    for call in calls {
        let before = calls.iter().zip(&depths).filter(|(c, _)| c.time.end() < call.time.start());
        depths.push(before.map(|(_, depth)| depth + 1).max().unwrap_or(1));
    }
    depths.into_iter().max().unwrap_or_default()
}

fn noted(notes: &Notes) -> std::sync::MutexGuard<'_, Noted> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Noted {
    fn sent(&mut self, mut call: Call) -> usize {
        call.time = self.moments..=usize::MAX;
        self.moments += 1;
        self.calls.push(call);
        self.calls.len() - 1
    }

    fn answered(&mut self, place: usize, units: Units, bytes: u64) {
        // Gone, if the meter was stopped meanwhile.
        let Some(call) = self.calls.get_mut(place) else { return };
        call.units = units;
        call.bytes += bytes;
        call.time = *call.time.start()..=self.moments;
        self.moments += 1;
    }
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
        let place = noted(&notes).sent(Call::of(&request));
        ask_for_capacity(&mut request);
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let read = async { read(answer.await?).await }.await;
            let (units, bytes) = read.as_ref().map(|(_, u, b)| (*u, *b)).unwrap_or_default();
            noted(&notes).answered(place, units, bytes);
            Ok(read?.0)
        })
    }
}

/// The operation that a request asks of DynamoDB, if it goes there.
fn dynamodb_operation(request: &HttpRequest) -> Option<&str> {
    Some(request.headers().get("x-amz-target")?.strip_prefix("DynamoDB_")?.split_once('.')?.1)
}

fn ask_for_capacity(request: &mut HttpRequest) {
    if dynamodb_operation(request).is_none() {
        return;
    }
    let Some(bytes) = request.body().bytes() else { return };
    let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(bytes) else { return };
    body.insert("ReturnConsumedCapacity".into(), json!("INDEXES"));
    let body = Value::Object(body).to_string();
    request.headers_mut().insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
}

/// The same answer, what it says that the call cost, and its bytes but for that.
async fn read(mut answer: HttpResponse) -> Result<(HttpResponse, Units, u64), ConnectorError> {
    let body = ByteStream::new(answer.take_body()).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let mut said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut bytes = body.len();
    let mut used = Units::default();
    if let Some(consumed) = said.as_object_mut().and_then(|said| said.remove("ConsumedCapacity")) {
        used = units(&consumed);
        bytes = said.to_string().len();
    }
    *answer.body_mut() = SdkBody::from(body);
    Ok((answer, used, bytes as u64))
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
        let calls = ["PutItem", "BatchGetItem", "TransactWriteItems"];
        let calls = calls.map(|operation| call(operation, 0..=1));
        assert_eq!(Units::written(&calls).total(), 3.0);
        assert_eq!(Units::read(&calls).total(), 1.5);
    }

    fn call(operation: &str, time: RangeInclusive<usize>) -> Call {
        let units = Units { table: 1.0, index: 0.5 };
        Call { operation: operation.into(), units, bytes: 0, time }
    }

    #[test]
    fn calls_at_once_are_one_deep() {
        let deep = |times: &[RangeInclusive<usize>]| {
            let calls: Vec<_> = times.iter().map(|time| call("GetItem", time.clone())).collect();
            depth(&calls)
        };
        assert_eq!(deep(&[]), 0);
        assert_eq!(deep(&[0..=3, 1..=2]), 1, "at once");
        assert_eq!(deep(&[0..=2, 1..=4, 3..=5]), 2, "the third waited for the first");
        assert_eq!(deep(&[0..=1, 2..=3, 4..=usize::MAX]), 3, "one after the other");
    }
}
