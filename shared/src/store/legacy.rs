//! Items as the earlier backend wrote them, brought to the present form.
//!
//! Its workspaces and functions have no version, and the identifiers of its logs
//! no `log-`: that tells them from ours. What is to become of an item is found out
//! by methods that write nothing, and carried out by others, each of which can be
//! cut short anywhere and done again.
//!
//! The order is a workspace, then its functions, then their logs, because others
//! follow the table's stream meanwhile. A log that is new to them is counted where
//! there are figures of its function and is removed as a stray where there are
//! none; a function's figures come with the function, in one transaction.

mod function;
mod json;
mod log;
mod workspace;

use std::collections::HashMap;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeValue, IndexStatus, KeyType, ProjectionType, Put, StreamViewType, TableDescription,
    TimeToLiveStatus, TransactWriteItem,
};
use backon::Retryable;
use serde_json::Value;

pub use function::LegacyFunction;
pub use log::{LegacyLog, LegacyLogs, PageToken};
pub use workspace::LegacyWorkspace;

use super::keys::{self, FUNCTION_PREFIX, INDEX, INDEX_PK, INDEX_SK, Key, LOG_PREFIX, PK, SK};
use super::transaction::{TransactionResult, retry_policy};
use super::update::Expression;
use super::{Item, Store};
use crate::aws::failure::failure;
use crate::domain::{Fields, FunctionId, LogId, Timestamp, ValidationError, WorkspaceId};
use crate::error::Error;

/// What stands at a key of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A workspace.
    Workspace {
        /// Its identifier.
        id: WorkspaceId,
        /// Whether the earlier backend wrote it.
        is_earlier: bool,
    },
    /// A function.
    Function {
        /// Its workspace.
        workspace: WorkspaceId,
        /// Its identifier.
        id: FunctionId,
        /// Whether the earlier backend wrote it.
        is_earlier: bool,
    },
    /// The log of an execution.
    Log {
        /// The function that ran.
        function: FunctionId,
        /// Whether the earlier backend wrote it.
        is_earlier: bool,
    },
    /// Usage, counts or a note, which only we write.
    Ours,
    /// A function or a log by the form of its key, whose identifiers are none.
    Unnamed,
    /// Something that neither backend wrote.
    Other,
}

impl ItemKind {
    /// The attributes by which this is told, as a projection.
    pub const ATTRIBUTES: &str = "PK, SK, version";

    /// What `item` is, of which [`ItemKind::ATTRIBUTES`] are enough.
    pub fn of(item: &HashMap<String, AttributeValue>) -> Self {
        Self::at(item).unwrap_or_else(|| {
            let begins = |name, with: &str| text(item, name).is_some_and(|t| t.starts_with(with));
            let is_log = begins(PK, keys::LOG_PARTITION) && begins(SK, LOG_PREFIX);
            if is_log || begins(SK, FUNCTION_PREFIX) { Self::Unnamed } else { Self::Other }
        })
    }

    fn at(item: &Item) -> Option<Self> {
        let (pk, sk) = (text(item, PK)?, text(item, SK)?);
        if let Some(function) = keys::function_of_log_partition(pk) {
            let is_earlier = is_earlier_log(sk);
            return sk.starts_with(LOG_PREFIX).then_some(Self::Log { function, is_earlier });
        }
        if keys::is_of_an_owner(pk) || keys::is_of_an_intent(pk) {
            return Some(Self::Ours);
        }
        let workspace = keys::workspace_of_partition(pk)?;
        let is_earlier = !is_present(item);
        if sk == keys::workspace(&workspace).sk {
            return Some(Self::Workspace { id: workspace, is_earlier });
        }
        if let Some(id) = keys::function_of(sk) {
            return Some(Self::Function { workspace, id, is_earlier });
        }
        let is_ours = sk == keys::workspace_usage(&workspace).sk
            || keys::function_of_usage(sk).is_some()
            || keys::function_of_retry_marker(sk).is_some();
        is_ours.then_some(Self::Ours)
    }
}

/// What is to become of an item.
#[derive(Debug)]
pub enum MigrationAction<T> {
    /// Nothing: it is in the present form, or gone.
    Stays,
    /// It is brought to the present form.
    Rewritten(T),
    /// It is removed: an execution or a deletion that met a deletion left it, and
    /// nothing but counts is in it.
    Removed(Orphan),
    /// It is left as it is: why, as a sentence's end that follows its name.
    Left(String),
}

/// An item that holds nothing but counts.
#[derive(Debug)]
pub struct Orphan(Key);

/// All that a ghost can hold beside its keys: what the earlier backend wrote by
/// itself when a function was called or deployed.
const COUNTS: [&str; 8] = [
    "invocations24h",
    "errors24h",
    "avgDuration",
    "errorRate",
    "functionCount",
    "lastModified",
    "lastDeployed",
    "invocationUrl",
];

/// What the earlier backend kept in an item, and the present form has elsewhere or not at all.
const DROPPED: [&str; 7] = [
    "code",
    "invocationUrl",
    "lastDeployed",
    "invocations24h",
    "errors24h",
    "avgDuration",
    "errorRate",
];

impl Store {
    /// What the table lacks for the present form, a sentence each; nothing, if it
    /// lacks nothing.
    pub async fn table_lacks(&self) -> Result<Vec<&'static str>, Error> {
        let attempt = || async {
            let described = self.dynamodb.describe_table().table_name(&*self.table).send().await;
            described.map_err(failure("DynamoDB DescribeTable"))
        };
        let described = patiently(attempt).await?;
        let table = described.table.ok_or_else(|| Error::internal("DescribeTable told nothing"))?;
        let attempt = || async {
            let describe = self.dynamodb.describe_time_to_live().table_name(&*self.table);
            describe.send().await.map_err(failure("DynamoDB DescribeTimeToLive"))
        };
        let ends = patiently(attempt).await?.time_to_live_description;
        let is_on = ends.is_some_and(|ends| {
            let on = [TimeToLiveStatus::Enabled, TimeToLiveStatus::Enabling];
            ends.attribute_name() == Some("expiresAt")
                && ends.time_to_live_status().is_some_and(|status| on.contains(status))
        });
        let mut lacks = lacks(&table);
        if !is_on {
            lacks.push("it removes nothing at its time to live, expiresAt");
        }
        Ok(lacks)
    }

    /// Removes a ghost, unless it has become something else meanwhile.
    ///
    /// Where it was a function's, whoever follows the stream purges that function:
    /// the logs and the source that its unfinished deletion has left go, too.
    pub async fn remove_ghost(&self, ghost: &Orphan) -> Result<(), Error> {
        let attempt = || async {
            let delete = self.dynamodb.delete_item().table_name(&*self.table);
            let sent = delete
                .set_key(Some(ghost.0.clone().into_item()))
                .condition_expression(
                    "attribute_not_exists(#name) AND attribute_not_exists(code) \
                     AND attribute_not_exists(version)",
                )
                .expression_attribute_names("#name", "name")
                .send()
                .await;
            unless_refused(sent.map(drop), failure("DynamoDB DeleteItem, ghost"))
        };
        patiently(attempt).await
    }

    /// Puts `new` in the place of what was `read`, together with `others`, if the
    /// attributes `same` are as they were read. Whether it was put; if not, somebody
    /// else changed something meanwhile.
    async fn replace(
        &self,
        what: &'static str,
        read: &Item,
        same: &[&str],
        new: Item,
        others: Vec<TransactWriteItem>,
    ) -> Result<bool, Error> {
        let unchanged = unchanged(read, same);
        let mut new = new;
        for (name, value) in read {
            // What somebody else has put there stays.
            if !DROPPED.contains(&name.as_str()) {
                new.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(new))
            .condition_expression(unchanged.condition)
            .set_expression_attribute_names(Some(unchanged.names))
            .set_expression_attribute_values(Some(unchanged.values))
            .build()
            .map_err(Error::internal)?;
        let mut items = vec![TransactWriteItem::builder().put(put).build()];
        items.extend(others);
        let outcome = self.transact(what, items).await?;
        Ok(matches!(outcome, TransactionResult::Committed))
    }
}

fn lacks(table: &TableDescription) -> Vec<&'static str> {
    let mut lacks = Vec::new();
    let index = table.global_secondary_indexes().iter().find(|i| i.index_name() == Some(INDEX));
    let has_key = |kind: KeyType, name: &str| {
        let keys = index.map(|index| index.key_schema()).unwrap_or_default();
        keys.iter().any(|key| *key.key_type() == kind && key.attribute_name() == name)
    };
    let projection = index.and_then(|index| index.projection()).and_then(|p| p.projection_type());
    if !has_key(KeyType::Hash, INDEX_PK)
        || !has_key(KeyType::Range, INDEX_SK)
        || projection != Some(&ProjectionType::All)
    {
        lacks.push("it has no index GSI1 with the keys GSI1PK and GSI1SK and all attributes");
    } else if index.and_then(|i| i.index_status()).is_some_and(|s| *s != IndexStatus::Active) {
        lacks.push("its index GSI1 is still being made");
    }
    let stream = table.stream_specification().filter(|stream| stream.stream_enabled());
    if stream.and_then(|s| s.stream_view_type()) != Some(&StreamViewType::NewAndOldImages) {
        lacks.push("it has no stream of new and old images");
    }
    lacks
}

/// Whether a workspace or a function is in the present form.
fn is_present(item: &Item) -> bool {
    item.contains_key("version")
}

fn is_earlier_log(sk: &str) -> bool {
    keys::parts_of_log(sk).is_none_or(|(_, id)| id.parse::<LogId>().is_err())
}

fn is_ghost(item: &Item) -> bool {
    item.keys().all(|name| [PK, SK].contains(&&**name) || COUNTS.contains(&&**name))
}

/// The condition that nobody has brought an item to the present form since it was
/// `read`, and that the attributes `same` are as they were.
fn unchanged(read: &Item, same: &[&str]) -> Expression {
    let mut unchanged = Expression {
        condition: format!("attribute_exists({PK}) AND attribute_not_exists(version)"),
        ..Expression::default()
    };
    for name in same {
        unchanged.names.insert(format!("#{name}"), (*name).to_owned());
        let condition = match read.get(*name) {
            Some(value) => {
                unchanged.values.insert(format!(":{name}"), value.clone());
                format!(" AND #{name} = :{name}")
            }
            None => format!(" AND attribute_not_exists(#{name})"),
        };
        unchanged.condition.push_str(&condition);
    }
    unchanged
}

/// The fields of an item. What the earlier backend had no value for it wrote as
/// null or as an empty text; both are as if they weren't there.
fn fields(item: &Item) -> Result<Fields, Error> {
    let is_value = |value: &AttributeValue| {
        !value.is_null() && value.as_s().map_or(true, |text| !text.is_empty())
    };
    let values = item.iter().filter(|(_, value)| is_value(value));
    Ok(Fields::parse(json::object(values).as_bytes())?)
}

/// A time as the earlier backend wrote it: with an offset, or in UTC without one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct EarlierTime(Timestamp);

impl EarlierTime {
    fn parse(text: &str) -> Option<Self> {
        text.parse().or_else(|_| format!("{text}Z").parse()).ok().map(Self)
    }
}

impl TryFrom<Value> for EarlierTime {
    type Error = ValidationError;

    fn try_from(value: Value) -> Result<Self, ValidationError> {
        let time = value.as_str().and_then(Self::parse);
        time.ok_or_else(|| ValidationError::because("must be a time, such as 2026-01-31T09:05:00Z"))
    }
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

/// Tries again, with growing pauses, what is safe to repeat.
async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    attempt: impl FnMut() -> F,
) -> Result<T, Error> {
    attempt.retry(retry_policy()).when(|error| matches!(error, Error::Unavailable(_))).await
}

/// What came of a write, where it is as good that its condition did not hold.
fn unless_refused<E: ProvideErrorMetadata>(
    sent: Result<(), E>,
    failure: impl Fn(E) -> Error,
) -> Result<(), Error> {
    match sent {
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
        sent => sent.map_err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(attributes: &[(&str, &str)]) -> Item {
        let attribute = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), AttributeValue::S((*value).to_owned()))
        };
        attributes.iter().map(attribute).collect()
    }

    #[test]
    fn the_earlier_forms_are_told_from_ours_and_from_others() {
        let found = |pk: &str, sk: &str| ItemKind::of(&item(&[(PK, pk), (SK, sk)]));
        let ws = "ws-7hKQxZ2m".parse::<WorkspaceId>().unwrap();
        let function = "fn-Ab3dEf9h".parse::<FunctionId>().unwrap();
        let pk = "WS#ws-7hKQxZ2m";
        let of_workspace = |is_earlier| ItemKind::Workspace { id: ws.clone(), is_earlier };
        assert_eq!(found(pk, "METADATA"), of_workspace(true));
        let present = item(&[(PK, pk), (SK, "METADATA"), ("version", "1")]);
        assert_eq!(ItemKind::of(&present), of_workspace(false));
        let id = function.clone();
        let of_function = ItemKind::Function { workspace: ws.clone(), id, is_earlier: true };
        assert_eq!(found(pk, "FN#fn-Ab3dEf9h"), of_function);
        for (sk, is_earlier) in [
            ("LOG#2025-11-08T03:04:05.123456#9kLmN2pQ", true),
            ("LOG#2025-11-08T12:04:05.123456+09:00#9kLmN2pQ", true),
            ("LOG#2025-11-08T03:04:05.123Z#log-9kLmN2pQ", false),
            ("LOG#", true),
        ] {
            let of_log = ItemKind::Log { function: function.clone(), is_earlier };
            assert_eq!(found("FN#fn-Ab3dEf9h", sk), of_log, "{sk}");
        }
        for sk in ["METRICS", "METRICS#fn-Ab3dEf9h", "NOTE#fn-Ab3dEf9h"] {
            assert_eq!(found(pk, sk), ItemKind::Ours, "{sk}");
        }
        for (pk, sk) in [(pk, "FN#x"), ("WS#x y", "FN#fn-a"), ("FN#x", "LOG#2025")] {
            assert_eq!(found(pk, sk), ItemKind::Unnamed, "{pk} {sk}");
        }
        for (pk, sk) in [(pk, "BUILD#1"), ("USER#1", "METADATA"), ("FN#fn-a", "X")] {
            assert_eq!(found(pk, sk), ItemKind::Other, "{pk} {sk}");
        }
        assert_eq!(ItemKind::of(&Item::new()), ItemKind::Other);
    }

    #[test]
    fn times_without_an_offset_are_in_utc() {
        for text in [
            "2025-11-08T03:04:05.123456",
            "2025-11-08T12:04:05.123456+09:00",
            "2025-11-08T03:04:05.123Z",
        ] {
            let time = EarlierTime::parse(text).unwrap().0;
            assert_eq!(time.to_string(), "2025-11-08T03:04:05.123Z", "{text}");
        }
        let whole = EarlierTime::parse("2025-11-08T03:04:05").unwrap().0;
        assert_eq!(whole.to_string(), "2025-11-08T03:04:05.000Z");
        for text in ["", "2025-11-08", "yesterday", "1762571045"] {
            assert_eq!(EarlierTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_what_holds_nothing_but_counts_is_a_ghost() {
        let counts = [(PK, "WS#ws-a"), (SK, "FN#fn-a"), ("invocations24h", "1")];
        assert!(is_ghost(&item(&counts)));
        for name in ["name", "code", "environmentVariables", "version", "anything"] {
            let mut more = counts.to_vec();
            more.push((name, "x"));
            assert!(!is_ghost(&item(&more)), "{name}");
        }
    }
}
