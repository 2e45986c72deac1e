//! Times in workspaces.

use aws_sdk_dynamodb::types::AttributeValue;
use shared::domain::{Clock, Expected, Owner, Timestamp};
use testkit::TestEnv;

#[tokio::test]
async fn deleted_workspace_has_its_deleted_at_from_the_stores_clock() {
    let env = TestEnv::start().unwrap();
    let workspace = env.new_workspace().await;
    let time = "2030-01-31T09:05:00.123Z".parse::<Timestamp>().unwrap();
    let store = env.store.clone().with_clock(Clock::standing_at(time));
    store.delete_workspace(&Owner::anonymous(), &workspace, &Expected::Any).await.unwrap();
    let read = env.dynamodb.get_item().table_name(&env.config.table);
    let read = read.key("PK", AttributeValue::S(format!("WS#{workspace}")));
    let read = read.key("SK", AttributeValue::S("METADATA".into())).send().await;
    let item = read.unwrap().item.unwrap();
    assert_eq!(item["deletedAt"], AttributeValue::S(time.to_string()));
}
