//! Quotas of owners.

/// The quotas that a deployment gives each owner.
///
/// The engine limits the concurrent executions of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// The most workspaces of an owner.
    pub workspaces: u32,
    /// The most functions of a workspace.
    pub functions: u32,
    /// The most requests of an owner that begin in one second; `None` is no limit.
    pub requests_per_second: Option<u32>,
}

/// A quota that is used up, with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Quota {
    /// [`Quotas::workspaces`].
    #[error("an owner may have {0} workspaces, and you have them; delete one first")]
    Workspaces(u32),
    /// [`Quotas::functions`].
    #[error("a workspace may have {0} functions, and this one has them; delete one first")]
    Functions(u32),
    /// [`super::InvocationKey::MOST`].
    #[error("a function may have {0} invocation keys, and this one has them; revoke one first")]
    InvocationKeys(u32),
    /// [`Quotas::requests_per_second`].
    #[error("you may send {0} requests a second, and did; try again in a second")]
    RequestsPerSecond(u32),
    /// The concurrent executions of a function. `None` where the function was deployed with a limit
    /// that the configuration has no more.
    #[error("a function may run {} at once, and this one is called more often; try again in a moment", times(.0))]
    ConcurrentExecutions(Option<u32>),
}

impl Quota {
    /// The value of the quota, if it is known.
    pub fn value(self) -> Option<u32> {
        match self {
            Self::Workspaces(most)
            | Self::Functions(most)
            | Self::InvocationKeys(most)
            | Self::RequestsPerSecond(most) => Some(most),
            Self::ConcurrentExecutions(most) => most,
        }
    }

    /// The name of the quota, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Workspaces(_) => "workspacesPerOwner",
            Self::Functions(_) => "functionsPerWorkspace",
            Self::InvocationKeys(_) => "invocationKeysPerFunction",
            Self::RequestsPerSecond(_) => "requestsPerSecondAndOwner",
            Self::ConcurrentExecutions(_) => "concurrentExecutionsPerFunction",
        }
    }

    /// Whether waiting helps: the quota limits a rate or concurrency, and not the number of
    /// resources.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::RequestsPerSecond(_) | Self::ConcurrentExecutions(_))
    }
}

fn times(most: &Option<u32>) -> String {
    most.map_or_else(|| "only so often".to_owned(), |most| format!("{most} times"))
}
