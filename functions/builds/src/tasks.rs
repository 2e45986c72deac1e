//! What clients read of tasks.

use serde::Serialize;
use shared::domain::{FileName, Name, Task, TaskId, TaskStatus, Timestamp, WorkspaceId};
use utoipa::ToSchema;

/// A task that has just been made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StartedTask {
    /// Its identifier.
    #[schema(value_type = TaskId)]
    task_id: TaskId,
    /// How far it is.
    status: Status,
    /// That in words.
    message: &'static str,
}

impl StartedTask {
    pub(crate) fn of(task_id: TaskId) -> Self {
        let message = "the source is kept, and is deployed with its function; the task tells how \
            far that is";
        Self { task_id, status: Status::Pending, message }
    }
}

/// How far a build is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TaskStatus)]
enum Status {
    /// It was just made.
    Pending,
    /// The function that has its source is being deployed.
    Running,
    /// The function that has its source can be called, or no function has it.
    Done,
    /// The function that has its source can't be deployed.
    Failed,
}

/// What a build has made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BuildResult {
    /// Names the build, for `POST /api/v1/deploy`.
    image_url: String,
    /// Always null: nothing is compiled.
    #[schema(required, value_type = Option<String>)]
    wasm_path: Option<()>,
    /// The name of the file that was sent.
    #[schema(value_type = String)]
    file_path: FileName,
}

/// The task of a build.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Task)]
pub(crate) struct TaskAnswer {
    /// Its identifier.
    task_id: TaskId,
    /// How far it is.
    status: Status,
    /// What came of it; null until it is done.
    #[schema(required)]
    result: Option<BuildResult>,
    /// Why it failed, if it did.
    #[schema(required)]
    error: Option<String>,
}

/// The task of a build, in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedTask {
    #[serde(flatten)]
    task: TaskAnswer,
    /// The name of the app that was built.
    app_name: Name,
    /// When it was made.
    created_at: Timestamp,
    /// When it came to be what it is.
    updated_at: Timestamp,
}

/// The tasks of a workspace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tasks {
    /// The workspace.
    workspace_id: WorkspaceId,
    /// Its tasks, the newest first.
    tasks: Vec<ListedTask>,
    /// How many of them are in this answer.
    count: usize,
}

impl Tasks {
    pub(crate) fn new(workspace_id: WorkspaceId, tasks: Vec<Task>) -> Self {
        let tasks: Vec<_> = tasks.into_iter().map(ListedTask::from).collect();
        Self { workspace_id, count: tasks.len(), tasks }
    }
}

impl From<Task> for TaskAnswer {
    fn from(task: Task) -> Self {
        let Task { id, image, file_name, status, .. } = task;
        let (status, error) = match status {
            TaskStatus::Running => (Status::Running, None),
            TaskStatus::Done => (Status::Done, None),
            TaskStatus::Failed(reason) => (Status::Failed, Some(reason)),
        };
        let result = matches!(status, Status::Done).then(|| BuildResult {
            image_url: image.to_string(),
            wasm_path: None,
            file_path: file_name,
        });
        Self { task_id: id, status, result, error }
    }
}

impl From<Task> for ListedTask {
    fn from(task: Task) -> Self {
        let app_name = task.image.app_name.clone();
        let (created_at, updated_at) = (task.created_at, task.updated_at);
        Self { task: task.into(), app_name, created_at, updated_at }
    }
}
