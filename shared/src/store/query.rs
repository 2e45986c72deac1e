//! Queries that several lists begin with.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::Store;
use super::keys::{PK, SK};
use crate::domain::PageRequest;

impl Store {
    /// A query for the items of a partition whose sort keys begin with `prefix`.
    pub(super) fn items_below(&self, pk: String, prefix: &str) -> QueryFluentBuilder {
        self.dynamodb
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression(format!("{PK} = :pk AND begins_with({SK}, :prefix)"))
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.into()))
    }
}

/// How many items DynamoDB should read at a time for `page`: one more than its limit, to know
/// whether another page follows.
pub(super) fn page_size(page: &PageRequest) -> Option<i32> {
    page.limit().and_then(|limit| i32::try_from(limit + 1).ok())
}
