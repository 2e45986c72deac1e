//! What becomes of a legacy item, and carrying it out.

use aws_sdk_dynamodb::types::Put;

use crate::error::Error;
use crate::store::Store;
use crate::store::expression::{Expression, ignore_failed_condition};
use crate::store::item::Item;
use crate::store::keys::{Key, PK, SK};
use crate::store::retry::retry_unavailable;
use crate::store::transaction::{Tag, TransactionItem, TransactionResult};

/// What becomes of an item.
#[derive(Debug)]
pub enum MigrationAction<T> {
    /// Nothing: it is in the current form, or deleted.
    Keep,
    /// It is rewritten in the current form.
    Rewrite(T),
    /// It is deleted: an execution or a deletion that met another deletion has left it, and it holds
    /// nothing but counts.
    Delete(Orphan),
    /// It is left as it is, for a reason that completes a sentence that begins with its name.
    Skip(String),
}

/// What became of rewriting an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// It is in the current form.
    Done,
    /// Nothing: it, or its workspace, was changed since it was read.
    Outdated,
}

/// The key of an item that holds nothing but counts.
#[derive(Debug)]
pub struct Orphan(pub(super) Key);

/// The attributes that an orphan can have beside its keys: the legacy backend wrote them when a
/// function was called or deployed.
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

/// The legacy attributes that the current form stores elsewhere or not at all.
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
    /// Deletes an orphan, unless it is one no more.
    ///
    /// The reconciler then purges a function's orphan: the logs and the source that its unfinished
    /// deletion has left.
    pub async fn delete_orphan(&self, orphan: &Orphan) -> Result<(), Error> {
        let attempt = || async {
            let delete = self.dynamodb.delete_item().table_name(&*self.table);
            let sent = delete
                .set_key(Some(orphan.0.clone().into_item()))
                .condition_expression(
                    "attribute_not_exists(#name) AND attribute_not_exists(code) \
                     AND attribute_not_exists(version)",
                )
                .expression_attribute_names("#name", "name")
                .send()
                .await;
            ignore_failed_condition(sent, "DynamoDB DeleteItem, orphan")
        };
        retry_unavailable(attempt).await
    }

    /// Replaces the item that was `read` with `new`, together with `others`, if the attributes
    /// `same` are as they were read.
    pub(super) async fn replace(
        &self,
        what: &'static str,
        tag: Tag,
        read: &Item,
        same: &[&str],
        mut new: Item,
        others: impl IntoIterator<Item = TransactionItem>,
    ) -> Result<Rewrite, Error> {
        let unchanged = unchanged(read, same);
        for (name, value) in read {
            // Attributes of other programs stay.
            if !DROPPED.contains(&name.as_str()) {
                new.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        let put = Put::builder()
            .table_name(&*self.table)
            .set_item(Some(new))
            .condition_expression(unchanged.condition)
            .set_expression_attribute_names(Some(unchanged.names))
            .set_expression_attribute_values(Some(unchanged.values));
        let mut items = vec![TransactionItem::put(tag, put)?];
        items.extend(others);
        Ok(match self.transact(what, items).await? {
            TransactionResult::Committed => Rewrite::Done,
            TransactionResult::Refused(_) => Rewrite::Outdated,
        })
    }
}

/// Whether an item holds nothing but counts.
pub(super) fn is_orphan(item: &Item) -> bool {
    item.keys().all(|name| [PK, SK].contains(&&**name) || COUNTS.contains(&&**name))
}

/// The condition that an item is still in its legacy form and the attributes `same` are as they were
/// `read`.
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

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    #[test]
    fn item_with_counts_only_is_an_orphan() {
        let item = |names: &[&str]| -> Item {
            let value = AttributeValue::S("x".to_owned());
            names.iter().map(|name| ((*name).to_owned(), value.clone())).collect()
        };
        assert!(is_orphan(&item(&[PK, SK, "invocations24h"])));
        for name in ["name", "code", "environmentVariables", "version", "anything"] {
            assert!(!is_orphan(&item(&[PK, SK, "invocations24h", name])), "{name}");
        }
    }
}
