//! Ids in the forms of AWS's: of requests, invocations, traces and functions.

use ulid::Ulid;

/// The account id of everything local.
pub const ACCOUNT: &str = "000000000000";

/// The label of a function's version that changes.
pub const LATEST: &str = "$LATEST";

/// A new id of an invocation, in the form of a UUID.
pub fn invocation_id() -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(Ulid::generate().to_bytes()));
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A new id of a request to the gateway: 26 characters, sortable by time.
pub fn request_id() -> String {
    Ulid::generate().to_string()
}

/// A new X-Ray header value, of a trace that is not sampled.
pub fn trace_id() -> String {
    let ulid = Ulid::generate();
    let random = format!("{:024x}", ulid.random());
    format!("Root=1-{:08x}-{}", ulid.timestamp_ms() / 1000, &random[..24])
}

/// The ARN of the function `name`.
pub fn function_arn(region: &str, name: &str) -> String {
    format!("arn:aws:lambda:{region}:{ACCOUNT}:function:{name}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn invocation_and_trace_ids_have_the_forms_of_aws() {
        let id = super::invocation_id();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        let trace = super::trace_id();
        assert_eq!(trace.len(), "Root=1-5759e988-bd862e3fe1be46a994272793".len(), "{trace}");
    }
}
