//! How far a function is deployed.

/// How far the present version of a function is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentState {
    /// It is what a call meets.
    Deployed,
    /// Its deployment is going on, or has yet to begin.
    Pending,
    /// It can't be deployed, for the reason in this sentence.
    Failed(String),
}
