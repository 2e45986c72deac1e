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
      Timeout: "5"
      Role: !GetAtt Role.Arn
      Environment:
        Variables:
          LEVEL: debug
          TABLE: !Ref Table
          SUB: !Sub "${AWS::StackName}-${Name}-${Bucket}-${!Literal}"
          SUB2: !Sub ["${X}/${AWS::Region}", {X: !Select [1, !Split ["-", a-b-c]]}]
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
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {BucketName: !Ref Name}
"#;

fn with(from: &str, to: &str) -> Result<Template, TemplateError> {
    assert!(TEMPLATE.contains(from), "{from}");
    Template::parse(&TEMPLATE.replacen(from, to, 1), "eu-west-1")
}

#[test]
fn everything_that_the_stack_follows_is_resolved() {
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
            ("SUB2", "b/eu-west-1"),
            ("TABLE", "things-table"),
        ]
    );
    let routes: Vec<&str> = one.routes.iter().map(crate::route::Route::key).collect();
    assert_eq!(routes, ["GET /a/{id}", "ANY /b", "$default"]);
}

#[test]
fn errors_name_the_place_and_the_remedy() {
    let cases = [
        (
            "{BucketName: !Ref Name}",
            "{BucketName: !Ref Nmae}",
            "Resources.Bucket.Properties.BucketName refers to Nmae, which is neither",
        ),
        ("{BucketName: !Ref Name}", "{A: b}", "Resources.Bucket.Properties.BucketName is missing"),
        ("LEVEL: debug", "LEVEL: !GetAtt Api.Id", "Variables.LEVEL needs Api.Id, which does not"),
        ("LEVEL: debug", "LEVEL: !Ref Api", "refers to Api, whose name or id does not exist"),
        ("LEVEL: debug", "LEVEL: !Cidr [a]", "Variables.LEVEL uses Fn::Cidr"),
        ("LEVEL: debug", "LEVEL: !Ref Origins", "Variables.LEVEL is not one plain value"),
        ("LEVEL: debug", "LEVEL: !Select [9, [a]]", "selects an item that is not in the list"),
        ("LEVEL: debug", "LEVEL: !If [Nope, a, b]", "names the condition Nope"),
        ("LEVEL: debug", "LEVEL: !Join [a]", "something else than a list of 2"),
        ("LEVEL: debug", "LEVEL: !Sub 'a${b'", "has a ${ without its }"),
        ("Default: things", "AllowedPattern: x", "Parameters.Name.Default is missing"),
        ("{Binary: one}", "{}", "Resources.One.Metadata.BuildProperties.Binary is missing"),
        ("AllowCredentials: true", "MaxAge2: 1", "AllowCredentials is not true"),
        ("!Equals [!Ref Stage, dev]", "!Condition Either", "refers to itself in a circle"),
        ("Path: /b", "Path: /b/", "a route can't end in a slash"),
        (
            "Type: AWS::S3::Bucket",
            "Type: AWS::S3::Bucket\n    Condition: IsProd",
            "has 0 resources of the type AWS::S3::Bucket",
        ),
    ];
    for (from, to, expected) in cases {
        let said = with(from, to).unwrap_err().to_string();
        assert!(said.contains(expected) && said.contains("; "), "{to}: {said}");
    }
}

#[test]
fn a_file_that_is_no_template_is_told() {
    let said = Template::parse("A: [1\nB: 2", "r").unwrap_err().to_string();
    assert!(said.contains("line 2"), "{said}");
    for text in ["", "- a", "text"] {
        let said = Template::parse(text, "r").unwrap_err().to_string();
        assert!(said.contains("is not a mapping"), "{said}");
    }
    let said = Template::read(Path::new("/nowhere/template.yaml"), "r").unwrap_err().to_string();
    assert!(said.contains("/nowhere/template.yaml can't be read"), "{said}");
}

#[test]
fn the_repositorys_own_template_is_followed() {
    let path = crate::project::source_root().join("template.yaml");
    let template = Template::read(&path, DEFAULT_REGION).unwrap();
    assert!(template.cors.is_some());
    for function in &template.functions {
        let name = &function.logical_id;
        assert!(!function.routes.is_empty() || !function.mappings.is_empty(), "{name}");
        assert!(function.environment.contains_key("ALLOWED_ORIGINS"), "{name}");
    }
}
