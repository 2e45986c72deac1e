//! What AWS asks for, in US dollars.

use crate::cost::Cost;

/// On-demand prices. Those given unless said are of us-east-1, as AWS's pages have had them since
/// DynamoDB's were halved in November 2024; free tiers and discounts for much use are left out.
#[derive(Clone, Copy, Debug)]
pub struct Prices {
    /// A million of DynamoDB's write units.
    pub write_units: f64,
    /// A million of its read units.
    pub read_units: f64,
    /// A million objects written.
    pub puts: f64,
    /// A million objects read.
    pub gets: f64,
    /// A million requests to an HTTP API.
    pub requests: f64,
    /// A million invocations of a Lambda function, its time left out.
    pub invocations: f64,
    /// A second of a Lambda function on arm64 with a gigabyte.
    pub gigabyte_second: f64,
    /// A gigabyte of log lines.
    pub log_gigabyte: f64,
    /// A gigabyte in the table, or in its index, for a month.
    pub table_gigabyte_month: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            write_units: 0.625,
            read_units: 0.125,
            puts: 5.0,
            gets: 0.4,
            requests: 1.0,
            invocations: 0.2,
            gigabyte_second: 0.000_013_333_4,
            log_gigabyte: 0.5,
            table_gigabyte_month: 0.25,
        }
    }
}

impl Prices {
    /// Dollars that table and bucket cost for a million requests.
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
        // API Gateway answers a preflight of an API's page only where no route takes it: ours do.
        self.storage(cost) + self.requests + self.invocations + invoked
    }

    fn times(&self, cost: &Cost, call: &str, price: f64) -> f64 {
        cost.calls.iter().filter(|name| *name == call).count() as f64 * price
    }
}
