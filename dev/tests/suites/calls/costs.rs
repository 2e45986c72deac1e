//! The exact cost of an execution, in AWS calls and capacity units. A change of it shows in review.

use std::fmt::Write;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use deployment::call_env::CallEnv;
use serde_json::{Value, json};
use shared::domain::{Clock, FunctionId, Timestamp};
use testkit::TestEnv;
use testkit::meter::{Call, Units};

/// A realistic handler: reads an order, prints some lines, returns a confirmation.
const ORDERS: &str = r#"
def handler(event, context):
    order = event["body"]
    print(f"[INFO] order {order['orderId']} of {order['customer']['email']} received")
    total = 0
    for line in order["lines"]:
        total += line["quantity"] * line["price"]
        print(f"[INFO] reserved {line['quantity']} x {line['sku']} in warehouse ICN-2")
    print(f"[INFO] payment {order['paymentId']} of {total} KRW is authorized")
    return {
        "statusCode": 201,
        "body": {"orderId": order["orderId"], "status": "CONFIRMED", "total": total,
                 "currency": "KRW",
                 "shipping": {"carrier": "CJ Logistics", "days": 2}},
    }
"#;

fn order() -> Value {
    json!({
        "orderId": "ORD-20260131-004217",
        "paymentId": "9f1c2f64-77aa-4c1d-9d52-0b6a7e5d3c18",
        "customer": {"id": 88213, "name": "김민지", "email": "minji.kim@example.com",
                     "phone": "+82 10-5550-0142"},
        "lines": [
            {"sku": "KB-TKL-87-BRN", "name": "Mechanical keyboard", "quantity": 1, "price": 129000},
            {"sku": "CAB-USBC-2M", "name": "USB-C cable, 2 m", "quantity": 3, "price": 8900},
            {"sku": "WR-GEL-BLK", "name": "Wrist rest, gel", "quantity": 1, "price": 24500},
        ],
        "address": {"city": "Seoul", "street": "Teheran-ro 152", "postcode": "06236"},
        "channel": "mobile-app",
        "note": "Please ring twice; leave it with the concierge if nobody answers.",
    })
}

fn operations(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.operation.as_str()).collect()
}

/// The size of a log without its fixed fields: request, response and printed lines, in bytes.
fn content_bytes(log: &Value) -> usize {
    let bodies = log["requestBody"].to_string().len() + log["responseBody"].to_string().len();
    let lines = log["logs"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().len() + 1);
    bodies + lines.sum::<usize>()
}

/// Sets the usage of a function and its workspace to a million executions in each of 25 hours, the
/// largest usage items that there are.
async fn fill_usage(env: &CallEnv, id: &FunctionId, now: Timestamp) {
    let (dynamodb, table) = (&env.env.dynamodb, &env.env.config.table);
    let this_hour = now.epoch_milliseconds() / 3_600_000;
    let number = |n: i64| AttributeValue::N(n.to_string());
    let hours = (this_hour - 24..=this_hour)
        .map(|hour| [hour, 1_234_567, 123_456, 1_234_567_890_123].map(number).to_vec())
        .map(AttributeValue::L);
    let hours = AttributeValue::L(hours.collect());
    for sk in ["METRICS".to_owned(), format!("METRICS#{id}")] {
        dynamodb
            .update_item()
            .table_name(table)
            .key("PK", AttributeValue::S(format!("WS#{}", env.workspace)))
            .key("SK", AttributeValue::S(sk))
            .update_expression("SET hours = :hours")
            .condition_expression("attribute_exists(PK)")
            .expression_attribute_values(":hours", hours.clone())
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn call_makes_three_aws_calls() {
    let env = CallEnv::start().await;
    let id = env.deployed(ORDERS).await;
    let path = ["BatchGetItem", "Invoke", "PutItem"];
    env.env.meter.start();
    assert_eq!(env.call(&id, "POST", "", &order().to_string()).await.status, 201);
    assert_eq!(operations(&env.env.meter.stop()), path, "by its URL");
    env.env.meter.start();
    env.try_out(&id, &order().to_string()).await;
    assert_eq!(operations(&env.env.meter.stop()), path, "from the console");
}

#[tokio::test]
async fn execution_consumes_documented_capacity_units() {
    // A new hour in the middle of a batch would be another item's size.
    let now = Timestamp::now();
    let mut env = TestEnv::start().unwrap();
    env.store = env.store.with_clock(Clock::standing_at(now));
    let env = CallEnv::over(env, Duration::from_secs(26)).await;
    let id = env.deployed(ORDERS).await;
    env.call(&id, "POST", "", &order().to_string()).await;
    env.settle().await;
    fill_usage(&env, &id, now).await;
    let bytes = content_bytes(&env.logs(&id).await[0]);
    assert!((1000..=1100).contains(&bytes), "a log of about 1 KB, not of {bytes} bytes");
    let mut stream = env.env.stream();
    stream.seek_newest().unwrap();

    let mut table = String::from("batch  log: table index  count: table index  written  read\n");
    for batch in [1, 10, 100] {
        env.env.meter.start();
        for _ in 0..batch {
            env.call(&id, "POST", "", &order().to_string()).await;
        }
        let calling = env.env.meter.stop();
        let records = stream.next(1000).unwrap();
        assert_eq!(records.len(), batch);
        env.env.meter.start();
        let answer = env.follow(json!({"Records": records})).await;
        assert_eq!(answer["batchItemFailures"], json!([]));
        let counting = env.env.meter.stop();
        assert_eq!(operations(&counting), ["BatchGetItem", "TransactWriteItems"]);
        // The counter's own writes to the stream need no processing.
        stream.seek_newest().unwrap();

        let (log, count) = (Units::written(&calling), Units::written(&counting));
        let executions = batch as f64;
        let written = (log.total() + count.total()) / executions;
        let read = (Units::read(&calling).total() + Units::read(&counting).total()) / executions;
        let (log_table, log_index) = (log.table / executions, log.index / executions);
        let (count_table, count_index) = (count.table, count.index);
        writeln!(
            table,
            "{batch:5}  {log_table:10} {log_index:5}  {count_table:12} {count_index:5}  \
             {written:7} {read:5}"
        )
        .unwrap();
    }
    // Write units per execution for its log, per batch for counting, and per execution in all.
    assert_eq!(
        table,
        "\
batch  log: table index  count: table index  written  read
    1           1     1             4     1        7     4
   10           1     1             4     1      2.5   2.2
  100           1     1             4     1     2.05  2.02
",
        "\n{table}"
    );
}
