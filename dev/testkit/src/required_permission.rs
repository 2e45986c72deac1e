//! What a call to AWS needs permission for.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http::Uri;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use emulator::ids;
use emulator::template::DEFAULT_REGION;
use emulator::template::policy::RequiredPermission;

/// What `request` needs permission for; a transaction needs several.
///
/// # Panics
/// Where it is a call that isn't known here: a new one must be added.
pub(crate) fn required_permissions(request: &HttpRequest) -> Vec<RequiredPermission> {
    let body = request.body().bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(target) = request.headers().get("x-amz-target") {
        let operation = target.rsplit('.').next().unwrap_or_default();
        return of_dynamodb(operation, &body);
    }
    let uri: Uri = request.uri().parse().expect("the SDK makes valid URIs");
    match Endpoint::of(&uri) {
        Endpoint::Lambda(path) => of_lambda(request.method(), path, &uri, &body),
        Endpoint::Layers(path) => of_layers(request.method(), path, &body),
        Endpoint::S3 { bucket, key } => vec![of_s3(request.method(), bucket, key)],
    }
}

/// What it needs permission for besides, where what it asks for isn't there: without it, S3
/// doesn't say that.
pub(crate) fn required_if_missing(request: &HttpRequest) -> Option<RequiredPermission> {
    let uri: Uri = request.uri().parse().ok()?;
    let is_read = request.method() == "GET" && request.headers().get("x-amz-target").is_none();
    match Endpoint::of(&uri) {
        Endpoint::S3 { bucket, key: Some(_) } if is_read => Some(of_s3("GET", bucket, None)),
        _ => None,
    }
}

fn permission(action: impl Into<String>, resource: String) -> RequiredPermission {
    RequiredPermission { action: action.into(), resource, context: BTreeMap::new() }
}

/// Where a call that is not to DynamoDB goes.
enum Endpoint<'a> {
    /// Lambda, with what follows `/functions` in the path.
    Lambda(&'a str),
    /// Lambda's layers, with what follows `/layers`.
    Layers(&'a str),
    S3 {
        bucket: &'a str,
        key: Option<&'a str>,
    },
}

impl<'a> Endpoint<'a> {
    fn of(uri: &'a Uri) -> Self {
        let path = uri.path().trim_start_matches('/');
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        // Lambda's paths begin with the date of the interface, which is no bucket's name here.
        let is_date = first.len() == 10 && first.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        match (rest.strip_prefix("functions"), rest.strip_prefix("layers")) {
            (Some(below), _) if is_date => Self::Lambda(below.trim_matches('/')),
            (_, Some(below)) if is_date => Self::Layers(below.trim_matches('/')),
            _ => Self::S3 { bucket: first, key: (!rest.is_empty()).then_some(rest) },
        }
    }
}

fn of_dynamodb(operation: &str, body: &Value) -> Vec<RequiredPermission> {
    let on = |action: &str, table: &Value, items: &[&Value]| {
        let name = table.as_str().unwrap_or_default();
        let resource = format!("arn:aws:dynamodb:{DEFAULT_REGION}:{}:table/{name}", ids::ACCOUNT);
        let mut required = permission(format!("dynamodb:{action}"), resource);
        let keys = items.iter().filter_map(|item| item["PK"]["S"].as_str());
        required.context.insert("dynamodb:LeadingKeys", keys.map(str::to_owned).collect());
        required
    };
    match operation {
        "Query" => {
            let values = body["ExpressionAttributeValues"].as_object().into_iter().flatten();
            let leading: Vec<Value> = values
                .filter(|(name, _)| *name == ":pk")
                .map(|(_, value)| serde_json::json!({ "PK": value }))
                .collect();
            let mut required =
                on(operation, &body["TableName"], &leading.iter().collect::<Vec<_>>());
            if let Some(index) = body["IndexName"].as_str() {
                required.resource.push_str(&format!("/index/{index}"));
            }
            vec![required]
        }
        "GetItem" | "UpdateItem" | "DeleteItem" => {
            vec![on(operation, &body["TableName"], &[&body["Key"]])]
        }
        "PutItem" => vec![on(operation, &body["TableName"], &[&body["Item"]])],
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flatten();
            let of_table = tables.map(|(table, wanted)| {
                let requests = wanted.as_array().or(wanted["Keys"].as_array());
                let items: Vec<&Value> = requests
                    .into_iter()
                    .flatten()
                    .map(|request| match request {
                        delete if delete["DeleteRequest"].is_object() => {
                            &delete["DeleteRequest"]["Key"]
                        }
                        put if put["PutRequest"].is_object() => &put["PutRequest"]["Item"],
                        key => key,
                    })
                    .collect();
                on(operation, &Value::from(table.as_str()), &items)
            });
            of_table.collect()
        }
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().into_iter().flatten();
            let writes = items.flat_map(|item| item.as_object().into_iter().flatten());
            let of_write = writes.map(|(kind, write)| match kind.as_str() {
                "Put" => on("PutItem", &write["TableName"], &[&write["Item"]]),
                "Update" => on("UpdateItem", &write["TableName"], &[&write["Key"]]),
                "Delete" => on("DeleteItem", &write["TableName"], &[&write["Key"]]),
                "ConditionCheck" => on("ConditionCheckItem", &write["TableName"], &[&write["Key"]]),
                other => panic!("{other} in a transaction is not known to dev/testkit/src/required_permission.rs"),
            });
            of_write.collect()
        }
        other => {
            panic!("{other} of DynamoDB is not known to dev/testkit/src/required_permission.rs")
        }
    }
}

fn of_s3(method: &str, bucket: &str, key: Option<&str>) -> RequiredPermission {
    let action = match (method, key) {
        ("GET" | "HEAD", None) => "s3:ListBucket",
        ("GET", Some(_)) => "s3:GetObject",
        ("PUT", Some(_)) => "s3:PutObject",
        ("DELETE", Some(_)) => "s3:DeleteObject",
        other => panic!("{other:?} of S3 is not known to dev/testkit/src/required_permission.rs"),
    };
    let key = key.map(|key| format!("/{}", percent_decode_str(key).decode_utf8_lossy()));
    permission(action, format!("arn:aws:s3:::{bucket}{}", key.unwrap_or_default()))
}

fn of_lambda(method: &str, path: &str, uri: &Uri, body: &Value) -> Vec<RequiredPermission> {
    let (name, below) = path.split_once('/').unwrap_or((path, ""));
    let action = match (method, name, below) {
        ("POST", "", "") => "CreateFunction",
        ("GET", _, "") => "GetFunction",
        ("DELETE", _, "") => "DeleteFunction",
        ("GET", _, "configuration") => "GetFunctionConfiguration",
        ("PUT", _, "configuration") => "UpdateFunctionConfiguration",
        ("PUT", _, "code") => "UpdateFunctionCode",
        ("POST", _, "versions") => "PublishVersion",
        ("GET", _, "versions") => "ListVersionsByFunction",
        ("PUT", _, "concurrency") => "PutFunctionConcurrency",
        ("DELETE", _, "concurrency") => "DeleteFunctionConcurrency",
        ("POST", _, "invocations") => "InvokeFunction",
        other => {
            panic!("{other:?} of Lambda is not known to dev/testkit/src/required_permission.rs")
        }
    };
    let name = body["FunctionName"].as_str().filter(|_| name.is_empty()).unwrap_or(name);
    // The product's own Lambdas are named by their ARN.
    let name = percent_decode_str(name).decode_utf8_lossy();
    let mut arn = match name.starts_with("arn:") {
        true => name.into_owned(),
        false => ids::function_arn(DEFAULT_REGION, &name),
    };
    let mut parameters = uri.query().unwrap_or_default().split('&');
    if let Some(version) = parameters.find_map(|pair| pair.strip_prefix("Qualifier=")) {
        arn.push_str(&format!(":{}", percent_decode_str(version).decode_utf8_lossy()));
    }
    let mut all = vec![permission(format!("lambda:{action}"), arn)];
    let layers = body["Layers"].as_array().into_iter().flatten().filter_map(Value::as_str);
    all.extend(layers.map(|layer| permission("lambda:GetLayerVersion", layer.to_owned())));
    if let Some(role) = body["Role"].as_str() {
        let mut pass = permission("iam:PassRole", role.to_owned());
        pass.context.insert("iam:PassedToService", vec!["lambda.amazonaws.com".to_owned()]);
        all.push(pass);
    }
    all
}

fn of_layers(method: &str, path: &str, body: &Value) -> Vec<RequiredPermission> {
    let (name, below) = path.split_once('/').unwrap_or((path, ""));
    let arn = format!("arn:aws:lambda:{DEFAULT_REGION}:{}:layer:{name}", ids::ACCOUNT);
    let version = below.strip_prefix("versions").unwrap_or_default().trim_start_matches('/');
    match (method, version) {
        ("POST", "") => {
            let content = &body["Content"];
            let [bucket, key] = ["S3Bucket", "S3Key"].map(|name| content[name].as_str());
            let object = bucket.zip(key).map(|(bucket, key)| of_s3("GET", bucket, Some(key)));
            let publish = permission("lambda:PublishLayerVersion", arn);
            [publish].into_iter().chain(object).collect()
        }
        ("GET", "") => vec![permission("lambda:ListLayerVersions", "*".to_owned())],
        ("DELETE", version) => {
            vec![permission("lambda:DeleteLayerVersion", format!("{arn}:{version}"))]
        }
        other => {
            panic!("{other:?} of layers is not known to dev/testkit/src/required_permission.rs")
        }
    }
}
