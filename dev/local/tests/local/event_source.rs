//! The table's stream, and what follows it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use emulator::data_folder::DataFolder;
use emulator::event_source::mapping::Mapping;
use emulator::event_source::{self, Poller, Undrained};
use emulator::process::Launcher;
use emulator::stores::Stores;
use emulator::stream::sequence_number;
use emulator::template::{DEFAULT_REGION, Template};
use local::stack::{Options, Stack};
use serde_json::{Value, json};
use testkit;

/// A template of one function without routes, with these lines for its event.
fn template(event: &str) -> String {
    format!(
        r#"
Resources:
  Poller:
    Type: AWS::Serverless::Function
    Metadata: {{BuildProperties: {{Binary: follower}}}}
    Properties:
      Timeout: 10
      Environment: {{Variables: {{WRITE_TO: "WHERE"}}}}
      Events:
        Changes:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            StartingPosition: TRIM_HORIZON
{event}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: things
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: PK, AttributeType: S}}]
      KeySchema: [{{AttributeName: PK, KeyType: HASH}}]
      StreamSpecification: {{StreamViewType: NEW_AND_OLD_IMAGES}}
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {{BucketName: things}}
"#
    )
}

struct Bench {
    stores: Stores,
    dynamodb: Client,
    mapping: Mapping,
}

fn bench(event: &str) -> Bench {
    let mut template = Template::parse(&template(event), DEFAULT_REGION).unwrap();
    let stores = Stores::ephemeral(&template).unwrap();
    let dynamodb = client(&stores);
    Bench { stores, dynamodb, mapping: template.functions[0].mappings.remove(0) }
}

impl Bench {
    fn follower(&self) -> [Poller; 1] {
        let reader = self.stores.stream_reader().unwrap();
        [Poller::new(self.mapping.clone(), reader, None).unwrap()]
    }
}

fn client(stores: &Stores) -> Client {
    testkit::clients(stores, aws_smithy_http_client::Builder::new().build_http()).0
}

async fn put(dynamodb: &Client, key: &str, value: &str) {
    let put = dynamodb.put_item().table_name("things");
    let put = put.item("PK", AttributeValue::S(key.to_owned()));
    put.item("value", AttributeValue::S(value.to_owned())).send().await.unwrap();
}

fn keys(records: &[Value]) -> Vec<&str> {
    records.iter().map(|r| r["dynamodb"]["Keys"]["PK"]["S"].as_str().unwrap()).collect()
}

fn keys_of_event(event: &Value) -> String {
    keys(event["Records"].as_array().unwrap()).join(" ")
}

#[tokio::test]
async fn records_have_the_form_that_lambda_gives_them() {
    let bench = bench("");
    let mut reader = bench.stores.stream_reader().unwrap();
    assert!(reader.next(10).unwrap().is_empty());
    put(&bench.dynamodb, "a", "1").await;
    put(&bench.dynamodb, "a", "2").await;
    let delete = bench.dynamodb.delete_item().table_name("things");
    delete.key("PK", AttributeValue::S("a".to_owned())).send().await.unwrap();
    let records = reader.next(10).unwrap();
    let names: Vec<&Value> = records.iter().map(|r| &r["eventName"]).collect();
    assert_eq!(names, ["INSERT", "MODIFY", "REMOVE"]);
    let record = &records[1];
    assert_eq!(record["eventVersion"], "1.1");
    assert_eq!(record["eventSource"], "aws:dynamodb");
    assert_eq!(record["awsRegion"], DEFAULT_REGION);
    let arn = record["eventSourceARN"].as_str().unwrap();
    let stream = "arn:aws:dynamodb:ap-northeast-2:000000000000:table/things/stream/";
    assert!(arn.starts_with(stream), "{arn}");
    let change = &record["dynamodb"];
    assert_eq!(change["Keys"], json!({"PK": {"S": "a"}}));
    assert_eq!(change["OldImage"], json!({"PK": {"S": "a"}, "value": {"S": "1"}}));
    assert_eq!(change["NewImage"], json!({"PK": {"S": "a"}, "value": {"S": "2"}}));
    assert_eq!(change["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert!(change["ApproximateCreationDateTime"].is_u64() && change["SizeBytes"].is_u64());
    assert!(!record["eventID"].as_str().unwrap().is_empty());

    assert!(reader.next(10).unwrap().is_empty());
    reader.seek(Some(sequence_number(&records[0]).to_owned()));
    assert_eq!(reader.next(1).unwrap(), records[1..2]);
    assert_eq!(bench.stores.stream_reader().unwrap().next(2).unwrap(), records[..2]);
}

#[tokio::test]
async fn a_transactions_records_keep_their_order() {
    let bench = bench("");
    let order = ["m", "z", "a", "k", "b"];
    let mut transaction = bench.dynamodb.transact_write_items();
    for key in order {
        let put = Put::builder().table_name("things").item("PK", AttributeValue::S(key.into()));
        transaction = transaction
            .transact_items(TransactWriteItem::builder().put(put.build().unwrap()).build());
    }
    transaction.send().await.unwrap();
    let records = bench.stores.stream_reader().unwrap().next(10).unwrap();
    assert_eq!(keys(&records), order);
    let numbers: Vec<&str> = records.iter().map(sequence_number).collect();
    assert!(numbers.is_sorted() && numbers.iter().all(|n| n.len() == 21), "{numbers:?}");
}

#[tokio::test]
async fn the_stream_outlives_the_stores() {
    let place = tempfile::tempdir().unwrap();
    let template = Template::parse(&template(""), DEFAULT_REGION).unwrap();
    let mut numbers = Vec::new();
    for key in ["a", "b"] {
        let folder = DataFolder::open(place.path()).unwrap();
        let stores = Stores::open(&folder, &template).unwrap();
        put(&client(&stores), key, "1").await;
        let records = stores.stream_reader().unwrap().next(10).unwrap();
        numbers = records.iter().map(|r| sequence_number(r).to_owned()).collect();
    }
    assert!(numbers.len() == 2 && numbers.is_sorted(), "{numbers:?}");
}

#[tokio::test]
async fn a_function_is_given_what_its_filter_takes_in_batches() {
    let bench = bench(
        r#"            BatchSize: 2
            FilterCriteria:
              Filters:
                - Pattern: '{"dynamodb": {"Keys": {"PK": {"S": [{"prefix": "yes"}]}}}}'
                - Pattern: '{"eventName": ["REMOVE"]}'
"#,
    );
    let mut followers = bench.follower();
    for key in ["yes 1", "no 1", "yes 2", "yes 3", "no 2"] {
        put(&bench.dynamodb, key, "1").await;
    }
    let seen = RefCell::new(Vec::new());
    let deliver = |name: &str, event: Value| {
        assert_eq!(name, "Poller.Changes");
        seen.borrow_mut().push(keys_of_event(&event));
        async { Ok(Value::Null) }
    };
    assert_eq!(event_source::drain(&mut followers, deliver).await.unwrap(), 3);
    assert_eq!(seen.take(), ["yes 1 yes 2", "yes 3"]);
    assert_eq!(event_source::drain(&mut followers, deliver).await.unwrap(), 0);
    put(&bench.dynamodb, "yes 4", "1").await;
    assert_eq!(event_source::drain(&mut followers, deliver).await.unwrap(), 1);
    assert_eq!(seen.take(), ["yes 4"]);
}

#[tokio::test]
async fn a_batch_goes_on_from_the_first_record_that_failed() {
    let bench = bench("            FunctionResponseTypes: [ReportBatchItemFailures]\n");
    for key in ["a", "b", "c"] {
        put(&bench.dynamodb, key, "1").await;
    }
    let seen = RefCell::new(Vec::new());
    let deliver = |_: &str, event: Value| {
        seen.borrow_mut().push(keys_of_event(&event));
        let first = seen.borrow().len() == 1;
        let failed = if first { sequence_number(&event["Records"][1]) } else { "" };
        let failed = json!({"batchItemFailures": [{"itemIdentifier": failed}]});
        let answer = if seen.borrow().len() < 3 { failed } else { json!({}) };
        async { Ok(answer) }
    };
    assert_eq!(event_source::drain(&mut bench.follower(), deliver).await.unwrap(), 2);
    // The second answer names no record, which is a failure of them all.
    assert_eq!(seen.take(), ["a b c", "b c", "b c"]);
}

#[tokio::test]
async fn what_fails_for_good_is_dropped_where_the_mapping_says_so() {
    let failing = |event: Value| async move {
        if keys_of_event(&event).contains("bad") {
            Err("told to".to_owned())
        } else {
            Ok(json!({}))
        }
    };
    let bench = self::bench(
        "            MaximumRetryAttempts: 1\n            BisectBatchOnFunctionError: true\n",
    );
    for key in ["a", "b", "bad", "c"] {
        put(&bench.dynamodb, key, "1").await;
    }
    let seen = RefCell::new(Vec::new());
    let deliver = |_: &str, event: Value| {
        seen.borrow_mut().push(keys_of_event(&event));
        failing(event)
    };
    assert_eq!(event_source::drain(&mut bench.follower(), deliver).await.unwrap(), 3);
    assert_eq!(seen.take(), ["a b bad c", "a b", "bad c", "bad", "bad", "c"]);

    let bench = self::bench("");
    put(&bench.dynamodb, "bad", "1").await;
    let stuck =
        event_source::drain(&mut bench.follower(), |_, event| failing(event)).await.unwrap_err();
    assert!(matches!(stuck, Undrained::Failing { .. }), "{stuck}");
}

fn options(root: &Path, data: &Path) -> Options {
    let test = std::env::current_exe().unwrap();
    let example = test.ancestors().nth(2).unwrap().join("examples/follower_lambda");
    Options {
        root: root.to_owned(),
        port: 0,
        data: Some(data.to_owned()),
        sign_in: None,
        watch: false,
        launcher: Launcher::Direct,
        binaries: Some(BTreeMap::from([("follower".to_owned(), example)])),
    }
}

#[tokio::test]
async fn a_stack_feeds_its_functions_and_goes_on_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let written = root.path().join("written");
    let text = template("            MaximumBatchingWindowInSeconds: 300\n");
    let text = text.replace("WHERE", written.to_str().unwrap());
    std::fs::write(root.path().join("template.yaml"), text).unwrap();
    let data = root.path().join("data");
    let seen = || -> Vec<String> {
        let text = std::fs::read_to_string(&written).unwrap_or_default();
        // A line without its end is still being written.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(|line| keys_of_event(&serde_json::from_str(line).unwrap())).collect()
    };
    let until = async |key: &str| {
        for _ in 0..2000 {
            if seen().last().is_some_and(|last| last.ends_with(key)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{key} does not come: {:?}", seen());
    };
    let stack = Stack::start(options(root.path(), &data)).await.unwrap();
    let dynamodb = client(stack.stores());
    put(&dynamodb, "a", "1").await;
    put(&dynamodb, "b", "1").await;
    until("b").await;
    let place = data.join("streams/Poller.Changes.json");
    let mut reader = stack.stores().stream_reader().unwrap();
    let last = sequence_number(reader.next(10).unwrap().last().unwrap()).to_owned();
    for _ in 0..2000 {
        if std::fs::read_to_string(&place).is_ok_and(|text| text.contains(&last)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stack.stop().await;
    let before = seen().len();

    let stack = Stack::start(options(root.path(), &data)).await.unwrap();
    put(&client(stack.stores()), "c", "1").await;
    until("c").await;
    assert_eq!(seen()[before..], ["c"]);
    stack.stop().await;
}

#[test]
fn a_mapping_that_cant_be_followed_is_told() {
    let told =
        |event: &str| Template::parse(&template(event), DEFAULT_REGION).unwrap_err().to_string();
    let filter =
        r#"            FilterCriteria: {Filters: [{Pattern: '{"a": [{"suffix": "b"}]}'}]}"#;
    let said = told(filter);
    assert!(said.contains("Poller.Properties.Events.Changes.Properties.FilterCriteria"), "{said}");
    assert!(said.contains("Filters.0.Pattern has {\"suffix\":\"b\"} at a, which is not"), "{said}");
    assert!(told("            Topics: [a]").contains("Topics is not followed"));
    assert!(told("            BatchSize: many").contains("BatchSize is not a whole number"));
    let without = template("").replace("TRIM_HORIZON", "NOW");
    let said = Template::parse(&without, DEFAULT_REGION).unwrap_err().to_string();
    assert!(said.contains("StartingPosition is neither"), "{said}");
}
