//! The stores through the AWS SDK, with the repository's own template.

use std::time::Duration;

use crate::test_engine::TIMEOUT;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::Builder;
use emulator::data_folder::DataFolder;
use emulator::project;
use emulator::stores::{Stores, StoresError};
use emulator::template::{DEFAULT_REGION, Template};
use testkit::{TestEnv, clients};

fn template() -> Template {
    Template::read(&project::source_root().join("template.yaml"), DEFAULT_REGION).unwrap()
}

#[tokio::test]
async fn the_stores_have_the_templates_table_and_bucket() {
    let env = TestEnv::start().unwrap();
    let described = env.dynamodb.describe_table().table_name(&env.config.table).send().await;
    let table = described.unwrap();
    let table = table.table().unwrap();
    assert_eq!(table.global_secondary_indexes()[0].index_name(), Some("GSI1"));
    assert_eq!(table.stream_specification().map(|s| s.stream_enabled()), Some(true));
    let described = env.dynamodb.describe_time_to_live().table_name(&env.config.table).send().await;
    let ttl = described.unwrap();
    assert_eq!(ttl.time_to_live_description().unwrap().attribute_name(), Some("expiresAt"));
    env.s3.head_bucket().bucket(&env.config.bucket).send().await.unwrap();
}

#[tokio::test]
async fn expired_items_are_deleted_once_sweeping_has_started() {
    let env = TestEnv::start().unwrap();
    let key = |name| AttributeValue::S(format!("WS#{name}"));
    // Long past, and not for a thousand years.
    for (name, end) in [("expired", "1"), ("not-expired", "33000000000")] {
        let put = env.dynamodb.put_item().table_name(&env.config.table).item("PK", key(name));
        let put = put.item("SK", AttributeValue::S("METADATA".to_owned()));
        put.item("expiresAt", AttributeValue::N(end.to_owned())).send().await.unwrap();
    }
    let names = async || {
        let scan = env.dynamodb.scan().table_name(&env.config.table).consistent_read(true);
        let items = scan.send().await.unwrap().items.unwrap();
        let mut names: Vec<_> = items.into_iter().map(|item| item["PK"].clone()).collect();
        names.sort_by_key(|name| name.as_s().unwrap().clone());
        names
    };
    assert_eq!(names().await, [key("expired"), key("not-expired")], "nothing is deleted before");
    env.stores().start_sweeping();
    let swept = async {
        while names().await != [key("not-expired")] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, swept).await.expect("the expired item is deleted");
}

#[tokio::test]
async fn data_survive_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let template = template();
    {
        let folder = DataFolder::open(place.path()).unwrap();
        let stores = Stores::open(&folder, &template).unwrap();
        let (dynamodb, s3) = clients(&stores, Builder::new().build_http());
        dynamodb
            .put_item()
            .table_name(&template.table.name)
            .item("PK", AttributeValue::S("WS#1".to_owned()))
            .item("SK", AttributeValue::S("METADATA".to_owned()))
            .send()
            .await
            .unwrap();
        s3.put_object()
            .bucket(&template.bucket)
            .key("ws-1/fn-1.py")
            .body(b"print('hi')".to_vec().into())
            .send()
            .await
            .unwrap();
    }
    let folder = DataFolder::open(place.path()).unwrap();
    let stores = Stores::open(&folder, &template).unwrap();
    let (dynamodb, s3) = clients(&stores, Builder::new().build_http());
    let item = dynamodb
        .get_item()
        .table_name(&template.table.name)
        .key("PK", AttributeValue::S("WS#1".to_owned()))
        .key("SK", AttributeValue::S("METADATA".to_owned()))
        .send()
        .await
        .unwrap();
    assert!(item.item().is_some());
    let object = s3.get_object().bucket(&template.bucket).key("ws-1/fn-1.py").send().await.unwrap();
    assert_eq!(&object.body.collect().await.unwrap().into_bytes()[..], b"print('hi')");
}

#[tokio::test]
async fn a_table_of_another_template_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    let mut template = template();
    let folder = DataFolder::open(place.path()).unwrap();
    drop(Stores::open(&folder, &template).unwrap());
    let indexes = &mut template.table.create_request["GlobalSecondaryIndexes"];
    indexes[0]["IndexName"] = "GSI2".into();
    let error = Stores::open(&folder, &template).unwrap_err();
    assert!(matches!(error, StoresError::OtherTemplate { .. }));
    let message = error.to_string();
    for part in ["GSI1", "GSI2", "move", place.path().to_str().unwrap()] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_damaged_database_is_an_error() {
    let place = tempfile::tempdir().unwrap();
    let template = template();
    let folder = DataFolder::open(place.path()).unwrap();
    drop(Stores::open(&folder, &template).unwrap());
    let mut file = std::fs::read(folder.dynamodb_file()).unwrap();
    file[16..].fill(0xff);
    for leftover in ["dynamodb.sqlite-wal", "dynamodb.sqlite-shm"] {
        let path = place.path().join(leftover);
        assert!(!path.exists() || std::fs::remove_file(path).is_ok());
    }
    std::fs::write(folder.dynamodb_file(), file).unwrap();
    let message = Stores::open(&folder, &template).unwrap_err().to_string();
    assert!(message.contains("damaged"), "{message}");
}
