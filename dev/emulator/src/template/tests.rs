use std::time::Duration;

use serde_json::json;

use super::*;

const TEMPLATE: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Name: {Type: String, Default: things}
  Origins: {Type: CommaDelimitedList, Default: "http://a, http://b"}
  Stage: {Type: String, Default: dev}
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  IsProd: !Not [!Condition IsDev]
  Either: !Or [!Condition IsProd, !And [!Condition IsDev, !Equals [a, a]]]
Globals:
  Function:
    MemorySize: 512
    Environment:
      Variables:
        ORIGINS: !Join [",", !Ref Origins]
        LEVEL: info
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration:
        AllowOrigins: !Ref Origins
        AllowCredentials: true
        AllowMethods: [GET]
        AllowHeaders: [Content-Type]
        ExposeHeaders: [ETag]
        MaxAge: 60
  One:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: one}}
    Properties:
      Timeout: 5
      Role: !GetAtt Role.Arn
      Environment:
        Variables:
          LEVEL: debug
          TABLE: !Ref Table
          SUB: !Sub "${AWS::StackName}-${Name}-${Bucket}-${!Literal}"
          IF: !If [Either, !If [IsProd, p, d], n]
          NONE: !If [IsProd, x, !Ref AWS::NoValue]
          ARN: !Sub "${Table.Arn}/index/*"
          LONG: {"Fn::Join": ["", [{Ref: Name}, "!"]]}
          NUMBER: 5
      Events:
        A: {Type: HttpApi, Properties: {Path: "/a/{id}", Method: get}}
        B: {Type: HttpApi, Properties: {Path: /b}}
        C: {Type: HttpApi}
        D: {Type: Schedule, Properties: {Schedule: rate(1 hour)}}
  Never:
    Type: AWS::Serverless::Function
    Condition: IsProd
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub "${Name}-table"
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: PK, AttributeType: S}]
      KeySchema: [{AttributeName: PK, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
      SSESpecification: {SSEEnabled: true}
  Role:
    Type: AWS::IAM::Role
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {BucketName: !Ref Name}
"#;

fn with(from: &str, to: &str) -> Result<Template, TemplateError> {
    assert!(TEMPLATE.contains(from), "{from}");
    Template::parse(&TEMPLATE.replacen(from, to, 1), "eu-west-1")
}

#[test]
fn everything_that_the_local_stack_needs_is_resolved() {
    let template = Template::parse(TEMPLATE, "eu-west-1").unwrap();
    assert_eq!(template.bucket, "things");
    assert_eq!(template.table.name, "things-table");
    assert_eq!(template.table.ttl_attribute.as_deref(), Some("ttl"));
    assert_eq!(
        template.table.create_request,
        json!({
            "TableName": "things-table",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "PK", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}],
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE", "StreamEnabled": true},
        })
    );
    let cors = template.cors.unwrap();
    assert_eq!(cors.origins, ["http://a", "http://b"]);
    assert_eq!((&cors.exposed_headers[..], cors.max_age), (&["ETag".to_owned()][..], 60));

    let [one] = &template.functions[..] else { panic!("the other one's condition is false") };
    assert_eq!((one.logical_id.as_str(), one.binary.as_str()), ("One", "one"));
    assert_eq!((one.memory_mb, one.timeout), (512, Duration::from_secs(5)));
    let environment: Vec<(&str, &str)> =
        one.environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        environment,
        [
            ("ARN", "arn:aws:dynamodb:eu-west-1:000000000000:table/things-table/index/*"),
            ("IF", "d"),
            ("LEVEL", "debug"),
            ("LONG", "things!"),
            ("NUMBER", "5"),
            ("ORIGINS", "http://a,http://b"),
            ("SUB", "local-things-things-${Literal}"),
            ("TABLE", "things-table"),
        ]
    );
    let routes: Vec<&str> = one.routes.iter().map(crate::route::Route::key).collect();
    assert_eq!(routes, ["GET /a/{id}", "ANY /b", "$default"]);
}

#[test]
fn an_error_names_the_place() {
    let variable = "Resources.One.Properties.Environment.Variables.LEVEL is not one plain value";
    let cases = [
        (
            "{BucketName: !Ref Name}",
            "{BucketName: !Ref Nmae}",
            "Bucket.Properties.BucketName can't be used",
        ),
        ("{BucketName: !Ref Name}", "{A: b}", "Resources.Bucket.Properties can't be used: missing"),
        ("LEVEL: debug", "LEVEL: !GetAtt Api.Id", variable),
        ("LEVEL: debug", "LEVEL: !Ref Api", variable),
        ("LEVEL: debug", "LEVEL: !Cidr [a]", variable),
        ("LEVEL: debug", "LEVEL: !Ref Origins", variable),
        ("LEVEL: debug", "LEVEL: !If [Nope, a, b]", variable),
        ("LEVEL: debug", "LEVEL: !Join [a]", variable),
        ("LEVEL: debug", "LEVEL: !Sub 'a${b'", variable),
        (
            "!Equals [!Ref Stage, dev]",
            "!Condition Either",
            "Resources.Never.Metadata.BuildProperties can't be used",
        ),
        ("Timeout: 5", "Timeout: soon", "Resources.One.Properties.Timeout can't be used"),
        ("{Binary: one}", "{}", "Resources.One.Metadata.BuildProperties can't be used: missing"),
        ("Path: /b", "Path: /b/", "a route can't end in a slash"),
        (
            "Type: AWS::S3::Bucket",
            "Type: AWS::S3::Bucket\n    Condition: IsProd",
            "has 0 resources of the type AWS::S3::Bucket",
        ),
    ];
    for (from, to, expected) in cases {
        let message = with(from, to).unwrap_err().to_string();
        assert!(message.contains(expected), "{to}: {message}");
    }
}

#[test]
fn a_file_that_is_not_a_template_is_an_error() {
    let message = Template::parse("A: [1\nB: 2", "r").unwrap_err().to_string();
    assert!(message.contains("line 2"), "{message}");
    for text in ["", "- a", "text"] {
        let message = Template::parse(text, "r").unwrap_err().to_string();
        assert!(message.contains("has 0 resources of the type"), "{message}");
    }
    let message = Template::read(Path::new("/nowhere/template.yaml"), "r").unwrap_err().to_string();
    assert!(message.contains("/nowhere/template.yaml can't be read"), "{message}");
}

#[test]
fn the_template_of_this_repository_is_read() {
    let path = crate::project::source_root().join("template.yaml");
    let template = Template::read(&path, DEFAULT_REGION).unwrap();
    assert!(template.cors.is_some());
    for function in &template.functions {
        let name = &function.logical_id;
        // These two are invoked by others.
        let is_invoked = ["packages", "builder"].contains(&function.binary.as_str());
        let has_events = !function.routes.is_empty() || !function.mappings.is_empty();
        assert!(has_events || is_invoked, "{name}");
        assert!(function.environment.contains_key("ALLOWED_ORIGINS"), "{name}");
    }
}
