//! Prices of AWS, in US dollars.

use clap::Args;

use crate::cost::Cost;

/// Prices in US dollars; those not given are of us-east-1. Free tiers and discounts for much use
/// are left out.
#[derive(Args, Clone, Copy, Debug)]
pub struct Prices {
    /// A million write units of DynamoDB.
    #[arg(long, value_name = "USD", default_value_t = Self::US_EAST_1.write_units)]
    pub write_units: f64,
    /// A million read units of DynamoDB.
    #[arg(long, value_name = "USD", default_value_t = Self::US_EAST_1.read_units)]
    pub read_units: f64,
    /// A million objects written to S3.
    #[arg(long, value_name = "USD", default_value_t = Self::US_EAST_1.puts)]
    pub puts: f64,
    /// A million objects read from S3.
    #[arg(long, value_name = "USD", default_value_t = Self::US_EAST_1.gets)]
    pub gets: f64,
    /// A million requests to an HTTP API.
    #[arg(long, value_name = "USD", default_value_t = Self::US_EAST_1.requests)]
    pub requests: f64,
    /// A million invocations of Lambda functions.
    #[arg(long, value_name = "USD", default_value_t = Self::US_EAST_1.invocations)]
    pub invocations: f64,
    /// A second of a Lambda function with a gigabyte, on arm64.
    #[arg(long, value_name = "USD", default_value_t = Self::US_EAST_1.gigabyte_second)]
    pub gigabyte_second: f64,
    /// A gigabyte of log lines in CloudWatch.
    #[arg(long, value_name = "USD", default_value_t = Self::US_EAST_1.log_gigabyte)]
    pub log_gigabyte: f64,
    /// A gigabyte in the table or its index, for a month.
    #[arg(long, value_name = "USD", default_value_t = Self::US_EAST_1.table_gigabyte_month)]
    pub table_gigabyte_month: f64,
}

impl Prices {
    /// On-demand prices of us-east-1, from AWS's pages; DynamoDB's were halved in November 2024.
    pub const US_EAST_1: Self = Self {
        write_units: 0.625,
        read_units: 0.125,
        puts: 5.0,
        gets: 0.4,
        requests: 1.0,
        invocations: 0.2,
        gigabyte_second: 0.000_013_333_4,
        log_gigabyte: 0.5,
        table_gigabyte_month: 0.25,
    };

    /// Dollars of table and bucket for a million requests.
    pub fn storage(&self, cost: &Cost) -> f64 {
        let objects = self.times(cost, "PutObject", self.puts);
        let objects = objects + self.times(cost, "GetObject", self.gets);
        // S3 bills a HEAD as it bills a GET.
        let objects = objects + self.times(cost, "HeadBucket", self.gets);
        cost.read * self.read_units + cost.written * self.write_units + objects
    }

    /// The same with the gateway, our Lambda and the user's function, but not their time.
    pub fn all(&self, cost: &Cost) -> f64 {
        let invoked = self.times(cost, "Invoke", self.invocations);
        self.storage(cost) + self.requests + self.invocations + invoked
    }

    fn times(&self, cost: &Cost, call: &str, price: f64) -> f64 {
        cost.calls.iter().filter(|name| *name == call).count() as f64 * price
    }
}
