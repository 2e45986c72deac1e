//! Requests of clients.

/// An operation of the API. `Once` means with an `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Command {
    CreateWorkspace,
    CreateWorkspaceOnce,
    ListWorkspaces,
    ReadWorkspace,
    /// With a rate limit, which counts the owner's requests.
    ReadWorkspaceCounted,
    PatchWorkspace,
    DeleteWorkspace,
    CreateFunction,
    CreateFunctionOnce,
    ListFunctions,
    ReadFunction,
    PatchFunction,
    PatchSource,
    /// With a source that imports one of the files.
    PatchFiles,
    TakeUpload,
    ExpectUpload,
    DeleteFunction,
    MakeKey,
    MakeKeyOnce,
    ListKeys,
    RevokeKey,
    TryOut,
    TryOutOnce,
    Call,
    FunctionLogs,
    WorkspaceLogs,
    LatestLines,
    ProcessorTime,
    Build,
    BuildOnce,
    ReadTask,
    ListTasks,
    DeployBuild,
    DeployAgain,
    DeepHealth,
}

impl Command {
    pub(crate) const ALL: [Self; 35] = [
        Self::CreateWorkspace,
        Self::CreateWorkspaceOnce,
        Self::ListWorkspaces,
        Self::ReadWorkspace,
        Self::ReadWorkspaceCounted,
        Self::PatchWorkspace,
        Self::DeleteWorkspace,
        Self::CreateFunction,
        Self::CreateFunctionOnce,
        Self::ListFunctions,
        Self::ReadFunction,
        Self::PatchFunction,
        Self::PatchSource,
        Self::PatchFiles,
        Self::TakeUpload,
        Self::ExpectUpload,
        Self::DeleteFunction,
        Self::MakeKey,
        Self::MakeKeyOnce,
        Self::ListKeys,
        Self::RevokeKey,
        Self::TryOut,
        Self::TryOutOnce,
        Self::Call,
        Self::FunctionLogs,
        Self::WorkspaceLogs,
        Self::LatestLines,
        Self::ProcessorTime,
        Self::Build,
        Self::BuildOnce,
        Self::ReadTask,
        Self::ListTasks,
        Self::DeployBuild,
        Self::DeployAgain,
        Self::DeepHealth,
    ];

    pub(crate) fn is_idempotent(self) -> bool {
        use Command::*;
        matches!(
            self,
            CreateWorkspaceOnce | CreateFunctionOnce | MakeKeyOnce | TryOutOnce | BuildOnce
        )
    }

    /// Whether it runs a function, which must not happen twice.
    pub(crate) fn is_execution(self) -> bool {
        matches!(self, Self::TryOut | Self::TryOutOnce | Self::Call)
    }

    /// Whether its answer is another one a minute later.
    pub(crate) fn depends_on_the_clock(self) -> bool {
        matches!(self, Self::DeepHealth | Self::ProcessorTime)
    }

    pub(crate) fn is_read(self) -> bool {
        use Command::*;
        matches!(
            self,
            ListWorkspaces
                | ReadWorkspace
                | ReadWorkspaceCounted
                | ListFunctions
                | ReadFunction
                | ListKeys
                | FunctionLogs
                | WorkspaceLogs
                | LatestLines
                | ProcessorTime
                | ReadTask
                | ListTasks
                | DeployAgain
                | DeepHealth
        )
    }
}
