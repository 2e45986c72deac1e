//! The processor time of a function, from its logs.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;

use super::Store;
use super::item::{Item, readable};
use super::keys::{self, INDEX_PK, PK, SK};
use super::log::MAX_RESPONSES;
use crate::aws::failure::failure;
use crate::domain::{FunctionId, Owner, ProcessorTime, Timestamp, UsedProcessorTime};
use crate::error::Error;

/// What a log tells of the processor.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    timestamp: Timestamp,
    duration: f64,
    #[serde(default)]
    cpu_time: Option<f64>,
}

impl Record {
    fn read(item: Item) -> Result<UsedProcessorTime, Error> {
        let Self { timestamp: began, duration, cpu_time } =
            serde_dynamo::from_item(item).map_err(Error::internal)?;
        Ok(UsedProcessorTime { began, duration, cpu_time })
    }
}

impl Store {
    /// The processor time that a function has used over the last hour.
    ///
    /// A limited number of executions is read, the latest first, and not those of the last moment:
    /// only full minutes are told.
    ///
    /// # Errors
    /// [`Error::NotFound`] where this owner doesn't see the function or its workspace.
    pub async fn processor_time(
        &self,
        owner: &Owner,
        id: &FunctionId,
    ) -> Result<ProcessorTime, Error> {
        let mut hour = ProcessorTime::before(self.now());
        let (since, until) = hour.window();
        let (from, to) = keys::logs_between(since, until);
        let mut found = self
            .dynamodb
            .query()
            .table_name(&*self.table)
            .key_condition_expression(format!("{PK} = :pk AND {SK} BETWEEN :from AND :to"))
            .expression_attribute_values(":pk", AttributeValue::S(keys::log_partition(id)))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            // Not the detail: it is most of a log.
            .projection_expression(format!("#timestamp, #duration, cpuTime, {INDEX_PK}"))
            .expression_attribute_names("#timestamp", "timestamp")
            .expression_attribute_names("#duration", "duration")
            .scan_index_forward(false)
            .into_paginator()
            .send();
        for response in 1..=MAX_RESPONSES {
            let Some(items) = found.next().await else { break };
            let items = items.map_err(failure("DynamoDB Query, processor time"))?;
            if response == 1 {
                self.function_is_visible(owner, id, items.items().first()).await?;
            }
            let has_more = items.last_evaluated_key().is_some();
            let mut oldest = None;
            for used in readable(items.items, Record::read) {
                oldest = Some(used.began);
                hour.add(used);
            }
            if let Some(oldest) = oldest.filter(|_| response == MAX_RESPONSES && has_more) {
                hour.was_read_from(oldest);
            }
        }
        Ok(hour)
    }
}
